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
  /** The number up to which the table has been read. */
  readonly lastRead: number
  /** Reads the whole table; until then nothing is verified. */
  load(): Promise<void>
  /** Reads what was committed before the call: called each second and on every hint. One read at a time. */
  follow(): Promise<void>
  /** Calls for what comes from now on. */
  watch(watcher: RevocationWatcher): void
  /** Writes entries inside a transaction; call {@link announce} with them once it has committed. */
  write(tables: Tables, entries: readonly NewRevocation[]): Promise<readonly Revocation[]>
  /** Makes committed entries effective here at once and tells the other processes. */
  announce(entries: readonly Revocation[]): Promise<void>
}

/** Who hears of revocations as they come. Neither may throw. */
export interface RevocationWatcher {
  /** What was read from the table, in its order and nothing left out: the feed. */
  readonly onRead?: (entries: readonly Revocation[]) => void
  /** What counts here from this moment on, as early as possible; an entry may come twice. */
  readonly onEffective?: (entries: readonly Revocation[]) => void
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
  let isLoaded = false
  let reading: Promise<void> | undefined
  let next: Promise<void> | undefined
  const watchers: RevocationWatcher[] = []

  const takeEffect = (entries: readonly Revocation[]): void => {
    set.add(entries)
    for (const watcher of watchers) watcher.onEffective?.(entries)
  }
  const read = async (): Promise<void> => {
    for (;;) {
      const page = await store.revocations.since(readUpTo, pageSize)
      const last = page.at(-1)
      if (last) {
        takeEffect(page)
        readUpTo = last.seq
        for (const watcher of watchers) watcher.onRead?.(page)
      }
      if (page.length < pageSize) break
    }
    set.removeExpired(clock.now())
  }
  const startReading = (): Promise<void> => {
    reading = read().finally(() => {
      reading = undefined
    })
    return reading
  }
  /** A read that is under way may have begun before the commit that the caller has heard of: another one follows it. */
  const follow = (): Promise<void> => {
    if (!reading) return startReading()
    next ??= reading
      .catch(() => {})
      .then(() => {
        next = undefined
        return startReading()
      })
    return next
  }
  return {
    set,
    get lastRead() {
      return readUpTo
    },
    async load() {
      // Before the first page: what has a smaller number was committed by now, and may have expired.
      const last = await store.revocations.lastSeq()
      await follow()
      readUpTo = Math.max(readUpTo, last)
      set.markCurrent()
      isLoaded = true
    },
    follow,
    watch(watcher) {
      watchers.push(watcher)
    },
    write: (tables, entries) => tables.revocations.append(entries),
    async announce(entries) {
      if (entries.length === 0) return
      takeEffect(entries)
      // The feed goes by what was read. A read that fails is made up for by the next round.
      if (isLoaded) void follow().catch(() => {})
      await giveHint(hint, 'revocations')
    },
  }
}

/** The latest of some moments, or the other one where there is none. */
export const latest = (moments: readonly Seconds[], otherwise: Seconds): Seconds =>
  moments.reduce((max, moment) => (moment > max ? moment : max), otherwise)
