// Clients that are slow in one way, in a process of their own: what they cost must not be taken for Gatehouse's. They come one after
// the other over some time, as clients do, and not in one moment. Arguments: port, way, how many, seconds over which they come, seconds
// until they all go (0: when those that are to be cut are). Writes one line of JSON at the end, and ends.
import { connect } from 'node:net'
import { host } from './host.mjs'

const [port, way, count, rampSeconds, lifeSeconds] = process.argv.slice(2)

/** What each sends first, what it sends once a second then, and whether it comes again when it was cut. */
const ways = {
  headers: { begin: `GET /good/good HTTP/1.1\r\nHost: ${host}\r\nX: `, drip: 'x' },
  body: { begin: `POST /bad/hang HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\n\r\n`, drip: 'x' },
  chunks: {
    begin: `POST /bad/hang HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    drip: '1\r\nx\r\n',
  },
  // Whoever does not read does not learn that he was cut either: after a while he looks.
  reading: { begin: `GET /bad/gigabyte HTTP/1.1\r\nHost: ${host}\r\n\r\n`, readsAfter: 63 },
  hanging: { begin: `GET /bad/hang HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, comesAgain: true },
}
const { begin, drip, readsAfter, comesAgain = false } = ways[way]

/** Milliseconds that each lasted until it was cut. */
const cut = []
const sockets = new Set()
let came = 0
let failed = 0
let isOver = false

function open() {
  const startedAt = performance.now()
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true }, () => {
    came += 1
    socket.write(begin)
  })
  sockets.add(socket)
  if (readsAfter === undefined) socket.resume()
  const timer =
    readsAfter === undefined
      ? drip && setInterval(() => socket.writable && socket.write(drip), 1000)
      : setTimeout(() => socket.resume(), readsAfter * 1000)
  socket.on('error', () => {
    if (socket.bytesWritten === 0) failed += 1
  })
  socket.on('end', () => socket.destroy())
  socket.on('close', () => {
    clearInterval(timer)
    sockets.delete(socket)
    if (isOver) return
    if (comesAgain) open()
    else cut.push(performance.now() - startedAt)
    if (sockets.size === 0 && came + failed >= Number(count)) finish()
  })
}

const startedAt = performance.now()
let opened = 0
const ramp = setInterval(() => {
  const due = Math.min(1, (performance.now() - startedAt) / 1000 / Number(rampSeconds)) * Number(count)
  while (opened < due) {
    opened += 1
    open()
  }
  if (opened >= Number(count)) clearInterval(ramp)
}, 5)
const life = setTimeout(finish, Number(lifeSeconds) * 1000)

function finish() {
  if (isOver) return
  isOver = true
  clearInterval(ramp)
  clearTimeout(life)
  const open = sockets.size
  for (const socket of sockets) socket.destroy()
  const latest = Math.max(0, ...cut) / 1000
  process.stdout.write(`${JSON.stringify({ came, failed, open, cut: cut.length, latest })}\n`)
}
process.on('SIGTERM', finish)
