import { createServer } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, pause, startServer } from '../../bench/processes.mjs'
import { measureTraffic, memoryOf } from './figures.mjs'
import { host, startGatehouse } from './gatehouse.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** How clients are slow, and after how many seconds they have to be cut. */
const ways = [
  { name: 'headers', begin: `GET /good/good HTTP/1.1\r\nHost: ${host}\r\nX: `, drip: 'x', cutAfter: 15 },
  {
    name: 'body',
    begin: `POST /good/good HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\n\r\n`,
    drip: 'x',
    cutAfter: 30,
  },
  { name: 'reading', begin: `GET /bad/gigabyte HTTP/1.1\r\nHost: ${host}\r\n\r\n`, drip: '', cutAfter: 60 },
]

/** @param {import('./run.mjs').Run} run */
export async function trySlowClients({ quick, say }) {
  const port = await findFreePort()
  await startServer(port, process.execPath, [join(here, 'chaos.mjs'), String(port)])
  const route = (name) =>
    `  ${name}: { upstream: http://127.0.0.1:${port}, routes: [{ path: /${name}/**, require: nothing }] }\n`
  const gatehouse = await startGatehouse(`services:\n${route('bad')}${route('good')}`)
  const figures = []
  const add = (what, asked, measured, isMet, isControl) => figures.push({ what, asked, measured, isMet, isControl })

  await measureTraffic(gatehouse.port, '/good/good', { seconds: 2 })
  const quiet = await measureTraffic(gatehouse.port, '/good/good', { seconds: 5 })
  const before = memoryOf(gatehouse.pid)
  const each = quick ? { headers: 300, body: 300, reading: 20 } : { headers: 2400, body: 2400, reading: 100 }
  const groups = ways.map((way) => ({ way, clients: openAll(gatehouse.port, way, each[way.name]) }))
  const count = each.headers + each.body + each.reading
  say(`${count} slow clients; good requests go on beside them`)
  await pause(3000)
  const beside = await measureTraffic(gatehouse.port, '/good/good', { seconds: 8 })
  const grown = (memoryOf(gatehouse.pid) - before) * 1024
  const limit = Math.max(quiet.p99 * 2, quiet.p99 + 1)
  add(
    `p99 of good requests beside ${count} slow clients`,
    `at most ${limit.toFixed(2)} ms, none failed`,
    `${beside.p99.toFixed(2)} ms, ${beside.failed} failed`,
    beside.p99 <= limit && beside.failed === 0,
  )
  add('memory for each slow client', 'at most 20 kB', `${(grown / count).toFixed(1)} kB`, grown / count <= 20)

  const server = createServer((_request, response) => response.end('ok'))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const control = openAll(server.address().port, ways[0], 10)

  for (const { way, clients } of groups) {
    say(`waiting for slow ${way.name} to be cut`)
    const { open, latest } = await clients.settle((way.cutAfter + 6) * 1000)
    const measured = open > 0 ? `${open} of ${each[way.name]} are open` : `all, the last after ${latest.toFixed(0)} s`
    add(`slow ${way.name}: cut`, `within ${way.cutAfter + 5} s`, measured, open === 0 && latest <= way.cutAfter + 5)
  }
  // Node's own limit is a minute: what is measured above is Gatehouse's.
  await pause(Math.max(0, control.openedAt + 21_000 - performance.now()))
  const cut = control.cutBefore(20)
  await control.settle(0)
  add('slow headers at a plain node:http server: cut', 'all 10 within 20 s', `${cut} of 10`, cut === 10, true)
  server.close().closeAllConnections()
  await gatehouse.stop()
  return figures
}

/** Opens slow clients, each of which sends a byte a second, or does not read. */
function openAll(port, { begin, drip }, count) {
  const openedAt = performance.now()
  /** Milliseconds until each was cut. */
  const cut = []
  const sockets = new Set()
  for (let index = 0; index < count; index += 1) {
    const socket = connect(port, '127.0.0.1', () => socket.write(begin))
    sockets.add(socket)
    if (drip === '') socket.pause()
    else socket.resume()
    const timer = drip === '' ? undefined : setInterval(() => socket.writable && socket.write(drip), 1000)
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearInterval(timer)
      sockets.delete(socket)
      cut.push(performance.now() - openedAt)
    })
  }
  return {
    openedAt,
    cutBefore: (seconds) => cut.filter((milliseconds) => milliseconds <= seconds * 1000).length,
    /** Waits until all are cut, or until so many milliseconds after they were opened. */
    async settle(milliseconds) {
      while (sockets.size > 0 && performance.now() - openedAt < milliseconds) {
        await pause(200)
        // One that does not read learns that it was cut only when it writes.
        if (drip === '') for (const socket of sockets) socket.write('x')
      }
      const open = sockets.size
      for (const socket of sockets) socket.destroy()
      return { open, latest: Math.max(0, ...cut) / 1000 }
    },
  }
}
