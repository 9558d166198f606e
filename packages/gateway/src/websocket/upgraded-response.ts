import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * An answer on a connection that Node has let go of because its request wished for another protocol. The connection ends with
 * the answer, since nobody reads what would come next as requests. Stops: a tunnel that stays open behind a refusal, and
 * requests that were sent along with a handshake.
 */
export function createUpgradedResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  // Node hands over the very socket that it has; only its type is wider here.
  response.assignSocket(request.socket)
  response.once('finish', () => {
    response.detachSocket(request.socket)
    socket.end()
    process.nextTick(() => response.emit('close'))
  })
  // Nobody else listens to it any more; unheard, the event would end the process.
  socket.on('error', () => socket.destroy())
  return response
}
