import { get } from 'node:http'
import { compare } from '../comparison.mjs'
import { findFreePort, pause, startServer } from '../processes.mjs'
import { median } from '../rounds.mjs'

/** What Node itself takes on this machine at this moment, which differs by a third from hour to hour. */
const bareServer = (port) =>
  `require('node:http').createServer((_, response) => response.end('ok')).listen(${port}, '127.0.0.1')`

/**
 * From the start of the process on an existing database to the first 200 of /readyz, and the same of a bare node:http server, which
 * takes turns with it.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureStart(bench) {
  const times = []
  const bareTimes = []
  for (let round = 0; round < 5; round += 1) {
    times.push(await timeStart(() => bench.site.start()))
    const port = await findFreePort()
    bareTimes.push(await timeStart(() => startServer(port, process.execPath, ['-e', bareServer(port)])))
  }
  const value = median(times)
  const format = (all) => all.map((time) => time.toFixed(3)).join(', ')
  bench.say(`ready after ${format(times)} s; a bare server after ${format(bareTimes)} s`)
  return {
    measured: {},
    rows: [
      compare('seconds from process start to ready, against the limit', value, 0.3, { atMost: 1 }),
      compare('for information: the same, against a bare node:http server', value, median(bareTimes)),
    ],
  }
}

/** Starts a server and stops it again; seconds until it was ready. */
async function timeStart(start) {
  const startedAt = performance.now()
  const server = await start()
  while (!(await isReady(server.port))) {
    if (performance.now() - startedAt > 10_000) throw new Error('not ready within 10 s')
    await pause(2)
  }
  const time = (performance.now() - startedAt) / 1000
  await server.stop()
  return time
}

function isReady(port) {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}
