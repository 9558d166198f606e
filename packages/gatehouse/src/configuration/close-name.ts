/** The name that somebody seems to have meant by another: of those that differ in two letters at most, the closest. */
export const findCloseName = (name: string, known: Iterable<string>): string | undefined =>
  [...known]
    .map((candidate) => ({ candidate, by: distance(candidate, name) }))
    .filter(({ by }) => by <= 2)
    .sort((one, other) => one.by - other.by)[0]?.candidate

/** How many letters must change to make one word the other. */
function distance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const change = (previous[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1)
      current.push(Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[other.length] ?? 0
}
