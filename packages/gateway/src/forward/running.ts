import type { VerifiedToken } from '@gatehouse/core/contracts'
import type { Denial } from '../denial.ts'
import type { RouteTable } from '../routes.ts'
import type { Visit } from '../visit.ts'

/** What can be kept in {@link Running}: an answer that is under way, or a connection that stays open. */
export interface Runs {
  /** Its place there; -1 = not there. Written by {@link Running} only. */
  slot: number
  /** The request that it belongs to. */
  readonly visit: Visit
  /** Whether it goes on and on: a WebSocket, a call, an answer that does not say how long it is. */
  readonly isStream: boolean
  /** The routes that it was judged by last. Written by `StreamReview` from then on. */
  judgedBy: RouteTable
  /** Milliseconds since 1970 at which it is asked whether it may go on; 0 = at the next tick. Written by `StreamReview`. */
  reviewAt: number
  /** Called once per tick. */
  onTick(): void
  /** Called when the gateway stops; `isLate`: what ends by itself has had its time. */
  stop(isLate: boolean): void
  /** Called when the token has been revoked, perhaps more than once. */
  onRevoked(): void
  /** Called on a stream that may not go on. */
  endStream(denial: Denial): void
}

/**
 * What is running now. Adding and removing cost a few stores, and nothing that was removed is held on to. (A Set that
 * grows and shrinks with every request keeps its former tables linked, and through them dead requests alive until the
 * next full collection, which doubled the time for garbage collection.)
 */
export class Running {
  readonly #members: Runs[] = []

  /** How many there are. */
  get size(): number {
    return this.#members.length
  }

  add(member: Runs): void {
    member.slot = this.#members.length
    this.#members.push(member)
  }

  /** Removes a member; without effect where it is not there. */
  remove(member: Runs): void {
    if (member.slot === -1) return
    const last = this.#members.pop()
    if (last !== undefined && last !== member) {
      this.#members[member.slot] = last
      last.slot = member.slot
    }
    member.slot = -1
  }

  /** Tells every member that the gateway stops; see {@link Runs.stop}. */
  stop(isLate: boolean): void {
    for (let index = this.#members.length - 1; index >= 0; index -= 1) this.#members[index]?.stop(isLate)
  }

  /** One tick for every member, and `visit` for those that are still there then; members may be removed meanwhile. */
  tick(visit: (member: Runs) => void): void {
    // From the end, since removing moves the last member to a place that was visited or is being visited.
    for (let index = this.#members.length - 1; index >= 0; index -= 1) {
      const member = this.#members[index]
      member?.onTick()
      if (member !== undefined && member.slot !== -1) visit(member)
    }
  }

  /** Tells every member whose token is among those. Cost: one question for each member that has one. */
  tellRevoked(isRevoked: (token: VerifiedToken) => boolean): void {
    for (let index = this.#members.length - 1; index >= 0; index -= 1) {
      const member = this.#members[index]
      const token = member?.visit.token
      if (token !== undefined && isRevoked(token)) member?.onRevoked()
    }
  }
}
