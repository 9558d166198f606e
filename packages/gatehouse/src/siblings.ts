import cluster, { type Worker } from 'node:cluster'
import type { TellOthers } from '@gatehouse/gateway/traffic/shared-usage'
import type { Store } from '@gatehouse/store/store'
import { endProcess } from './telemetry/line-writer.ts'

/** The other processes of this machine that serve on the same database. */
export interface Siblings {
  /** Whether this process does what one of all should do: migrating, removing what has expired. */
  readonly isPrimary: boolean
  /** The process that takes signals for all of them. */
  readonly supervisor: number
  /** Tells the others that something changed. */
  readonly hint: (channel: 'revocations' | 'signing-keys') => Promise<void>
  onHint(listener: (channel: string) => void): void
  /** Says something to the others that stands in no table; absent where there are none. */
  readonly tell?: (messages: readonly string[]) => void
  onMessage(listener: (message: string) => void): void
}

/** One process alone: nobody to tell. */
export const inSingleProcess: Siblings = {
  isPrimary: true,
  supervisor: process.pid,
  hint: async () => {},
  onHint: () => {},
  onMessage: () => {},
}

interface HintMessage {
  readonly gatehouseHint: string
}

const isHint = (message: unknown): message is HintMessage =>
  typeof message === 'object' &&
  message !== null &&
  'gatehouseHint' in message &&
  typeof message.gatehouseHint === 'string'

interface ToldMessage {
  readonly gatehouseTold: readonly string[]
}

const isTold = (message: unknown): message is ToldMessage =>
  typeof message === 'object' &&
  message !== null &&
  'gatehouseTold' in message &&
  Array.isArray(message.gatehouseTold) &&
  message.gatehouseTold.every((told) => typeof told === 'string')

/** The siblings of a worker, which ends with its supervisor; the first worker is the primary one. */
export function siblingsOfWorker(isPrimary: boolean): Siblings {
  cluster.worker?.once('disconnect', () => {
    // Else it would end at once, and a log that nobody reads would keep it from that.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
    void endProcess(0)
  })
  return {
    isPrimary,
    supervisor: process.ppid,
    hint: async (channel) => {
      process.send?.({ gatehouseHint: channel } satisfies HintMessage)
    },
    onHint(listener) {
      process.on('message', (message) => {
        if (isHint(message)) listener(message.gatehouseHint)
      })
    },
    tell(messages) {
      // Where the way is closed this process ends anyway.
      process.send?.({ gatehouseTold: messages } satisfies ToldMessage, undefined, undefined, ignore)
    },
    onMessage(listener) {
      process.on('message', (message) => {
        if (isTold(message)) for (const told of message.gatehouseTold) listener(told)
      })
    },
  }
}

/**
 * How this process says something to all others that serve on the same database: its siblings, and on Postgres those of other
 * machines. `undefined` where there can be none: one process on a SQLite file.
 */
export function findWayToOthers(
  store: Pick<Store, 'dialect' | 'broadcast'>,
  tellSiblings: Siblings['tell'],
): TellOthers | undefined {
  if (store.dialect === 'sqlite') return tellSiblings && (async (messages) => tellSiblings(messages))
  return async (messages) => {
    // By both ways: siblings hear each other also while the database is away.
    tellSiblings?.(messages)
    await store.broadcast(messages)
  }
}

const roleVariable = 'GATEHOUSE_WORKER_ROLE'

/** Whether this process is a worker, and if so whether the primary one. */
export const findWorkerRole = (): 'primary' | 'secondary' | undefined => {
  const role = process.env[roleVariable]
  return cluster.isWorker && (role === 'primary' || role === 'secondary') ? role : undefined
}

/** Milliseconds that workers have to end after a stop: they need less, unless something holds them for ever. */
const stopPatience = 9_700
/** A worker that ends so many milliseconds after it was started would do so again at once. */
const shortLife = 2_000
/** Milliseconds before a worker that did not get ready is started again: at first, and at most. */
const [firstPause, longestPause] = [1_000, 30_000]

/**
 * Runs so many workers: passes between them what they say to each other, passes SIGHUP on, stops them all on SIGTERM, and
 * starts one anew that dies. Ends the process when the last has ended after a stop, within ten seconds; and with the code of
 * a worker that ends before it is ready for the first time.
 */
export function superviseWorkers(count: number, onReady: () => void): void {
  let stopping = false
  let wasComplete = false
  let pause = firstPause
  const serving = new Set<Worker>()
  /** What SIGHUP would end, since they do not listen to it yet: they hear of it as soon as they do. */
  const tellLater = new Set<Worker>()
  const hangUp = (worker: Worker): void => {
    if (serving.has(worker)) worker.process.kill('SIGHUP')
    else tellLater.add(worker)
  }
  const onServing = (worker: Worker): void => {
    serving.add(worker)
    pause = firstPause
    if (tellLater.delete(worker)) hangUp(worker)
    if (wasComplete || serving.size < count) return
    wasComplete = true
    onReady()
  }
  const fork = (role: 'primary' | 'secondary'): void => {
    const worker = cluster.fork({ [roleVariable]: role })
    const startedAt = performance.now()
    worker.on('message', (message: unknown) => {
      if (message === 'ready') onServing(worker)
      if (!isHint(message) && !isTold(message)) return
      // One that has just died cannot be told, and without somebody to hear of it that would end this process.
      for (const other of listWorkers()) if (other !== worker) other.send(message, ignore)
    })
    worker.on('exit', (code) => {
      const wasReady = serving.delete(worker)
      tellLater.delete(worker)
      if (stopping) {
        if (listWorkers().length === 0) void endProcess(0)
        return
      }
      // At the start, one that dies will die again: a wrong master key, a taken port.
      if (!wasReady && !wasComplete) {
        stopping = true
        endAll(code || 1)
        return
      }
      // Later the others go on serving, and what it dies of (a file that is bad just now, the database) may pass.
      const atOnce = wasReady && performance.now() - startedAt > shortLife
      setTimeout(() => stopping || fork(role), atOnce ? 0 : pause)
      if (!wasReady) pause = Math.min(pause * 2, longestPause)
    })
  }
  for (let index = 0; index < count; index += 1) fork(index === 0 ? 'primary' : 'secondary')
  process.on('SIGHUP', () => {
    for (const worker of listWorkers()) hangUp(worker)
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      if (listWorkers().length === 0) return endAll(0)
      for (const worker of listWorkers()) worker.process.kill('SIGTERM')
      setTimeout(() => endAll(0), stopPatience)
    })
  }
}

/** Ends the process, and no worker outlives it. */
function endAll(code: number): void {
  for (const worker of listWorkers()) worker.process.kill('SIGKILL')
  void endProcess(code)
}

const ignore = (): void => {}

const listWorkers = (): readonly Worker[] =>
  Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
