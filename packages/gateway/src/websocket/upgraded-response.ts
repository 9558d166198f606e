import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** How long a connection is listened to after its answer, in milliseconds, so that the client gets to read that. */
const lingerMilliseconds = 1000

/**
 * An answer on a connection that Node has let go of because its request wished for another protocol. The connection ends with
 * the answer, since nobody reads what would come next as requests; a client that does not end it too is cut. `undefined`,
 * and the connection cut, where an earlier request on it is not answered yet: whoever changes protocols waits for that.
 * Until the answer is whole the client is listened to, as Node does for any other: one that ends its side has gone, and so has
 * one that says more before the answer begins, which no client may that asks for another protocol.
 * Stops: a tunnel that stays open behind a refusal, requests that were sent along with a handshake, connections that are held
 * half open for nothing, tunnels and answers for clients that are gone, and a process that ends because two answers want one
 * connection.
 */
export function createUpgradedResponse(request: IncomingMessage, socket: Duplex): ServerResponse | undefined {
  // Nobody else listens to it any more; unheard, the event would end the process.
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  try {
    // Node hands over the very socket that it has; only its type is wider here.
    response.assignSocket(request.socket)
  } catch {
    socket.destroy()
    return undefined
  }
  // Node has taken its own listener away: without this one an answer that has to wait for its client waits for ever.
  const onDrain = (): boolean => response.emit('drain')
  socket.on('drain', onDrain)
  stopWithoutClient(response, socket)
  response.once('finish', () => {
    socket.off('drain', onDrain)
    response.detachSocket(request.socket)
    endWithin(socket, lingerMilliseconds)
    process.nextTick(() => response.emit('close'))
  })
  return response
}

/**
 * Cuts the connection when its client has gone: the answer then is closed, and whoever works at it gives up. What comes is read,
 * since the end stands behind it. A tunnel takes the connection away from the answer, and with it this concern.
 */
function stopWithoutClient(response: ServerResponse, socket: Duplex): void {
  socket.on('data', () => {
    if (response.socket !== null && !response.headersSent) socket.destroy()
  })
  socket.on('end', () => {
    if (response.socket !== null && !response.writableEnded) socket.destroy()
  })
}

/** What still comes is thrown away: unread, it would keep the other side's end from being noticed. */
function endWithin(socket: Duplex, milliseconds: number): void {
  socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), milliseconds).unref()
  socket.once('close', () => clearTimeout(timer))
}
