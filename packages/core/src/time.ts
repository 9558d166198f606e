import type { Seconds } from './brand.ts'

/** The one source of time. Everything that asks what time it is is handed one of these. */
export interface Clock {
  /** The moment, in whole seconds since 1970 UTC. */
  now(): Seconds
  /** The moment, in milliseconds since 1970 UTC. */
  milliseconds(): number
  /**
   * Milliseconds that have passed, from any beginning: what is set is the clock and not this. Left out where nobody sets the
   * clock, as in tests.
   */
  monotonic?(): number
}

/** Marks a number of seconds as such. */
export const seconds = (value: number): Seconds => value as Seconds

/**
 * Seconds that the clocks of two machines of ours, or of an outside provider and ours, may lie apart, and one clock may be set by,
 * before anything is refused for it. What others sign for us has a limit of its own: {@link signerClockTolerance}.
 */
export const clockTolerance = 60

/** Seconds that the clock of a client or a trusted issuer may be ahead, in what it signs for us: proofs, assertions, statements. */
export const signerClockTolerance = 10

/** A clock that stands still until it is told to move: for tests. */
export class ManualClock implements Clock {
  #milliseconds: number
  #passed = 0

  constructor(startSeconds = 1_800_000_000) {
    this.#milliseconds = startSeconds * 1000
  }

  now(): Seconds {
    return seconds(Math.floor(this.#milliseconds / 1000))
  }

  milliseconds(): number {
    return this.#milliseconds
  }

  monotonic(): number {
    return this.#passed
  }

  /** Lets so many seconds pass; negative numbers set the clock back. */
  advance(by: number): void {
    this.set(by)
    this.#passed += Math.max(0, by) * 1000
  }

  /** Sets the clock so many seconds on, or back, and no time passes. */
  set(by: number): void {
    this.#milliseconds += by * 1000
  }
}

/** A moment as people and programs read it, such as `2026-01-01T12:00:00Z`. */
export const formatMoment = (at: Seconds): string => `${new Date(at * 1000).toISOString().slice(0, 19)}Z`

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/**
 * Reads a length of time such as `30s`, `5m`, `12h` or `90d`.
 * Whole numbers with one unit, at most 10 years; anything else is `undefined`.
 */
export function parseDuration(text: string): Seconds | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text)
  if (!match) return undefined
  const value = Number(match[1]) * (unitSeconds[match[2] as string] as number)
  return value <= 315_360_000 ? seconds(value) : undefined
}
