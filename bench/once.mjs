import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './processes.mjs'
import { writeRequests } from './requests.mjs'
import { processorTime } from './usage.mjs'

const generator = join(dirname(fileURLToPath(import.meta.url)), 'load/once.mjs')

/**
 * A contestant whose every request may be sent only once: each run first makes as many as `bench.once` says, outside of what
 * is measured, and lasts until all are answered.
 * @param {import('./run.mjs').Bench} bench
 * @param {import('./site.mjs').Server} server
 * @param {{ name?: string, make: (count: number) => Promise<readonly string[]> }} what
 * @returns {import('./rounds.mjs').Contestant}
 */
export const sendingOnce = (bench, server, { name = server.name, make }) => ({
  name,
  async load() {
    const file = writeRequests(join(bench.folder, `once-${server.port}`), await make(bench.once))
    const before = processorTime(server.pids())
    const answered = JSON.parse(await run(process.execPath, [generator, String(server.port), file]))
    const after = processorTime(server.pids())
    return { ...answered, ...(before === undefined || after === undefined ? {} : { processor: after - before }) }
  },
})
