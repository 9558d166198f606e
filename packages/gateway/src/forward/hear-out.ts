import type { Socket } from 'node:net'
import buildConnector from 'undici/lib/core/connect.js'

type Connector = ReturnType<typeof buildConnector>
type Written = (error?: Error | null) => void
/** What Node's own sockets have of a writable stream: both at all times. */
type Writing = Required<Pick<Socket, '_write' | '_writev'>>

/** How long what a service has said is waited for when it takes no more, in milliseconds. */
const patience = 1000

/** Makes connections as undici does, each of which is heard out: see {@link hearOut}. */
export function buildHearingConnector(options: Parameters<typeof buildConnector>[0]): Connector {
  const connect = buildConnector(options)
  return (to, callback) =>
    connect(to, (...outcome) => {
      if (outcome[0] === null) hearOut(outcome[1])
      callback(...outcome)
    })
}

/**
 * Has a connection read to its end, for a second at most, before a failure to write to it counts. A service that refuses a
 * body by its length answers and closes; Node would throw the connection away at the next write, the unread answer with it,
 * and the client would hear 502 in place of 413. Cost: a closure for each write.
 */
function hearOut(socket: Socket): void {
  const { _write: write, _writev: writev } = socket as Writing
  const hold = (done: Written): Written => {
    return (error) => {
      if (error === undefined || error === null || socket.destroyed || socket.readableEnded) return done(error)
      const finish = (): void => {
        clearTimeout(timer)
        socket.off('end', finish).off('close', finish)
        done(error)
      }
      const timer = setTimeout(finish, patience).unref()
      socket.on('end', finish).on('close', finish)
    }
  }
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, hold(done))
  socket._writev = (chunks, done) => writev.call(socket, chunks, hold(done))
}
