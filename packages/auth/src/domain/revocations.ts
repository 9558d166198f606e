import type { Seconds } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import type { Clock } from '@gatehouse/core/time'
import { createRevocationSet, type RevocationSet } from '@gatehouse/guard/revocations'
import type { Store, Tables } from '@gatehouse/store/store'

/** What is to be revoked: an entry that has not got its place in the order yet. */
export type NewRevocation = Omit<Revocation, 'seq'>

const pageSize = 5000

/** The revocations: the table is the truth, every process holds it in memory, and verification asks the memory. */
export interface Revocations {
  readonly set: RevocationSet
  /** Reads the whole table; until then nothing is verified. */
  load(): Promise<void>
  /** Reads what was added since: called each second and on every hint. */
  follow(): Promise<readonly Revocation[]>
  /** Writes entries inside a transaction; call {@link announce} with them once it has committed. */
  write(tables: Tables, entries: readonly NewRevocation[]): Promise<readonly Revocation[]>
  /** Makes committed entries effective here at once and tells the other processes. */
  announce(entries: readonly Revocation[]): Promise<void>
}

/** Tells the other processes that something changed. Only a hint: they read the table each second anyway. */
export type Hint = (channel: 'revocations' | 'signing-keys') => Promise<void>

/** Gives a hint of what has been committed. One that cannot be given is not missed, and must not undo an answer. */
export const giveHint = (hint: Hint, channel: Parameters<Hint>[0]): Promise<void> => hint(channel).catch(() => {})

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly hint: Hint
}

export function createRevocations({ store, clock, hint }: Dependencies): Revocations {
  const set = createRevocationSet()
  // How far the table has been read. Not the set's own last number: an entry that was announced here may have a greater one
  // than an entry of another process that has not been read yet.
  let readUpTo = 0
  let reading: Promise<readonly Revocation[]> | undefined

  const read = async (): Promise<readonly Revocation[]> => {
    const added: Revocation[] = []
    for (;;) {
      const page = await store.revocations.since(readUpTo, pageSize)
      set.add(page)
      added.push(...page)
      const last = page.at(-1)
      if (last) readUpTo = last.seq
      if (page.length < pageSize) break
    }
    set.removeExpired(clock.now())
    return added
  }
  const follow = (): Promise<readonly Revocation[]> => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
  return {
    set,
    async load() {
      await follow()
      set.markCurrent()
    },
    follow,
    write: (tables, entries) => tables.revocations.append(entries),
    async announce(entries) {
      set.add(entries)
      if (entries.length > 0) await giveHint(hint, 'revocations')
    },
  }
}

/** The latest of some moments, or the other one where there is none. */
export const latest = (moments: readonly Seconds[], otherwise: Seconds): Seconds =>
  moments.reduce((max, moment) => (moment > max ? moment : max), otherwise)
