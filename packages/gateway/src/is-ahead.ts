/**
 * Whether a moment that was set at most `longest` milliseconds ahead is still to come. One that lies further ahead comes
 * from before the clock was put back, and would otherwise be waited for as long as it was put back.
 */
export const isAhead = (moment: number, now: number, longest: number): boolean =>
  now < moment && moment - now <= longest
