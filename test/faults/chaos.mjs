// A service that misbehaves as the path says. Arguments: port. Writes a line for each request that it has received.
import { createServer } from 'node:net'

const [port] = process.argv.slice(2)
const head = (length) => `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n`
const gigabyte = 1_073_741_824
const chunk = Buffer.alloc(1_048_576, 0x61)

/** @type {Record<string, (socket: import('node:net').Socket) => unknown>} */
const ways = {
  hang: () => {},
  'hang-in-body': (socket) => socket.write(`${head(1000)}begun`),
  reset: (socket) => socket.resetAndDestroy(),
  'half-close': (socket) => socket.end(),
  'slow-headers': (socket) => {
    const text = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(60)}`
    let at = 0
    const timer = setInterval(() => {
      if (at < text.length && socket.writable) socket.write(text[at++] ?? '')
      else clearInterval(timer)
    }, 500)
  },
  invalid: (socket) => socket.write('This is no HTTP at all\r\n\r\n'),
  gigabyte(socket) {
    let left = gigabyte
    const send = () => {
      while (left > 0 && socket.writable) {
        left -= chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', send)
      }
    }
    socket.write(head(gigabyte))
    send()
  },
  good: (socket) => socket.write(`${head(2)}ok`),
}

createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', (data) => {
    const line = /^([A-Z]+) \/\w[\w-]*\/([\w-]+)/.exec(data.toString('latin1'))
    if (!line) return
    process.stdout.write(`${line[1]} ${line[2]}\n`)
    ways[line[2]]?.(socket)
  })
}).listen(Number(port), '127.0.0.1')
