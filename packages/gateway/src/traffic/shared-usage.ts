import { createHash } from 'node:crypto'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import type { RateLimit } from './rate-limit.ts'
import { UntoldUsage } from './untold-usage.ts'
import { parseUsageMessage, type UsageMessage, UsageWriter } from './usage-message.ts'

/** The limits that count in this process now. */
export interface CountedLimits {
  readonly issuerHost: string
  readonly rateLimits: readonly RateLimit[]
  readonly concurrencyLimits: readonly ConcurrencyLimit[]
}

/** Limits that hold over several processes. */
export interface SharedUsage {
  /** Counts these from now on. */
  adopt(limits: CountedLimits): void
  /** Takes what another process has told. What is no message of another one is ignored. */
  hear(message: string): void
  /** Tells what is untold, and stops. */
  close(): Promise<void>
}

/** How messages get to the other processes; each is ASCII and shorter than 8000 bytes. May reject: then they are lost. */
export type TellOthers = (messages: readonly string[]) => Promise<unknown>

/** Milliseconds within which the others are told. */
const beatInterval = 250
/** Milliseconds between two times, at the least, where something is used up so fast that the others should know. */
const hurriedInterval = 50
/** Beats after which what is under way is told again, though it has not changed. */
const repeatBeats = 4
/** Beats after which a process that has not told again what it has under way has none: 3 s. */
const silentBeats = 12
/** Processes whose last number is known. */
const mostProcesses = 256

/**
 * Tells the other processes what was taken here, and takes here what was taken there. Nobody waits for it: what others have
 * taken is known a moment later, and until then, or where messages are lost, each process goes by what it knows.
 */
export function createSharedUsage(tell: TellOthers, clock: Clock): SharedUsage {
  const self = randomToken(6)
  let number = 0
  let rates: ReadonlyMap<string, RateLimit> = new Map()
  let places: ReadonlyMap<string, ConcurrencyLimit> = new Map()
  /** The last number of each process: a message may come by two ways. */
  const heard = new Map<string, number>()
  let beat = 0
  let timer: NodeJS.Timeout | undefined
  let hurried: NodeJS.Timeout | undefined
  let toldAt = 0
  let telling: Promise<unknown> | undefined

  const tellNow = (): void => {
    if (telling !== undefined) return
    const writer = new UsageWriter(self, () => (number += 1))
    const again = beat % repeatBeats === 0
    for (const [id, { occupancy }] of places) occupancy.tell(again, (underWay) => writer.addPlace(id, underWay))
    untold.tellAll((limit, key, tokens) => writer.addTaken(limit, key, tokens))
    const messages = writer.finish()
    if (messages.length === 0) return
    toldAt = performance.now()
    telling = tell(messages)
      .catch(() => {})
      .finally(() => {
        telling = undefined
      })
  }
  const hurry = (): void => {
    if (hurried !== undefined) return
    const wait = Math.max(0, toldAt + hurriedInterval - performance.now())
    hurried = setTimeout(() => {
      hurried = undefined
      tellNow()
    }, wait).unref()
  }
  const untold = new UntoldUsage(hurry)
  const onBeat = (): void => {
    beat += 1
    for (const { occupancy } of places.values()) occupancy.forgetBefore(beat - silentBeats)
    tellNow()
  }

  function isNew({ from, number: told }: UsageMessage): boolean {
    if (from === self || told <= (heard.get(from) ?? 0)) return false
    heard.delete(from)
    heard.set(from, told)
    for (const oldest of heard.keys()) {
      if (heard.size <= mostProcesses) break
      heard.delete(oldest)
    }
    return true
  }

  return {
    adopt({ issuerHost, rateLimits, concurrencyLimits }) {
      const idOf = (identity: string): string =>
        createHash('sha256').update(`${issuerHost}\n${identity}`).digest('base64url').slice(0, 8)
      rates = new Map(rateLimits.map((limit) => [idOf(limit.identity), limit]))
      places = new Map(concurrencyLimits.map((limit) => [idOf(limit.place), limit]))
      for (const [id, limit] of rates) limit.share(untold.notesOf(id, limit.burst))
      for (const { most, occupancy } of places.values()) occupancy.share(most, hurry)
      clearInterval(timer)
      if (rates.size + places.size > 0) timer = setInterval(onBeat, beatInterval).unref()
    },
    hear(text) {
      const message = parseUsageMessage(text)
      if (message === undefined || !isNew(message)) return
      const now = clock.milliseconds()
      for (const { limit, key, tokens } of message.taken) rates.get(limit)?.takeElsewhere(key, tokens, now)
      for (const { place, underWay } of message.places) {
        places.get(place)?.occupancy.hear(message.from, underWay, beat)
      }
    },
    async close() {
      clearInterval(timer)
      clearTimeout(hurried)
      await telling
      tellNow()
      await telling
    },
  }
}
