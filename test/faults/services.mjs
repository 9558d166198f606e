import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, pause, start, startServer } from '../../bench/processes.mjs'
import { makeFolder } from '../../bench/site.mjs'
import { keepApart } from './cores.mjs'
import { converse, filesOf, get, measureHeldUp, measureTraffic, memoryOf } from './figures.mjs'
import { startGatehouse } from './gatehouse.mjs'
import { host } from './host.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const close = 'Connection: close\r\n'

/** A way in which a service fails, and what its client hears, after how many seconds. */
const ways = [
  { path: '/bad/hang', status: 504, after: 2 },
  { path: '/bad/slow-headers', status: 504, after: 2 },
  { path: '/bad/reset', status: 502, after: 0 },
  { path: '/bad/half-close', status: 502, after: 0 },
  { path: '/bad/invalid', status: 502, after: 0 },
  { path: '/tls/good', status: 502, after: 0 },
]

/** @param {import('./run.mjs').Run} run */
export async function tryServices({ quick, say }) {
  const chaosPort = await findFreePort()
  const chaos = await startServer(chaosPort, process.execPath, [join(here, 'chaos.mjs'), String(chaosPort)])
  const goodPort = await findFreePort()
  await startServer(goodPort, process.execPath, [join(here, 'chaos.mjs'), String(goodPort)])
  const tls = await startTls()
  const timeouts = 'timeouts: { connect: 1s, headers: 2s, idle: 2s }'
  const route = (name, port, scheme = 'http') =>
    `  ${name}: { upstream: ${scheme}://127.0.0.1:${port}, ${timeouts}, routes: [{ path: /${name}/**, require: nothing }] }\n`
  const gatehouse = await startGatehouse(
    `services:\n${route('bad', chaosPort)}${route('good', goodPort)}${route('tls', tls.port, 'https')}`,
  )
  const figures = []
  const add = (what, asked, measured, isMet, isControl) => figures.push({ what, asked, measured, isMet, isControl })

  for (const { path, status, after } of ways) {
    const { status: got, milliseconds } = await converse(gatehouse.port, get(path, close))
    const seconds = milliseconds / 1000
    const isMet = got === status && Math.abs(seconds - after) <= 1.1
    add(path, `${status} after ${after} s`, `${got} after ${seconds.toFixed(1)} s`, isMet)
  }
  const broken = await converse(gatehouse.port, get('/bad/hang-in-body', close))
  const brokenAfter = broken.milliseconds / 1000
  add(
    '/bad/hang-in-body',
    'broken off after 2 s',
    `${broken.closed ? 'broken off' : 'open'} after ${brokenAfter.toFixed(1)} s`,
    broken.closed && Math.abs(brokenAfter - 2) <= 1.1,
  )

  // A certificate that nobody vouches for is taken by whoever does not look.
  const careless = await fetchCarelessly(tls.port)
  add('/tls/good, without looking at the certificate', '502', String(careless), careless === 502, true)
  const control = await converse(chaosPort, get('/bad/hang', close), { patience: 4000 })
  add(
    '/bad/hang asked directly',
    '504 after 2 s',
    `${control.status || 'nothing'} after ${(control.milliseconds / 1000).toFixed(1)} s`,
    control.status === 504,
    true,
  )

  const grown = await takeGigabyte(gatehouse)
  add('memory while 1 GB is passed on', 'at most 100 MB more', `${grown.toFixed(0)} MB`, grown <= 100)

  const body = 'Content-Length: 2\r\n\r\n{}'
  const posts = ['reset', 'half-close', 'hang', 'invalid']
  for (const way of posts) {
    await converse(gatehouse.port, `POST /bad/${way} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${body}`)
  }
  const delivered = posts.map(
    (way) =>
      chaos
        .output()
        .split('\n')
        .filter((line) => line === `POST ${way}`).length,
  )
  add(
    'deliveries of each of four POSTs that fail',
    '1 each',
    delivered.join(' '),
    delivered.every((count) => count === 1),
  )
  const gets = chaos
    .output()
    .split('\n')
    .filter((line) => line === 'GET reset').length
  add('deliveries of a GET that was reset after it was sent', '1', String(gets), gets === 1)

  const seconds = quick ? 3 : 10
  if (!keepApart(gatehouse.pid)) say('Gatehouse has no core of its own: what others do counts as its time')
  await measureTraffic(gatehouse.port, '/good/good', { seconds: 5 })
  const before = { files: filesOf(gatehouse.pid), memory: memoryOf(gatehouse.pid) }
  const quiet = await measureTraffic(gatehouse.port, '/good/good', { seconds })
  const heldUp = await measureHeldUp(gatehouse, '/good/good')
  // They come over as long as each hangs, so that they do not all run out of time in one moment for having come in one.
  const hanging = start(process.execPath, [
    join(here, 'clients.mjs'),
    ...[gatehouse.port, 'hanging', 500, 2.5, seconds + 10].map(String),
  ])
  await pause(6000)
  say(`500 requests hang; good ones go on for ${seconds} s`)
  const beside = await measureTraffic(gatehouse.port, '/good/good', { seconds })
  await hanging.stop()
  await pause(quick ? 3000 : 20_000)
  // The machine itself is not equally quiet all the time: what counts is the worse of before and after.
  const quietAgain = await measureTraffic(gatehouse.port, '/good/good', { seconds })
  const p99 = Math.max(quiet.p99, quietAgain.p99)
  // Below a millisecond it is the generator's own.
  const limit = Math.max(p99 * 1.2, p99 + 1)
  for (const [when, traffic, isControl] of [
    ['where Gatehouse is held up 50 ms a second', heldUp, true],
    ['beside 500 that hang', beside, false],
  ]) {
    add(
      `p99 of another service’s requests ${when}`,
      `at most ${limit.toFixed(2)} ms, none failed`,
      `${traffic.p99.toFixed(2)} ms, ${traffic.failed} failed`,
      traffic.p99 <= limit && traffic.failed === 0,
      isControl,
    )
  }
  const after = { files: filesOf(gatehouse.pid), memory: memoryOf(gatehouse.pid) }
  add(
    'files open when all is over',
    `at most ${Math.ceil(before.files * 1.05) + 70}`,
    String(after.files),
    after.files <= Math.ceil(before.files * 1.05) + 70,
  )
  add(
    'memory when all is over',
    'at most 40 MB more',
    `${(after.memory - before.memory).toFixed(0)} MB`,
    after.memory - before.memory <= 40,
  )
  await gatehouse.stop()
  tls.close()
  return figures
}

/** How much memory grows at the most while a gigabyte passes, in MB. */
async function takeGigabyte({ port, pid }) {
  const before = memoryOf(pid)
  let most = 0
  let received = 0
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(pid) - before)
  }, 50)
  await new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(get('/bad/gigabyte', close)))
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.on('error', reject)
    socket.on('close', resolve)
  })
  clearInterval(timer)
  if (received < 1_073_741_824) throw new Error(`only ${received} bytes of a gigabyte came`)
  return most
}

async function startTls() {
  const folder = makeFolder('tls')
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
  execFileSync(
    'openssl',
    [...args, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  )
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
    response.end('ok'),
  )
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: server.address().port, close: () => server.close().closeAllConnections() }
}

async function fetchCarelessly(port) {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/tls/good', rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}
