import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, pause, start, startServer } from '../../bench/processes.mjs'
import { keepApart } from './cores.mjs'
import { measureHeldUp, measureTraffic, memoryOf, readLag } from './figures.mjs'
import { startGatehouse } from './gatehouse.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** After how many seconds clients of each kind have to be cut; see `clients.mjs`. */
const cutAfter = { headers: 15, body: 30, chunks: 30, reading: 60 }
/** Seconds over which they come: so long that it is no storm of connections, so short that all are there before one is cut. */
const ramp = 5

/** @param {import('./run.mjs').Run} run */
export async function trySlowClients({ quick, say }) {
  const port = await findFreePort()
  await startServer(port, process.execPath, [join(here, 'chaos.mjs'), String(port)])
  const goodPort = await findFreePort()
  await startServer(goodPort, process.execPath, [join(here, 'chaos.mjs'), String(goodPort)])
  const route = (name, to) =>
    `  ${name}: { upstream: http://127.0.0.1:${to}, routes: [{ path: /${name}/**, require: nothing }] }\n`
  const gatehouse = await startGatehouse(`services:\n${route('bad', port)}${route('good', goodPort)}`)
  if (!keepApart(gatehouse.pid)) say('Gatehouse has no core of its own: what others do counts as its time')
  const figures = []
  const add = (what, asked, measured, isMet, isControl) => figures.push({ what, asked, measured, isMet, isControl })

  await measureTraffic(gatehouse.port, '/good/good', { seconds: 4 })
  const quiet = await measureTraffic(gatehouse.port, '/good/good', { seconds: 8 })
  const limit = Math.max(quiet.p99 * 2, quiet.p99 + 1)
  const addTraffic = (when, { p99, failed }, isControl) =>
    add(
      `p99 of good requests ${when}`,
      `at most ${limit.toFixed(2)} ms, none failed`,
      `${p99.toFixed(2)} ms, ${failed} failed`,
      p99 <= limit && failed === 0,
      isControl,
    )
  addTraffic('where Gatehouse is held up 50 ms a second', await measureHeldUp(gatehouse, '/good/good'), true)

  const before = memoryOf(gatehouse.pid)
  // More bodies than the service may have connections: it is not to be had by them.
  const each = quick
    ? { headers: 300, body: 1200, chunks: 600, reading: 20 }
    : { headers: 2500, body: 1600, chunks: 800, reading: 100 }
  const count = Object.values(each).reduce((sum, many) => sum + many)
  const control = await startControl()
  await readLag(gatehouse.port)
  const groups = Object.entries(each).map(([way, many]) => startClients(gatehouse.port, way, many, cutAfter[way] + 10))
  const controlClients = startClients(control.port, 'headers', 10, 20 + ramp)
  say(`${count} slow clients come in ${ramp} s; good requests go on beside them`)
  await pause((ramp + 1.5) * 1000)
  addTraffic(`beside ${count} slow clients`, await measureTraffic(gatehouse.port, '/good/good', { seconds: 4 }))
  const grown = (memoryOf(gatehouse.pid) - before) * 1024
  addTraffic('of the service that they are for', await measureTraffic(gatehouse.port, '/bad/good', { seconds: 4 }))
  say(`the event loop was ${(await readLag(gatehouse.port)).toFixed(0)} ms late at p99`)
  addTraffic(
    `while ${each.headers} of them are cut`,
    await measureTraffic(gatehouse.port, '/good/good', { seconds: ramp + 3 }),
  )
  add('memory for each slow client', 'at most 20 kB', `${(grown / count).toFixed(1)} kB`, grown / count <= 20)

  for (const [index, [way, many]] of Object.entries(each).entries()) {
    say(`waiting for slow ${way} to be cut`)
    const { came, cut, latest } = await groups[index]
    const within = cutAfter[way] + 5
    const measured = `${cut} of ${came}, the last after ${latest.toFixed(0)} s`
    add(`slow ${way}: cut`, `${many} within ${within} s`, measured, cut === many && latest <= within)
  }
  // Node's own limit is a minute: what is measured above is Gatehouse's.
  const { cut } = await controlClients
  add('slow headers at a plain node:http server: cut', 'all 10 within 20 s', `${cut} of 10`, cut === 10, true)
  await control.stop()
  await gatehouse.stop()
  return figures
}

/** Starts clients in a process of their own; what became of them once all are cut, or after so many seconds. */
async function startClients(port, way, count, seconds) {
  const program = join(here, 'clients.mjs')
  const clients = start(process.execPath, [program, ...[port, way, count, ramp, seconds + ramp].map(String)])
  await clients.ended
  return JSON.parse(clients.output())
}

/** A plain node:http server. */
async function startControl() {
  const port = await findFreePort()
  const text = `require('node:http').createServer((_, response) => response.end('ok')).listen(${port}, '127.0.0.1')`
  return startServer(port, process.execPath, ['-e', text])
}
