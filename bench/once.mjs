import { join } from 'node:path'
import { writeRequests } from './requests.mjs'
import { runWrk } from './wrk.mjs'

/** Seconds after which a run of requests that are sent once is given up. */
const longest = 60

/**
 * A contestant whose every request may be sent only once: each run first makes as many as `bench.once` says, outside of what
 * is measured, and lasts until all are answered.
 * @param {import('./run.mjs').Bench} bench
 * @param {import('./site.mjs').Server} server
 * @param {{ name?: string, harmless: string, make: (count: number) => Promise<readonly string[]> }} what `harmless`: the path
 *   of a GET that may always be sent
 * @returns {import('./rounds.mjs').Contestant}
 */
export const sendingOnce = (bench, server, { name = server.name, harmless, make }) => ({
  name,
  async load() {
    const file = writeRequests(join(bench.folder, `once-${server.port}`), await make(bench.once))
    return runWrk(server, { script: 'once.lua', args: [file, harmless] }, longest)
  },
})
