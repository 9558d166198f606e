import type { RevocationEntry } from '@gatehouse/core/contracts'
import { feedEvents } from '@gatehouse/core/wire-names'

/** Entries in one event at most: about 150 kB. Readers may rely on an event being smaller than a mebibyte. */
export const entriesPerEvent = 1000

/** How long a reader should wait before it comes back, in milliseconds; those who add a random part do better. */
export const openingFrame = Buffer.from('retry: 1000\n\n')

/** Says that the connection lives. */
export const heartbeatFrame = Buffer.from(': alive\n\n')

const write = ({ kind, value, issued_before, expires_at }: RevocationEntry) => ({
  kind,
  value,
  issued_before,
  expires_at,
})

/**
 * One event with what is revoked. With `seq`, a reader that has it has everything up to that number; a part of a snapshot has
 * none, so that nobody resumes from the middle of one. Spec: HTML, server-sent events.
 */
export function buildRevokedFrame(entries: readonly RevocationEntry[], seq?: number): Buffer {
  const id = seq === undefined ? '' : `id: ${seq}\n`
  return Buffer.from(`${id}event: ${feedEvents.revoked}\ndata: ${JSON.stringify(entries.map(write))}\n\n`)
}

/** Says that everything up to this number has been told. */
export const buildCurrentFrame = (seq: number): Buffer =>
  Buffer.from(`id: ${seq}\nevent: ${feedEvents.current}\ndata: ${JSON.stringify({ seq })}\n\n`)
