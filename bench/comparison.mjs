/**
 * One line of the result.
 * @typedef {object} Row
 * @property {string} name what was measured, in which unit, against what
 * @property {number} value
 * @property {number} against
 * @property {number} ratio value / against
 * @property {string | null} goal what the ratio is to be; null = for information
 * @property {boolean | null} met
 */

/**
 * Beyond so many times a bare limit, the limit was disturbed. More than once it can be: Gatehouse sends the answers of one
 * turn of the event loop together, which the bare servers do not.
 */
const believable = 1.6

/**
 * Compares two figures.
 * @param {string} name
 * @param {number} value
 * @param {number} against
 * @param {{ atLeast?: number, atMost?: number, isLimit?: boolean }} [goal] of the ratio; `isLimit`: `against` does only a
 *   part of the same work, so that a ratio well above 1 is a fault of the measurement and never counts as met
 * @returns {Row}
 */
export function compare(name, value, against, { atLeast, atMost, isLimit = false } = {}) {
  const ratio = value / against
  if (isLimit && ratio > believable) name += ' (not believable: the limit was disturbed, measure again)'
  const row = { name, value: round(value), against: round(against), ratio: round(ratio), goal: null, met: null }
  if (atLeast !== undefined)
    return { ...row, goal: `>= ${atLeast}`, met: ratio >= atLeast && !(isLimit && ratio > believable) }
  if (atMost !== undefined) return { ...row, goal: `<= ${atMost}`, met: ratio <= atMost }
  return row
}

/** Three places after the point for small figures, none for great ones. */
const round = (value) => (Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toFixed(3)))
