import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, pause, startServer } from '../../bench/processes.mjs'
import { root } from '../../scripts/prepare.mjs'
import { isAlive, measureTraffic, memoryOf } from './figures.mjs'
import { startGatehouse } from './gatehouse.mjs'
import { host } from './host.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const line = (target, headers = '') => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`

/** Paths that two servers could read as two. */
const paths = [
  '//bad/good',
  '/./bad',
  '/good/../bad/good',
  '/good/%2e%2e/bad',
  '/good/%2e%2e%2fbad',
  '/good%2fgood',
  '/good/good%5c',
  '/good\\good',
  '/good/good;x=1',
  '/good/..;/bad',
  '/good/%252e%252e/bad',
  '/good/%00',
  '/good/%0d%0aX:1',
  '/good/%',
  '/good/%zz',
  '/good/good%ff',
  '/good/good#x',
  '/good/\u00e9',
  '/good/good?a=#',
  'good/good',
  '*',
  'http://other.example/good/good',
  'http://a@b/good',
  '//',
  '/..',
  '/%2f',
]
/** Framing that two servers could read as two requests, and requests that are none. */
const frames = [
  'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  ' Content-Length: 5\r\n',
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 0x5\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'X: a\rb\r\n',
  'X: a\nContent-Length: 5\r\n',
  `Host: ${host}\r\n`,
  'Host: other.example\r\n',
  `X: ${'x'.repeat(20_000)}\r\n`,
  'X-Y: 1\r\n'.repeat(120),
  'Authorization: Bearer a\r\nAuthorization: Bearer b\r\n',
  'Expect: nothing\r\n',
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 3\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 4\r\n',
]
const others = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00',
  'GET /good/good\r\n\r\n',
  'GET /good/good HTTP/9.9\r\n\r\n',
  '\r\n\r\n\r\n',
  'get /good/good HTTP/1.1\r\nHost: a\r\n\r\n',
  `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  'TRACE /good/good HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /good/good HTTP/1.1\r\n\r\n',
  'GET /good/good HTTP/1.1\r\nHost: a b\r\n\r\n',
  'GET /good/good HTTP/1.1\r\nHost: a@b\r\n\r\n',
  `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  `POST /good/good HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
  `POST /good/good HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(20_000)}\r\n`,
  `POST /oauth/token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\na=%ff&`,
  `POST /login HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"a":{"a":{"`,
  `POST /validate HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]`,
  `GET /good/good HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${'a.'.repeat(300)}\r\n\r\n`,
  `GET /oauth/authorize?${'a=1&'.repeat(500)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
]
const storm = [...paths.map((path) => line(path)), ...frames.map((headers) => line('/good/good', headers)), ...others]

/** What a client must have been refused, and a service must never see. */
const smuggled = [
  line('/good/good', 'Content-Length: 43\r\nTransfer-Encoding: gzip, chunked\r\n') +
    `0\r\n\r\n${line('/bad/smuggled')}`,
  line('/good/../bad/dotted'),
  line('/good/%2e%2e/bad/escaped'),
]

/** @param {import('./run.mjs').Run} run */
export async function tryMalformed({ quick, say }) {
  const port = await findFreePort()
  const chaos = await startServer(port, process.execPath, [join(here, 'chaos.mjs'), String(port)])
  const gatehouse = await startGatehouse(
    `services:\n  good: { upstream: http://127.0.0.1:${port}, routes: [{ path: /good/**, require: nothing }] }\n`,
  )
  const proxyPort = await findFreePort()
  const proxy = join(root, 'bench/servers/http-proxy-3.mjs')
  await startServer(proxyPort, process.execPath, [proxy, String(proxyPort), `http://127.0.0.1:${port}`])
  const figures = []
  const add = (what, asked, measured, isMet, isControl) => figures.push({ what, asked, measured, isMet, isControl })
  const reached = () =>
    chaos
      .output()
      .split('\n')
      .filter((entry) => /smuggled|dotted|escaped|\.\./.test(entry)).length

  await measureTraffic(gatehouse.port, '/good/good', { seconds: 2 })
  const quiet = await measureTraffic(gatehouse.port, '/good/good', { seconds: 5 })
  const before = memoryOf(gatehouse.pid)
  const seconds = quick ? 10 : 600
  say(`${storm.length} kinds of nonsense, 500 a second, for ${seconds} s`)
  const [beside, statuses, early] = await Promise.all([
    measureTraffic(gatehouse.port, '/good/good', { seconds }),
    blow(gatehouse.port, seconds),
    // What V8 and SQLite keep of caches is there by then; what grows on is not flat.
    pause(seconds * 100).then(() => memoryOf(gatehouse.pid)),
  ])
  const alive = isAlive(gatehouse.pid)
  add('the program', 'runs', alive ? 'runs' : 'has ended', alive)
  const ours = [...statuses].filter(([status]) => status >= 500)
  const told = ours.map(([status, count]) => `${count} times ${status}`).join(', ') || 'none'
  add('answers of 5xx to nonsense', 'none', told, ours.length === 0)
  const unhandled = /unhandled|uncaught/i.exec(gatehouse.output())?.[0] ?? 'none'
  add('faults that nobody has handled', 'none', unhandled, unhandled === 'none')
  const limit = Math.max(quiet.p99 * 2, quiet.p99 + 2)
  add(
    'p99 of good requests meanwhile',
    `at most ${limit.toFixed(2)} ms, none failed`,
    `${beside.p99.toFixed(2)} ms, ${beside.failed} failed`,
    beside.p99 <= limit && beside.failed === 0,
  )
  const grown = memoryOf(gatehouse.pid) - early
  say(`${(early - before).toFixed(0)} MB more in the first tenth of it`)
  // In ten seconds nothing is settled yet.
  if (!quick) add('memory after that', 'at most 10 MB more', `${grown.toFixed(0)} MB`, grown <= 10)

  for (const bytes of smuggled) await exchange(gatehouse.port, bytes)
  add('requests that a service must not see', 'none', String(reached()), reached() === 0)
  for (const bytes of smuggled) await exchange(proxyPort, bytes)
  add('the same through http-proxy-3', 'none', String(reached()), reached() === 0, true)
  await gatehouse.stop()
  return figures
}

/** Sends nonsense at a fixed rate; how often each status was answered, 0 where none was. */
async function blow(port, seconds) {
  const statuses = new Map()
  const running = new Set()
  const startedAt = performance.now()
  const total = seconds * 500
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor((performance.now() - startedAt) / 2))
    while (sent < due) {
      const one = exchange(port, storm[sent % storm.length]).then((status) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        running.delete(one)
      })
      running.add(one)
      sent += 1
    }
    await pause(2)
  }
  await Promise.all(running)
  return statuses
}

/** The status of the first answer to some bytes; 0 where the connection ends, or nothing comes within half a second. */
const exchange = (port, bytes) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    const finish = (status) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(status)
    }
    const timer = setTimeout(finish, 500, 0)
    socket.on('data', (data) => finish(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1] ?? 0)))
    socket.on('error', () => finish(0))
    socket.on('close', () => finish(0))
  })
