import type { Seconds } from '@gatehouse/core/brand'
import { parseDuration, seconds } from '@gatehouse/core/time'
import type { Report } from './problem.ts'

/** Between what a duration must lie, and where it stands. */
export interface DurationLimits {
  readonly least: number
  readonly most?: number
  readonly key: readonly string[]
  readonly report: Report
}

/** A duration of the file, or what holds where it is left out; one that cannot be meant is reported. */
export function duration(
  text: string | undefined,
  fallback: number,
  { least, most, key, report }: DurationLimits,
): Seconds {
  const value = text === undefined ? seconds(fallback) : parseDuration(text)
  if (value === undefined) {
    report(key, 'expected a duration of at most ten years')
    return seconds(fallback)
  }
  if (value < least) report(key, `expected at least ${least}s`)
  if (most !== undefined && value > most) report(key, `expected at most ${most}s`)
  return value
}
