import type { Seconds } from '@gatehouse/core/brand'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import type { Denial } from './denial.ts'
import { expiredMeanwhile } from './forward/denials.ts'
import type { Runs } from './forward/running.ts'
import type { Pipeline } from './journey.ts'
import { judgeAgain } from './judge-again.ts'
import { denyFault } from './pipeline-denials.ts'
import type { Route } from './route.ts'
import { askOutside } from './stages.ts'

/**
 * Until when what a token was issued from lasts, and counts as one of the classes of sign-in that are needed (none = any will
 * do), as things stand; absent where it has ended. One or two reads.
 */
export type FindEnd = (token: VerifiedToken, acr: readonly string[]) => Promise<Seconds | undefined>

/** What a stream was opened by, and which classes of sign-in it needs. */
interface Opened {
  readonly token: VerifiedToken
  readonly acr: readonly string[]
}

/** How much of it is done in one tick, so that the loop is not held up. */
const perTick = { judged: 1000, asked: 200 }

/** For how long a stream may do without an answer of {@link FindEnd}, and how often that is asked then, in milliseconds. */
const unanswered = { patience: 60_000, again: 5000 }

/** How long after its expiry a token counts for an open stream that no session stands behind, in milliseconds. */
const withoutSession = 3_600_000

/**
 * Looks at each stream that is open when what it was opened by may have run out, and after a reload of the routes, and ends
 * those that may not go on. Rides on the tick that all that runs has anyway: no timer for any stream, and one comparison a
 * tick for what does not last long enough to be one.
 */
export class StreamReview {
  readonly #findEnd: FindEnd | undefined
  /** Streams that nobody has answered for, and since when. */
  readonly #unanswered = new WeakMap<Runs, number>()
  /** When somebody was asked who gave no answer, in milliseconds since 1970; absent where the last one came. */
  #failedAt: number | undefined = undefined
  /** What has been asked of outside deciders, one after the other: no reload takes their places away from requests. */
  #asking: Promise<void> = Promise.resolve()
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
  look(pipeline: Pipeline, member: Runs, now: number): void {
    const isDue = member.visit.token !== undefined && now >= member.reviewAt
    const isJudged = member.judgedBy === pipeline.table
    if ((isJudged && !isDue) || !member.isStream) return
    if (!isJudged) this.#judge(pipeline, member)
    // What has ended is not there any more, or about to go.
    if (isDue && member.isStream) this.#checkEnd(member, now)
  }

  #judge(pipeline: Pipeline, member: Runs): void {
    if (this.#left.judged === 0) return
    this.#left.judged -= 1
    member.judgedBy = pipeline.table
    // The new route may say otherwise how long its streams last.
    member.reviewAt = 0
    const denial = deniedBy(pipeline, member)
    if (denial !== undefined) member.endStream(denial)
    else if (member.visit.route?.requirement.remote !== undefined) {
      this.#asking = this.#asking.then(() => askAgain(pipeline, member))
    }
  }

  #checkEnd(member: Runs, now: number): void {
    const { token, route } = member.visit
    if (token === undefined || route === undefined) return
    const end = endOf(token, route)
    if (now < end) member.reviewAt = end
    else if (route.streamsUntil === 'token' || !isOfSession(token)) member.endStream(expiredMeanwhile)
    else if (this.#findEnd === undefined) member.reviewAt = Number.POSITIVE_INFINITY
    else if (this.#isAway(now)) this.#wait(member, now)
    else if (this.#left.asked > 0) this.#ask(this.#findEnd, member, { token, acr: route.requirement.acr }, now)
  }

  #ask(findEnd: FindEnd, member: Runs, { token, acr }: Opened, now: number): void {
    this.#left.asked -= 1
    member.reviewAt = Number.POSITIVE_INFINITY
    findEnd(token, acr).then(
      (end) => {
        this.#failedAt = undefined
        this.#unanswered.delete(member)
        if (end !== undefined && end * 1000 > now) member.reviewAt = end * 1000
        else if (member.isStream) member.endStream(expiredMeanwhile)
      },
      () => {
        this.#failedAt = now
        this.#wait(member, now)
      },
    )
  }

  /** Who has given no answer just now is not asked about the others: they would wait for their turns, and outlast their patience. */
  #isAway(now: number): boolean {
    return this.#failedAt !== undefined && now >= this.#failedAt && now - this.#failedAt < unanswered.again
  }

  /** Goes without an answer, for a while. */
  #wait(member: Runs, now: number): void {
    const since = this.#unanswered.get(member) ?? now
    this.#unanswered.set(member, since)
    if (now - since < unanswered.patience) member.reviewAt = now + unanswered.again
    else if (member.isStream) member.endStream(expiredMeanwhile)
  }
}

function deniedBy(pipeline: Pipeline, { visit }: Runs): Denial | undefined {
  try {
    return judgeAgain(pipeline, visit)
  } catch (thrown) {
    return denyFault(thrown)
  }
}

/** Who gives no answer has not said no: a stream that is open stays so, where a new request would have to come again. */
async function askAgain(pipeline: Pipeline, member: Runs): Promise<void> {
  const { visit } = member
  if (!visit.checked.ok || !member.isStream || member.judgedBy !== pipeline.table) return
  const denial = await askOutside(pipeline, visit, visit.checked)
  if (denial !== undefined && denial.code !== 'temporarily_unavailable' && member.isStream) member.endStream(denial)
}

const isOfSession = ({ claims }: VerifiedToken): boolean => claims.gid !== undefined || claims.sid !== undefined

/** Milliseconds since 1970 before which nothing has to be asked. */
function endOf(token: VerifiedToken, { streamsUntil }: Route): number {
  if (streamsUntil === 'revoked') return Number.POSITIVE_INFINITY
  const expiry = token.claims.exp * 1000
  return streamsUntil === 'session' && !isOfSession(token) ? expiry + withoutSession : expiry
}
