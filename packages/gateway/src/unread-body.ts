import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** How long a client that still sends is listened to after its answer, in milliseconds: in all, and without a byte of it. */
const patience = { all: 30_000, quiet: 1000 }

/**
 * Has a connection of HTTP/1.1 end with an answer that leaves before the body of its request has come: the answer says `close`, nothing that
 * comes afterwards is served, also while the answer is on its way, and what is still sent is read away for a while, since closing at
 * once, with bytes unread, would reset the connection and take the answer away from the client. Where the body has come and has been
 * read in time, nothing changes.
 * Spec: RFC 9112 sections 9.3 and 9.6. Cost: a look at the length of each header's name, and two listeners where there is a body.
 * Stops: request smuggling through a proxy that takes a request for finished with its answer, and sends the next one, of somebody
 * else, where the rest of a body is awaited; bodies that drip in for ever to whatever answers without reading them.
 */
export function closeUnread(listener: RequestListener, limits = patience): RequestListener {
  /** The answers to what came last with a body. */
  const latest = new WeakMap<Socket, ServerResponse>()
  return (request, response) => {
    const { socket } = request
    // It has been told that this connection ends.
    if (socket.writableEnded) {
      socket.destroy()
      return
    }
    // Without a connection of its own it waits for the answer before it, which may have said that it is the last.
    if (response.socket === null && isLast(latest.get(socket))) {
      request.resume()
      return
    }
    if (announcesBody(request)) {
      latest.set(socket, response)
      watch(request, response, limits)
    }
    listener(request, response)
  }
}

const isLast = (response: ServerResponse | undefined): boolean =>
  response?.headersSent === true && !response.shouldKeepAlive

/** Whether a body has been announced; its headers need not be put in order to find that out. */
function announcesBody({ rawHeaders }: IncomingMessage): boolean {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') return rawHeaders[index + 1] !== '0'
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') return true
  }
  return false
}

function watch(request: IncomingMessage, response: ServerResponse, limits: typeof patience): void {
  const { shouldKeepAlive } = response
  response.shouldKeepAlive = false
  // Each comes once at the most; `once` would cost more.
  request.on('end', () => {
    if (!response.headersSent) response.shouldKeepAlive = shouldKeepAlive
  })
  // Before the end of the answer, at which Node destroys the connection.
  response.on('prefinish', () => {
    if (!request.complete) linger(request, limits)
  })
}

/** Ends a connection once its answer is out: what comes from there is read away until the body is complete, or for as long as that may take. */
function linger(request: IncomingMessage, { all, quiet }: typeof patience): void {
  const { socket } = request
  socket.destroySoon = () => {
    if (socket.writableEnded || socket.destroyed) return
    socket.end()
    request.resume()
    const startedAt = performance.now()
    let read = socket.bytesRead
    const timer = setInterval(() => {
      if (socket.bytesRead === read || performance.now() - startedAt > all) socket.destroy()
      read = socket.bytesRead
    }, quiet).unref()
    request.once('end', () => socket.destroy())
    socket.once('close', () => clearInterval(timer))
  }
}

/** How long the rest of a small body is waited for, in milliseconds. */
const restTime = 1000

/**
 * Calls back once the body of a request has been read away, or has had a second to come, or its connection is gone. For answers
 * that need nothing of a body that is small: most come with its headers, and the connection can be used again.
 */
export function afterRest(request: IncomingMessage, callback: () => void): void {
  const finish = (): void => {
    clearTimeout(timer)
    request.off('end', finish).off('close', finish)
    callback()
  }
  const timer = setTimeout(finish, restTime).unref()
  request.once('end', finish).once('close', finish).resume()
}
