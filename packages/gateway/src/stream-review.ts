import type { Seconds } from '@gatehouse/core/brand'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import { expiredMeanwhile } from './forward/denials.ts'
import type { Runs } from './forward/running.ts'
import type { Route } from './route.ts'

/** Until when what a token was issued from lasts, as things stand; absent where it has ended. One or two reads. */
export type FindEnd = (token: VerifiedToken) => Promise<Seconds | undefined>

/** How much of it is done in one tick, so that the loop is not held up. */
const perTick = { asked: 200 }

/** For how long a stream may do without an answer of {@link FindEnd}, and how often that is asked then, in milliseconds. */
const unanswered = { patience: 60_000, again: 5000 }

/** How long after its expiry a token counts for an open stream that no session stands behind, in milliseconds. */
const withoutSession = 3_600_000

/**
 * Looks at each stream that is open when what it was opened by may have run out and ends
 * those that may not go on. Rides on the tick that all that runs has anyway: no timer for any stream, and one comparison a
 * tick for what does not last long enough to be one.
 */
export class StreamReview {
  readonly #findEnd: FindEnd | undefined
  /** Streams that nobody has answered for, and since when. */
  readonly #unanswered = new WeakMap<Runs, number>()
  #left = perTick

  /** Without `findEnd` a session is taken to last until it is revoked. */
  constructor(findEnd: FindEnd | undefined) {
    this.#findEnd = findEnd
  }

  /** To be called before the members of a tick are looked at. */
  begin(): void {
    this.#left = { ...perTick }
  }

  /** Looks at one of them. `now`: milliseconds since 1970. */
  look(member: Runs, now: number): void {
    if (member.visit.token !== undefined && now >= member.reviewAt && member.isStream) this.#checkEnd(member, now)
  }

  #checkEnd(member: Runs, now: number): void {
    const { token, route } = member.visit
    if (token === undefined || route === undefined) return
    const end = endOf(token, route)
    if (now < end) member.reviewAt = end
    else if (route.streamsUntil === 'token' || !isOfSession(token)) member.endStream(expiredMeanwhile)
    else if (this.#findEnd === undefined) member.reviewAt = Number.POSITIVE_INFINITY
    else if (this.#left.asked > 0) this.#ask(this.#findEnd, member, token, now)
  }

  #ask(findEnd: FindEnd, member: Runs, token: VerifiedToken, now: number): void {
    this.#left.asked -= 1
    member.reviewAt = Number.POSITIVE_INFINITY
    findEnd(token).then(
      (end) => {
        this.#unanswered.delete(member)
        if (end !== undefined && end * 1000 > now) member.reviewAt = end * 1000
        else if (member.isStream) member.endStream(expiredMeanwhile)
      },
      () => {
        const since = this.#unanswered.get(member) ?? now
        this.#unanswered.set(member, since)
        if (now - since < unanswered.patience) member.reviewAt = now + unanswered.again
        else if (member.isStream) member.endStream(expiredMeanwhile)
      },
    )
  }
}

const isOfSession = ({ claims }: VerifiedToken): boolean => claims.gid !== undefined || claims.sid !== undefined

/** Milliseconds since 1970 before which nothing has to be asked. */
function endOf(token: VerifiedToken, { streamsUntil }: Route): number {
  if (streamsUntil === 'revoked') return Number.POSITIVE_INFINITY
  const expiry = token.claims.exp * 1000
  return streamsUntil === 'session' && !isOfSession(token) ? expiry + withoutSession : expiry
}
