// Opens connections that rest: plain ones, which have each sent one request, and WebSockets. Arguments: port, host, path of
// WebSockets, token, plain ones, WebSockets. Writes `open` when all are, then how many are still open at the end of its input.
import { connect } from 'node:net'

const [port, host, path, token, plain, webSockets] = process.argv.slice(2)
const sockets = new Set()
let broken = 0

const rest = () => `GET /livez HTTP/1.1\r\nhost: ${host}\r\n\r\n`
const handshake = () =>
  `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`

await openAll(Number(plain), rest, 'HTTP/1.1 200')
await openAll(Number(webSockets), handshake, 'HTTP/1.1 101')
process.stdout.write('open\n')
process.stdin.resume()
process.stdin.on('end', () => {
  process.stdout.write(`${JSON.stringify({ open: sockets.size, broken })}\n`)
  process.exit(0)
})

async function openAll(count, build, expected) {
  let next = 0
  const work = async () => {
    while (next < count) {
      next += 1
      await open(build(), expected)
    }
  }
  await Promise.all(Array.from({ length: 50 }, work))
}

function open(request, expected) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' })
    sockets.add(socket)
    socket.once('data', (data) => {
      if (String(data).startsWith(expected)) resolve()
      else reject(new Error(String(data).slice(0, 300)))
      socket.resume()
    })
    socket.on('error', () => {
      broken += 1
    })
    socket.on('close', () => sockets.delete(socket))
    socket.write(request)
  })
}
