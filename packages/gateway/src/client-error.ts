import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ErrorCode, errorCatalogue } from '@gatehouse/core/errors'
import { newDecisionId, newRequestId } from '@gatehouse/core/random'
import { errorBody, errorHeaders, type RefusalEntry } from './refuse.ts'
import { Turns } from './turns.ts'

/** What Node calls a request whose headers did not come in time. */
const tooLate = 'ERR_HTTP_REQUEST_TIMEOUT'

const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'payload_too_large'],
  [tooLate, 'request_timeout'],
])

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  431: 'Request Header Fields Too Large',
}

/** How long a client gets to read the answer before its connection is cut. */
const lingerMilliseconds = 1000

/**
 * Answers what Node's parser rejects: to be attached to a server's `clientError`. 400, 408, 413 or 431 as JSON, then the
 * connection is closed; nothing is said where an answer is already on its way. `log` gets the entry for the id. Those whose time
 * is up are told a few in each turn: Node finds them all at once, and everybody else would wait for it; nothing more is read of
 * them, before or after.
 * Stops: request smuggling by malformed framing; a 408 that follows an answer, or goes into a WebSocket.
 */
export function createClientErrorHandler(log?: (entry: RefusalEntry) => void): (error: Error, socket: Duplex) => void {
  const turns = new Turns()
  return (error, socket) => {
    // Its answer is out: what is still sent is only read away.
    if (socket.writableEnded && !socket.destroyed) return
    const reason = 'code' in error && typeof error.code === 'string' ? error.code : error.message
    if (reason !== tooLate) return answerClientError(reason, socket, log)
    // Nothing that still comes is read: a request that was whole after all would be served, and be told of this as well.
    socket.pause()
    turns.run(() => answerClientError(reason, socket, log))
  }
}

function answerClientError(reason: string, socket: Duplex, log?: (entry: RefusalEntry) => void): void {
  const owed = findOwedAnswer(socket)
  const begun = owed?.headersSent === true ? owed : undefined
  // Headers that come too late follow a request that was whole: what is said now would be taken for its answer.
  const isForAnother = reason === tooLate && owed !== undefined && begun === undefined
  if (!socket.writable || reason === 'ECONNRESET' || isForAnother || (begun !== undefined && !begun.writableEnded)) {
    socket.destroy()
    return
  }
  setTimeout(() => socket.destroy(), lingerMilliseconds).unref()
  if (begun !== undefined) {
    socket.end()
    return
  }
  const code = codes.get(reason) ?? 'invalid_request'
  const { status } = errorCatalogue[code]
  const decisionId = newDecisionId()
  log?.({
    decision_id: decisionId,
    request_id: newRequestId(),
    code,
    status,
    route: '',
    method: '',
    host: '',
    path: '',
    // Servers hand out sockets; the type is wider for those that speak over something else.
    address: (socket as Partial<Socket>).remoteAddress ?? '',
    subject: '',
    client_id: '',
    rule: '',
    reason,
    needed: 'a request that can be parsed',
  })
  const body = errorBody(code, decisionId)
  const flat = [...errorHeaders(body), 'connection', 'close']
  let head = `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}\r\n`
  for (let index = 0; index < flat.length; index += 2) head += `${flat[index]}: ${flat[index + 1]}\r\n`
  socket.end(`${head}\r\n${body}`)
}

/** The answer that this connection waits for: where its head has left, a second head would be read as part of its body. */
function findOwedAnswer(socket: Duplex): ServerResponse | undefined {
  // Node keeps the message that a connection is answering here and nowhere public; its own handler asks the same.
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
}
