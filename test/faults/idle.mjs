import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, pause, startServer } from '../../bench/processes.mjs'
import { filesOf, measureTraffic, memoryOf } from './figures.mjs'
import { startGatehouse } from './gatehouse.mjs'
import { host } from './host.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const handshake =
  `GET /live/socket HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`
const request = `GET /good/good HTTP/1.1\r\nHost: ${host}\r\n\r\n`

/** @param {import('./run.mjs').Run} run */
export async function tryIdle({ quick, say }) {
  const [kept, upgraded] = quick ? [2000, 400] : [10_000, 2000]
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim())
  const needed = kept + upgraded * 2 + 500
  if (limit < needed)
    throw new Error(`${needed} open files are needed for each process, and ${limit} are allowed: ulimit -n ${needed}`)

  const port = await findFreePort()
  await startServer(port, process.execPath, [join(here, 'chaos.mjs'), String(port)])
  const live = await startLive()
  const gatehouse = await startGatehouse(`services:
  good: { upstream: http://127.0.0.1:${port}, routes: [{ path: /good/**, require: nothing }] }
  live: { upstream: http://127.0.0.1:${live.port}, routes: [{ path: /live/**, require: nothing }] }
`)
  const figures = []
  const add = (what, asked, measured, isMet, isControl) => figures.push({ what, asked, measured, isMet, isControl })

  await measureTraffic(gatehouse.port, '/good/good', { seconds: 3 })
  const quiet = await measureTraffic(gatehouse.port, '/good/good', { seconds: quick ? 3 : 8 })
  const before = { files: filesOf(gatehouse.pid), memory: memoryOf(gatehouse.pid) }
  say(`opening ${kept} connections and ${upgraded} WebSockets`)
  const sockets = [
    ...(await openMany(gatehouse.port, request, 'HTTP/1.1 200', kept)),
    ...(await openMany(gatehouse.port, handshake, 'HTTP/1.1 101', upgraded)),
  ]
  const accepted = sockets.filter((socket) => socket !== undefined)
  add('accepted', `${kept + upgraded}`, String(accepted.length), accepted.length === kept + upgraded)
  const beside = await measureTraffic(gatehouse.port, '/good/good', { seconds: quick ? 3 : 8 })
  const grown = memoryOf(gatehouse.pid) - before.memory
  const mayGrow = (250 * (kept + upgraded)) / 12_000
  add('memory for all of them', `at most ${mayGrow.toFixed(0)} MB`, `${grown.toFixed(0)} MB`, grown <= mayGrow)
  const atMost = Math.max(quiet.p99 * 1.5, quiet.p99 + 1)
  add(
    'p99 of other requests meanwhile',
    `at most ${atMost.toFixed(2)} ms, none failed`,
    `${beside.p99.toFixed(2)} ms, ${beside.failed} failed`,
    beside.p99 <= atMost && beside.failed === 0,
  )
  const stillOpen = accepted.filter((socket) => !socket.destroyed).length
  add('open after that', `${kept + upgraded}`, String(stillOpen), stillOpen === kept + upgraded)
  const leaks = () => filesOf(gatehouse.pid) - before.files
  add('files too many while they are open', 'at most 10', String(leaks()), leaks() <= 10, true)
  for (const socket of accepted) socket.destroy()
  for (let wait = 0; wait < 20 && leaks() > 10; wait += 1) await pause(500)
  add('files too many when they are closed', 'at most 10', String(leaks()), leaks() <= 10)
  await gatehouse.stop()
  live.close()
  return figures
}

/** A service that agrees to any WebSocket and says nothing. */
async function startLive() {
  const server = createServer()
  const sockets = new Set()
  server.on('upgrade', (_request, socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.resume()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: server.address().port,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Opens connections, a hundred at a time; each has sent one request and been answered as expected, or is undefined. */
async function openMany(port, bytes, expected, count) {
  const all = []
  while (all.length < count) {
    const some = Array.from({ length: Math.min(100, count - all.length) }, () => openOne(port, bytes, expected))
    all.push(...(await Promise.all(some)))
  }
  return all
}

const openOne = (port, bytes, expected) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(15_000, () => resolve(undefined))
    socket.on('error', () => resolve(undefined))
    socket.once('data', (data) => {
      socket.setTimeout(0)
      socket.resume()
      resolve(data.toString('latin1').startsWith(expected) ? socket : undefined)
    })
  })
