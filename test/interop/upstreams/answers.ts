import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { guarded } from '@gatehouse/gateway/fixtures/spellings'

/** What services say: where a request has ended up, whose it is, and the service's own name. */
export const say = (place: string, subject: unknown, name: string): string => `${place} subject=${subject} at=${name}`

/** More than connections hold by themselves. */
export const large = Buffer.alloc(32 * 1024 * 1024)

/** The place that a path is: see `inFrontOfEach`. */
export const placeOf = (path: string): string =>
  path === guarded ? 'guarded' : path === '/v2' || path.startsWith('/v2/') ? 'inside' : 'open'

/** Agrees to a WebSocket below `/live` and at the guarded path, and greets; any other wish is answered 403. Spec: RFC 6455. */
export function agree({ headers }: IncomingMessage, socket: Duplex, path: string): void {
  socket.on('error', () => socket.destroy())
  // Connections of node:http do not end by themselves when the other side does.
  socket.on('end', () => socket.end())
  if (!path.startsWith('/live/') && path !== guarded) {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nunwell')
    return
  }
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket`
  const greeting = `${placeOf(path)} subject=${headers['x-gatehouse-subject']} origin=${headers.origin}`
  socket.write(`${head}\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`)
  socket.write(Buffer.concat([Buffer.from([0x81, greeting.length]), Buffer.from(greeting)]))
  // Whatever is sent comes back as one frame that says how much it was.
  socket.on('data', (chunk: Buffer) => {
    const text = `got ${chunk.length}`
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]))
  })
}
