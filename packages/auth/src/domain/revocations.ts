import type { Seconds } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { RemovalClock } from '@gatehouse/core/removal-clock'
import type { Clock } from '@gatehouse/core/time'
import { createRevocationSet, type RevocationSet } from '@gatehouse/guard/revocations'
import type { Store, Tables } from '@gatehouse/store/store'

/** What is to be revoked: an entry that has not got its place in the order yet. */
export type NewRevocation = Omit<Revocation, 'seq'>

const pageSize = 5000

/** The revocations: the table is the truth, every process holds it in memory, and verification asks the memory. */
export interface Revocations {
  readonly set: RevocationSet
  /** The entry up to which the table has been read; undefined where there was none. */
  readonly lastRead: Revocation | undefined
  /** Reads the whole table; until then nothing is verified. */
  load(): Promise<void>
  /**
   * Reads what was committed before the call: called each second and on every hint. One read at a time. Where the table is not
   * the one that was read before, all of it is read anew.
   */
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
  /**
   * What was read last is not in the table any more, and all of the table has been read: what `onRead` tells from now on does
   * not follow what it has told. Whether the database is another one for sure (restored, or a standby that had not received
   * everything); otherwise that entry had expired, and may just have been removed.
   */
  readonly onReadAnew?: (isAnotherDatabase: boolean) => void
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
  const removal = new RemovalClock(clock)
  // How far the table has been read. Not the set's own last entry: one that was announced here may have a greater number than
  // an entry of another process that has not been read yet.
  let lastRead: Revocation | undefined
  /** Whether `lastRead` stands for everything before it. */
  let isComplete = false
  /** What was found missing, until everything has been read anew. */
  let missing: { readonly entry: Revocation; readonly isSure: boolean } | undefined
  let isLoaded = false
  let reading: Promise<void> | undefined
  let next: Promise<void> | undefined
  const watchers: RevocationWatcher[] = []

  const takeEffect = (entries: readonly Revocation[]): void => {
    set.add(entries)
    for (const watcher of watchers) watcher.onEffective?.(entries)
  }
  const readPage = (after: Revocation | undefined) => store.revocations.from(after?.seq ?? 0, pageSize)
  /** Reads all of the table. Nothing leaves the set: what was revoked in a database that is lost stays so here. */
  const readAnew = async (): Promise<void> => {
    // Before the first page: what has a smaller number was committed by now, and may have expired.
    const newest = await store.revocations.last()
    let last: Revocation | undefined
    for (let isMore = true; isMore; ) {
      const page = await readPage(last)
      takeEffect(page)
      last = page.at(-1) ?? last
      isMore = page.length === pageSize
    }
    lastRead = seqOf(newest) > seqOf(last) ? newest : last
    isComplete = true
    if (!missing) return
    const isAnotherDatabase = missing.isSure || seqOf(newest) < missing.entry.seq
    missing = undefined
    for (const watcher of watchers) watcher.onReadAnew?.(isAnotherDatabase)
  }
  /** Reads from where the last read ended, if that is still there. */
  const readOn = async (): Promise<void> => {
    for (let isMore = true; isMore; ) {
      const page = await readPage(lastRead)
      const found = page[0]?.seq === lastRead?.seq ? page[0] : undefined
      if (lastRead && !isSame(found, lastRead)) {
        missing = { entry: lastRead, isSure: found !== undefined || lastRead.expires_at > clock.now() }
        isComplete = false
        return readAnew()
      }
      const entries = found ? page.slice(1) : page
      isMore = page.length === pageSize
      if (entries.length === 0) continue
      takeEffect(entries)
      lastRead = entries.at(-1)
      for (const watcher of watchers) watcher.onRead?.(entries)
    }
  }
  const read = async (): Promise<void> => {
    await (isComplete ? readOn() : readAnew())
    set.removeExpired(removal.now())
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
      return lastRead
    },
    async load() {
      await follow()
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

const seqOf = (entry: Revocation | undefined): number => entry?.seq ?? 0

const isSame = (found: Revocation | undefined, entry: Revocation): boolean =>
  found?.seq === entry.seq &&
  found.kind === entry.kind &&
  found.value === entry.value &&
  found.issued_before === entry.issued_before &&
  found.expires_at === entry.expires_at

/** The latest of some moments, or the other one where there is none. */
export const latest = (moments: readonly Seconds[], otherwise: Seconds): Seconds =>
  moments.reduce((max, moment) => (moment > max ? moment : max), otherwise)
