import { hash } from 'node:crypto'
import type { Revocation, RevocationEntry } from '@gatehouse/core/contracts'
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

const seqDigits = 10

/**
 * How the feed names an entry, and with it everything before: five digits that are made of the entry, and its number in ten. The
 * same at every replica and after a restart, and another one where the database was restored and the number given to another
 * entry. Where there is no entry yet it is 0. Guards take nothing but a number of 15 digits at most, without zeros in front.
 */
export function buildEventId(entry: Revocation | undefined): string {
  if (!entry) return '0'
  const { seq, kind, value, issued_before, expires_at } = entry
  const digest = hash('sha256', JSON.stringify([seq, kind, value, issued_before, expires_at]), 'hex')
  return `${10_000 + (Number.parseInt(digest.slice(0, 12), 16) % 90_000)}${String(seq).padStart(seqDigits, '0')}`
}

/** The number of the entry that an id names. */
export const parseEventId = (id: string): number => Number(id.slice(-seqDigits))

/**
 * One event with what is revoked. A reader that has its id has everything up to there; a part of a snapshot has none, so that
 * nobody resumes from the middle of one. Spec: HTML, server-sent events.
 */
export function buildRevokedFrame(entries: readonly RevocationEntry[], id?: string): Buffer {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  return Buffer.from(`${idLine}event: ${feedEvents.revoked}\ndata: ${JSON.stringify(entries.map(write))}\n\n`)
}

/** Says that everything up to this id has been told. */
export const buildCurrentFrame = (id: string): Buffer =>
  Buffer.from(`id: ${id}\nevent: ${feedEvents.current}\ndata: ${JSON.stringify({ seq: Number(id) })}\n\n`)
