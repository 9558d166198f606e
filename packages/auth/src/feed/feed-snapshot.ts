import { setImmediate } from 'node:timers/promises'
import type { RevocationEntry } from '@gatehouse/core/contracts'
import type { Clock } from '@gatehouse/core/time'
import type { RevocationSet } from '@gatehouse/guard/revocations'
import { buildRevokedFrame, entriesPerEvent } from './feed-frames.ts'

/** Everything that was revoked at a moment, written down. */
export interface FeedSnapshot {
  /** Everything up to this number is in it; some of what came later may be, too. */
  readonly seq: number
  readonly frames: readonly Buffer[]
}

/** Writes the set down, an event at a time, so that nobody waits for all of it. */
export async function writeSnapshot(set: RevocationSet, clock: Clock, seq: number): Promise<FeedSnapshot> {
  const frames: Buffer[] = []
  let part: RevocationEntry[] = []
  const now = clock.now()
  for (const entry of set.entries()) {
    if (entry.expires_at <= now) continue
    part.push(entry)
    if (part.length < entriesPerEvent) continue
    frames.push(buildRevokedFrame(part))
    part = []
    await setImmediate()
  }
  if (part.length > 0) frames.push(buildRevokedFrame(part))
  return { seq, frames }
}
