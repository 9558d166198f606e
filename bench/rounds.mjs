/** @typedef {import('./wrk.mjs').Run} Run */

/**
 * One that is measured.
 * @typedef {object} Contestant
 * @property {string} name
 * @property {(seconds: number) => Promise<Run>} load
 * @property {number} [warmUp] seconds, where it needs more than the others
 */

/**
 * What its rounds came to.
 * @typedef {object} Measured
 * @property {string} name
 * @property {number} rate requests per second, the median of the rounds
 * @property {number | undefined} processor microseconds of processor time per request, likewise
 */

/**
 * Warms everyone up and then loads one after the other, so many rounds (A B C, A B C, …): what disturbs the machine for a
 * while disturbs them alike.
 * @param {readonly Contestant[]} contestants
 * @param {import('./run.mjs').Bench} bench
 * @returns {Promise<Record<string, Measured>>} by name
 */
export async function measureInRounds(contestants, { rounds, seconds, warmUp, say }) {
  const runs = new Map(contestants.map(({ name }) => [name, []]))
  for (const contestant of contestants) await loadChecked(contestant, contestant.warmUp ?? warmUp)
  for (let round = 0; round < rounds; round += 1) {
    for (const contestant of contestants) runs.get(contestant.name)?.push(await loadChecked(contestant, seconds))
  }
  const measured = {}
  for (const [name, list] of runs) {
    const rate = median(list.map((run) => run.requests / run.seconds))
    const shares = list.flatMap((run) => (run.processor === undefined ? [] : [run.processor / run.requests]))
    const processor = shares.length > 0 ? median(shares) : undefined
    measured[name] = { name, rate, processor }
    say(`${name}: ${Math.round(rate)} per second${processor === undefined ? '' : `, ${processor.toFixed(1)} µs each`}`)
  }
  return measured
}

/** Connections that a run may end whatever happens: those of wrk and of pools. */
const tolerableClosed = 500

/**
 * An error answer is quick: a run with more than a few is no measurement. Nor is one of a server that we have set up such
 * that it opens connections as it goes: a peer is to be at its best.
 */
async function loadChecked({ name, load }, seconds) {
  const run = await load(seconds)
  if (run.requests === 0 || run.failed > run.requests / 1000) {
    throw new Error(`${name}: ${run.failed} of ${run.requests} requests failed`)
  }
  if (run.closed > tolerableClosed + run.requests / 20) {
    throw new Error(`${name}: ${run.closed} connections for ${run.requests} requests; they are not kept`)
  }
  return run
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
