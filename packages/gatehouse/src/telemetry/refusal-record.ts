import type { Seconds } from '@gatehouse/core/brand'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { RefusalEntry } from '@gatehouse/gateway/refuse'
import type { RefusalRow } from '@gatehouse/store/rows'
import type { Refusals } from '@gatehouse/store/tables/refusals'
import type { Logger } from './log.ts'

/** Keeps what was refused where the command line finds it by its id. */
export interface RefusalRecord {
  /** Takes note of a refusal. Cost: none but memory; nothing is written before {@link RefusalRecord.write}. */
  add(entry: RefusalEntry): void
  /** Writes what has been noted, in one statement. */
  write(): Promise<void>
}

/** How many refusals are noted in a second, so that a flood of them fills neither the memory nor the database. */
export interface RefusalLimits {
  readonly perSecond: number
  /** Of one address, so that one that knocks on every door leaves room for the others. */
  readonly perAddress: number
  /** Of requests that no route matched, which are strangers' nearly always. */
  readonly unmatched: number
  /** Of Gatehouse's own endpoints, where anybody may try to sign in. */
  readonly endpoints: number
}

const usualLimits: RefusalLimits = { perSecond: 50, perAddress: 10, unmatched: 10, endpoints: 20 }

interface Dependencies {
  readonly refusals: Refusals
  readonly clock: Clock
  readonly log: Logger
  /** How long a refusal is kept, in seconds; 0 = none is. */
  readonly keep: () => Seconds
  readonly limits?: RefusalLimits
}

/** Between two lines about what was left out, in seconds. */
const silence = 60

/**
 * Notes refusals in memory, within limits, to be written from time to time. What is left out stands in the log like every
 * refusal, and how many those were does too. Stops: a flood of refusals that becomes a flood of writes.
 */
export function createRefusalRecord({ refusals, clock, log, keep, limits = usualLimits }: Dependencies): RefusalRecord {
  let waiting: RefusalRow[] = []
  let second = 0
  let counted = countNothing()
  let leftOut = 0
  let saidAt = Number.NEGATIVE_INFINITY

  const hasRoom = ({ address, route, decision_id }: RefusalEntry, now: number): boolean => {
    if (now !== second) {
      second = now
      counted = countNothing()
    }
    const ofAddress = counted.byAddress.get(address) ?? 0
    if (counted.all >= limits.perSecond || ofAddress >= limits.perAddress) return false
    if (route === '' && counted.unmatched >= limits.unmatched) return false
    const isEndpoints = isOfEndpoint(decision_id)
    if (isEndpoints && counted.endpoints >= limits.endpoints) return false
    counted.all += 1
    if (isEndpoints) counted.endpoints += 1
    if (route === '') counted.unmatched += 1
    counted.byAddress.set(address, ofAddress + 1)
    return true
  }
  const sayWhatIsMissing = (now: number): void => {
    if (leftOut === 0 || now - saidAt < silence) return
    log.warn({ left_out: leftOut }, 'refusals that only the log explains: there were too many to keep')
    leftOut = 0
    saidAt = now
  }
  return {
    add(entry) {
      const kept = keep()
      // Who is sent to sign in has been shown no id to ask about.
      if (kept === 0 || entry.status < 400) return
      const now = clock.now()
      // A database that is away must not let them pile up either.
      if (waiting.length < 10 * limits.perSecond && hasRoom(entry, now)) waiting.push(rowOf(entry, now, kept))
      else leftOut += 1
    },
    async write() {
      sayWhatIsMissing(clock.now())
      if (waiting.length === 0) return
      const rows = waiting
      waiting = []
      try {
        await refusals.append(rows)
      } catch (error) {
        leftOut += rows.length
        throw error
      }
    },
  }
}

const countNothing = () => ({ all: 0, unmatched: 0, endpoints: 0, byAddress: new Map<string, number>() })

/** Whether a refusal is known by its request's id: Gatehouse's own endpoints make no decision on a route. */
export const isOfEndpoint = (id: string): boolean => id.startsWith('req_')

const rowOf = (entry: RefusalEntry, now: Seconds, kept: Seconds): RefusalRow => ({
  id: entry.decision_id,
  request_id: entry.request_id,
  code: entry.code,
  status: entry.status,
  route: printable(entry.route),
  method: printable(entry.method),
  host: printable(entry.host),
  path: printable(entry.path),
  address: printable(entry.address),
  subject: printable(entry.subject),
  client_id: printable(entry.client_id),
  rule: printable(entry.rule),
  reason: printable(entry.reason),
  needed: printable(entry.needed),
  at: now,
  expires_at: seconds(now + kept),
})

const longest = 1000

/** One line of bounded length, without what a database or a terminal would take for a command. */
const printable = (text: string): string => {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ')
  return line.length > longest ? `${line.slice(0, longest)}…` : line
}
