import type { RequestBody } from './request-body.ts'

/** A service that did not say anything in time. The code is undici's own, by which it is known as a timeout. */
class NoHeaders extends Error {
  readonly code = 'UND_ERR_HEADERS_TIMEOUT'
}

/** Whether that is why something was given up. */
export const isOutOfTime = (reason: Error | undefined): boolean => reason instanceof NoHeaders

/**
 * The wait for the headers of one answer: so many milliseconds from when the request was sent, or all of its body has come. While the
 * client still sends, the service is not to blame; where it takes nothing more of the body, it is.
 *
 * undici's own timers for this go off twice a second, all that are due together: a service that hangs would have its connections
 * given up in one heap, made anew in one heap, and so on for ever, and everybody else would wait for that each time. Cost: one timer.
 */
export class HeaderWait {
  readonly #milliseconds: number
  readonly #body: RequestBody | null
  readonly #giveUp: (reason: Error) => void
  #timer: NodeJS.Timeout

  constructor(milliseconds: number, body: RequestBody | null, giveUp: (reason: Error) => void) {
    this.#milliseconds = milliseconds
    this.#body = body
    this.#giveUp = giveUp
    this.#timer = setTimeout(onTime, milliseconds, this)
  }

  /** They have come, or nobody waits any more. */
  stop(): void {
    clearTimeout(this.#timer)
  }

  /** The time is over, unless it began later. */
  end(): void {
    const left = this.#left()
    if (left > 1) this.#timer = setTimeout(onTime, left, this)
    else this.#giveUp(new NoHeaders('no headers in time'))
  }

  #left(): number {
    if (this.#body === null) return 0
    if (this.#body.isArriving) return this.#milliseconds
    return this.#body.endedAt + this.#milliseconds - performance.now()
  }
}

const onTime = (wait: HeaderWait): void => wait.end()
