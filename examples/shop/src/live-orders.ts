import type { Server } from 'node:http'
import type { Guard } from '@gatehouse/guard'
import { WebSocketServer } from 'ws'
import { pathOf } from './json-server.ts'
import type { OrderBook } from './order-book.ts'

/**
 * A WebSocket of new orders at /shop/live. That its reader is signed in is the gateway's to see to, also while it is open: at
 * logout the gateway closes it. Here it is only made sure that it came through the gateway.
 */
export function serveLiveOrders(server: Server, { guard, book }: { guard: Guard; book: OrderBook }): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 })
  server.on('upgrade', (request, socket, head) => {
    const refuse = (): unknown =>
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    socket.on('error', () => socket.destroy())
    if (pathOf(request) !== '/shop/live') return refuse()
    guard
      .authorize({ authorization: request.headers.authorization })
      .then(() => sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client)), refuse)
  })
  sockets.on('connection', (client) => {
    const stop = book.watch((order) => client.send(JSON.stringify(order)))
    client.on('close', stop)
    client.on('error', () => client.terminate())
  })
  server.on('close', () => sockets.close())
}
