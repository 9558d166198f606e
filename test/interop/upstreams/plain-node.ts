import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { agree, large, placeOf, say } from './answers.ts'
import { type Received, record, type Upstream } from './record.ts'

/** A service on node:http, without anything else. */
export async function startPlain(name = ''): Promise<Upstream> {
  const requests: Received[] = []
  const bodies: number[] = []
  const take = (request: IncomingMessage): string => {
    const path = decodeURI(new URL(request.url ?? '', 'http://a').pathname)
    const [address = ''] = String(request.headers['x-forwarded-for'] ?? '').split(',')
    requests.push(record(request, path, address.trim()))
    return path
  }
  const server = createServer((request, response) => {
    const path = take(request)
    if (path === '/kept') response.setHeader('cache-control', 'public, max-age=3600')
    const answer = () =>
      response.end(path === '/large' ? large : say(placeOf(path), request.headers['x-gatehouse-subject'], name))
    let length = 0
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    request.on('end', () => {
      if (length > 0) bodies.push(length)
      if (path === '/upload') answer()
    })
    if (path !== '/upload') answer()
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => agree(request, socket, take(request)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: async () => requests,
    bodies,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
