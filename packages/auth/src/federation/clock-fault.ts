/** How far a moment is from now, in words for whoever can set a clock. Both in seconds. */
export const tellMoment = (name: string, moment: number, now: number): string => {
  const away = Math.round(moment - now)
  const where = away > 0 ? `${away} s in the future` : `${-away} s in the past`
  return `${name} is ${where}: do the clocks differ?`
}
