import type { Duplex } from 'node:stream'
import type { Forwarder } from '../forward/exchange.ts'
import { logRefusal } from '../refuse.ts'
import { buildResponseHeaders, type ResponseRules } from '../rewrite/response-headers.ts'
import type { Route } from '../route.ts'
import { leave } from '../traffic/concurrency.ts'
import type { Visit } from '../visit.ts'
import { Tunnel } from './tunnel.ts'

/**
 * Joins a client and a service that has agreed to a WebSocket: tells the client so, with the service's headers, and passes
 * everything on from then on. Spec: RFC 6455 section 4.2.2.
 */
export function openTunnel(
  forwarder: Forwarder,
  visit: Visit,
  route: Route,
  answer: { readonly raw: readonly Buffer[]; readonly socket: Duplex; readonly rules: ResponseRules },
): void {
  const { request, response } = visit
  const { socket: service } = answer
  // It has lost every listener; unheard, the event would end the process.
  service.on('error', () => service.destroy())
  const headers = buildResponseHeaders(101, answer.raw, answer.rules)
  const client = request.socket
  if (headers === undefined || client.destroyed) {
    service.destroy()
    client.destroy()
    leave(visit)
    return
  }
  response.detachSocket(client)
  client.write(buildHead(headers), 'latin1')
  client.setKeepAlive(true, keepAlive)
  const { running, clock, onAnswer, tuning } = forwarder
  const tunnel = new Tunnel({
    client,
    service,
    visit,
    table: forwarder.table,
    idleTicks: tuning.tunnelIdleTicks,
    logRefusal: (denial) => logRefusal(forwarder, visit, denial),
    onClosed() {
      running.remove(tunnel)
      leave(visit)
      onAnswer?.(route.name, 101, (clock.milliseconds() - visit.startedAt) / 1000)
    },
  })
  running.add(tunnel)
}

/** Milliseconds without a byte after which the connection itself is tried: who has gone without a word is found out. */
const keepAlive = 30_000

function buildHead(headers: readonly string[]): string {
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  for (let index = 0; index < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`
  return `${head}\r\n`
}
