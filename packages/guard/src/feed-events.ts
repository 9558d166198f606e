import { type RevocationEntry, type RevocationKind, revocationKinds } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'

const kinds: ReadonlySet<unknown> = new Set(revocationKinds)

/**
 * The entries of an event of the feed. Throws where anything is not as it should be: what cannot be read cannot be applied,
 * and a set that leaves something out must not be believed. A kind that is not known here counts as that, too.
 */
export function parseRevocations(data: string): readonly RevocationEntry[] {
  const list: unknown = JSON.parse(data)
  if (!Array.isArray(list)) throw new Error('the feed sent an event that is no list')
  return list.map(parseEntry)
}

function parseEntry(value: unknown): RevocationEntry {
  // Read for what it may have; each member is checked.
  const entry = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof RevocationEntry, unknown>
  >
  const { kind, value: name, issued_before, expires_at } = entry
  if (!isKind(kind) || typeof name !== 'string' || !isMoment(expires_at)) throw unreadable(kind)
  if (issued_before !== null && !isMoment(issued_before)) throw unreadable(kind)
  const before = issued_before === null ? null : seconds(issued_before)
  return { kind, value: name, issued_before: before, expires_at: seconds(expires_at) }
}

const isKind = (value: unknown): value is RevocationKind => kinds.has(value)

const isMoment = (value: unknown): value is number => Number.isSafeInteger(value)

const unreadable = (kind: unknown): Error =>
  new Error(`the feed sent an entry that cannot be read, of kind ${String(kind)}`)

/** The number that stands as an event's id; undefined where there is none. */
export function parseSeq(id: string | undefined): number | undefined {
  if (id === undefined) return undefined
  if (!/^\d{1,15}$/.test(id)) throw new Error('the feed sent an id that is no number')
  return Number(id)
}
