import { addressKey } from '../traffic/address-key.ts'
import type { Visit } from '../visit.ts'
import { RetryBudget } from './retry-budget.ts'
import type { Upstream } from './upstream.ts'
import { type Balance, findHttp2Origin } from './upstream-options.ts'

type Caller = Pick<Visit, 'token' | 'address'>

/** The upstreams of one service. */
export class UpstreamSet {
  readonly #upstreams: readonly Upstream[]
  readonly #balance: Balance
  readonly #seeds: readonly number[]
  /** Whether one of them speaks HTTP/2. */
  readonly speaksHttp2: boolean
  readonly #retries = new RetryBudget()
  #turn = 0

  constructor(upstreams: readonly Upstream[], balance: Balance = 'round_robin') {
    this.#upstreams = upstreams
    this.#balance = balance
    this.speaksHttp2 = upstreams.some(({ origin }) => findHttp2Origin(origin) !== undefined)
    this.#seeds = upstreams.map(({ origin }) => hash(origin))
  }

  /**
   * The upstream for a request; with `except`, another one than that. One that answers poorly is passed over as long as there
   * is another. Where all are paused, the one that may be tried again; absent where there is none. `now` in milliseconds.
   */
  take(now: number, except?: Upstream, caller?: Caller): Upstream | undefined {
    if (except === undefined) this.#retries.count(now)
    if (this.#upstreams.length < 2) {
      const only = this.#upstreams[0]
      if (only === undefined || only === except) return undefined
      return only.take(now) || only.takeAsLastResort(now) ? only : undefined
    }
    const best = this.#choose(now, except, caller, false) ?? this.#choose(now, except, caller, true)
    if (best?.take(now)) return best
    return this.#upstreams.find((upstream) => upstream !== except && upstream.takeAsLastResort(now))
  }

  /** The upstream for a request that `before` has not taken: another one or, where there is none, that one again. */
  takeAgain(now: number, before: Upstream, caller: Caller): Upstream | undefined {
    return this.take(now, before, caller) ?? (before.take(now) ? before : undefined)
  }

  /** Whether one of them may be sent a request of a client whose body is still to come. */
  takesUnfinished(client: string): boolean {
    return this.#upstreams.every((upstream) => upstream.takesUnfinished(client))
  }

  /** Takes a retry from what the service has of them. */
  mayRetry(now: number): boolean {
    return this.#retries.take(now)
  }

  #choose(now: number, except: Upstream | undefined, caller: Caller | undefined, evenPoor: boolean) {
    const upstreams = this.#upstreams
    const key = this.#balance === 'sticky' ? hash(keyOf(caller)) : 0
    const first = this.#turn
    let best: Upstream | undefined
    let least = Number.POSITIVE_INFINITY
    for (let step = 0; step < upstreams.length; step += 1) {
      const index = (first + step) % upstreams.length
      const upstream = upstreams[index] as Upstream
      if (upstream === except || !upstream.canTake(now) || (!evenPoor && upstream.standing.isPoor(now))) continue
      const cost = this.#costOf(upstream, index, key)
      if (best !== undefined && cost >= least) continue
      best = upstream
      least = cost
      this.#turn = (index + 1) % upstreams.length
      if (this.#balance === 'round_robin') break
    }
    return best
  }

  /** The least one wins. By hash, each upstream has its own order of callers: one that is lost moves none of the others. */
  #costOf(upstream: Upstream, index: number, key: number): number {
    return this.#balance === 'sticky' ? mix(key ^ (this.#seeds[index] ?? 0)) : upstream.running
  }
}

const keyOf = (caller: Caller | undefined): string =>
  caller === undefined ? '' : (caller.token?.claims.sub ?? addressKey(caller.address))

/** FNV-1a, 32 bits: spreads, and is no secret. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value
}

/** Every bit of the input moves every bit of the result (the finish of MurmurHash3). */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
