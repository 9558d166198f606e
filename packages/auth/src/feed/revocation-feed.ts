import type { Revocation } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { Revocations } from '../domain/revocations.ts'
import { parseEventId } from './feed-frames.ts'
import { buildFrames, FeedLog } from './feed-log.ts'
import { FeedReader, type FeedStream } from './feed-reader.ts'
import { type FeedSnapshot, writeSnapshot } from './feed-snapshot.ts'

/** The revocations, told to many readers as they come. */
export interface RevocationFeed {
  /** Throws `temporarily_unavailable` where nobody else, or nobody else of this client, can be served. */
  checkRoom(clientId: string): void
  /** Reads what another replica has told up to this id. Cost: nothing, but for a read of the table where that is ahead. */
  catchUp(id: string): Promise<void>
  /** Serves a reader until it goes or is ended: what came after the id that it has, or everything where that cannot be told. */
  serve(clientId: string, stream: FeedStream, id: string | undefined): void
  readonly readers: number
  /** Ends every reader and takes no more. */
  close(): void
}

/** How the feed is run; the defaults are meant to be right. Times are milliseconds. */
export interface FeedTuning {
  /** Between two signs of life. */
  readonly heartbeat: number
  /** For how long a reader may not take what it is sent. */
  readonly patience: number
  /** After which a reader has to come back with its credentials. */
  readonly lifetime: number
  /** For how long a snapshot serves those who come next. */
  readonly snapshotReuse: number
  readonly maxReaders: number
  readonly maxReadersOfClient: number
  /** How many entries are kept for those who resume; up to twice as many for a while. */
  readonly logLength: number
}

const defaultTuning: FeedTuning = {
  heartbeat: 10_000,
  patience: 30_000,
  lifetime: 3_600_000,
  snapshotReuse: 10_000,
  maxReaders: 5000,
  maxReadersOfClient: 2000,
  logLength: 10_000,
}

/** Builds the feed of revocations that have been loaded. */
export function createRevocationFeed(
  { revocations, clock }: { readonly revocations: Revocations; readonly clock: Clock },
  tuned: Partial<FeedTuning> = {},
): RevocationFeed {
  const tuning = { ...defaultTuning, ...tuned }
  let log = new FeedLog(revocations.lastRead, tuning.logLength)
  const readers = new Set<FeedReader>()
  const ofClient = new Map<string, number>()
  let isClosed = false
  let snapshot: { readonly at: number; readonly seq: number; readonly written: Promise<FeedSnapshot> } | undefined

  const tellAll = (entries: readonly Revocation[]): void => {
    const before = log.last
    log.add(entries)
    if (readers.size === 0) return
    // Once for all of them.
    const frames = buildFrames(entries)
    const ended = new Set(entries.filter(({ kind }) => kind === 'client').map(({ value }) => value))
    for (const reader of readers) {
      reader.tell(before, frames)
      if (ended.has(reader.clientId)) reader.end()
    }
  }
  /** Whoever comes back is told everything, unless it has that very entry that the new log begins after. */
  const beginAnew = (): void => {
    log = new FeedLog(revocations.lastRead, tuning.logLength)
    snapshot = undefined
    for (const reader of readers) reader.end()
  }
  revocations.watch({ onRead: tellAll, onReadAnew: beginAnew })

  const takeSnapshot = (): Promise<FeedSnapshot> => {
    const now = performance.now()
    if (!snapshot || now - snapshot.at > tuning.snapshotReuse || !log.reachesBackTo(snapshot.seq)) {
      snapshot = { at: now, seq: log.last, written: writeSnapshot(revocations.set, clock, log.last) }
    }
    return snapshot.written
  }
  const beat = (): void => {
    const now = performance.now()
    if (snapshot && now - snapshot.at > tuning.snapshotReuse) snapshot = undefined
    for (const reader of readers) {
      if (now - reader.startedAt > tuning.lifetime) reader.end()
      else reader.beat(now, tuning.patience)
    }
  }
  const timer = setInterval(beat, tuning.heartbeat).unref()
  const forget = (reader: FeedReader): void => {
    if (!readers.delete(reader)) return
    const left = (ofClient.get(reader.clientId) ?? 1) - 1
    if (left === 0) ofClient.delete(reader.clientId)
    else ofClient.set(reader.clientId, left)
  }

  return {
    get readers() {
      return readers.size
    },
    checkRoom(clientId) {
      const isFull =
        readers.size >= tuning.maxReaders || (ofClient.get(clientId) ?? 0) >= tuning.maxReadersOfClient || isClosed
      if (isFull) throw new GatehouseError('temporarily_unavailable', { retryAfter: 1 })
    },
    async catchUp(id) {
      if (parseEventId(id) > log.last) await revocations.follow()
    },
    serve(clientId, stream, id) {
      const reader = new FeedReader(clientId, stream, log)
      readers.add(reader)
      ofClient.set(clientId, (ofClient.get(clientId) ?? 0) + 1)
      stream.once('close', () => forget(reader))
      const after = id === undefined ? undefined : log.find(id)
      if (after !== undefined) return reader.resume(after)
      void takeSnapshot().then((taken) => reader.startWith(taken))
    },
    close() {
      isClosed = true
      clearInterval(timer)
      for (const reader of readers) reader.end()
    },
  }
}
