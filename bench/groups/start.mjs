import { get } from 'node:http'
import { compare } from '../comparison.mjs'
import { pause } from '../processes.mjs'
import { median } from '../rounds.mjs'

/**
 * From the start of the process on an existing database to the first 200 of /readyz.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureStart(bench) {
  const times = []
  for (let round = 0; round < 5; round += 1) {
    const startedAt = performance.now()
    const gatehouse = await bench.site.start()
    while (!(await isReady(gatehouse.port))) {
      if (performance.now() - startedAt > 10_000) throw new Error('not ready within 10 s')
      await pause(2)
    }
    times.push((performance.now() - startedAt) / 1000)
    await gatehouse.stop()
  }
  const value = median(times)
  bench.say(`ready after ${times.map((time) => time.toFixed(3)).join(', ')} s`)
  return {
    measured: {},
    rows: [compare('seconds from process start to ready, against the limit', value, 0.3, { atMost: 1 })],
  }
}

function isReady(port) {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}
