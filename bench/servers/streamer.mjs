// A service that streams. /events: server-sent events, `rate` of them a second, each the time of the monotonic clock in
// microseconds; /download: so many MB; /upload: reads everything and says how much; a WebSocket: opens and rests.
// Arguments: port.
import { createHash } from 'node:crypto'
import http from 'node:http'

const [port] = process.argv.slice(2)
const chunk = Buffer.alloc(64 * 1024, 'x')
const stamp = () => process.hrtime.bigint() / 1000n

function sendEvents(url, response) {
  const rate = Number(url.searchParams.get('rate') ?? 20)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const send = () => response.write(`data: ${stamp()}\n\n`)
  send()
  const timer = rate > 0 ? setInterval(send, 1000 / rate) : undefined
  response.on('close', () => clearInterval(timer))
}

async function sendBytes(url, response) {
  let left = Number(url.searchParams.get('mb')) * 1e6
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': left })
  while (left > 0 && !response.destroyed) {
    const part = left >= chunk.length ? chunk : chunk.subarray(0, left)
    left -= part.length
    if (!response.write(part)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  response.end()
}

function readBytes(request, response) {
  let bytes = 0
  request.on('data', (data) => {
    bytes += data.length
  })
  request.on('end', () => response.end(String(bytes)))
}

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  if (url.pathname.endsWith('/events')) sendEvents(url, response)
  else if (url.pathname.endsWith('/download')) void sendBytes(url, response)
  else if (url.pathname.endsWith('/upload')) readBytes(request, response)
  else response.end('{}')
})
server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  socket.on('error', () => {})
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  )
})
server.listen(Number(port), '127.0.0.1')
