import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { GatheredBytes } from '@gatehouse/core/gathered-bytes'
import type { CheckedLookup } from './kept-connections.ts'
import { OutboundError } from './outbound-error.ts'

/** What to ask another server for. */
export interface OutboundRequest {
  /** GET unless said otherwise. */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The media types that are taken, in lower case; where there is none the body is not read. */
  readonly accept: readonly string[]
  /** The most bytes that the body may have. */
  readonly limitBytes: number
  /** For everything together, from the name's resolution to the last byte; 5000 unless said otherwise. */
  readonly timeoutMs?: number
  /** Whether the body of a refusal (4xx, 5xx) is read too, where its media type is one of those that are taken. */
  readonly readsRefusals?: boolean
  /** Whether addresses of private networks may be asked, over https as ever; where whoever configures the host says so. */
  readonly allowsPrivate?: boolean
}

/** What the other server answered. */
export interface OutboundAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, for a status of 2xx and, where it was asked for, of a refusal; empty for any other. */
  readonly text: string
}

/** Over what a request goes. */
export interface Way {
  /** The addresses that were checked, and no other that the name might have by now. */
  readonly lookup: CheckedLookup
  /** Connections that are kept; undefined = one for this request alone. */
  readonly agent: Agent | undefined
  readonly signal: AbortSignal
  /** Called once there is a connection that the request goes over. */
  readonly onConnected: () => void
}

/**
 * Sends one request and reads its answer. Where a connection was used before and turns out to be closed, with not one byte of
 * an answer, the same is sent once more over a new one.
 *
 * That is so for POST too, although nobody can tell whether a server ended the connection before it read the request or
 * after it acted on it: the first is what happens where connections lie idle. Of what is sent over kept connections nothing
 * is worse for being sent twice than for its answer being lost. A code or a refresh token that was taken the first time is
 * refused the second time, and what was issued for it may be revoked (RFC 6749 section 4.1.2, RFC 9700 section 4.14): but the
 * tokens of the first time have reached nobody, and the sign-in would have failed.
 * Spec: RFC 9110 section 9.2.2, RFC 9112 section 9.3.1.
 */
export async function exchange(url: URL, request: OutboundRequest, way: Way): Promise<OutboundAnswer> {
  const { sent, answer } = send(url, request, way)
  try {
    return await readAnswer(request, await answer)
  } catch (error) {
    if (!wasStale(sent, error) || way.signal.aborted) throw error
  } finally {
    sent.destroy()
  }
  return exchange(url, request, { ...way, agent: undefined })
}

/** A request that is under way. */
interface Sent {
  readonly sent: ClientRequest
  readonly answer: Promise<IncomingMessage>
}

function send(url: URL, { method = 'GET', headers = {}, body, accept }: OutboundRequest, way: Way): Sent {
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    headers: {
      ...headers,
      ...(accept.length === 0 ? {} : { accept: accept.join(', ') }),
      'accept-encoding': 'identity',
      'user-agent': 'Gatehouse',
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    },
    agent: way.agent ?? false,
    lookup: way.lookup,
    signal: way.signal,
  })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    // Stays for errors that come once there is an answer: those reach the reader of the answer as well.
    request.on('error', reject)
    request.on('response', resolve)
  })
  request.once('socket', (socket) => {
    bytesBefore.set(request, socket.bytesRead)
    if (request.reusedSocket) way.onConnected()
    else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', way.onConnected)
  })
  request.end(body)
  return { sent: request, answer }
}

/** What had been read of a request's connection before it. */
const bytesBefore = new WeakMap<ClientRequest, number>()

function wasStale(request: ClientRequest, error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  const isEnded = code === 'ECONNRESET' || code === 'EPIPE'
  return isEnded && request.reusedSocket && request.socket?.bytesRead === bytesBefore.get(request)
}

async function readAnswer(
  { accept, limitBytes, readsRefusals = false }: OutboundRequest,
  response: IncomingMessage,
): Promise<OutboundAnswer> {
  const status = response.statusCode ?? 0
  if (status >= 300 && status < 400) throw new OutboundError('redirected')
  const isSuccess = status >= 200 && status < 300
  const isRefusal = readsRefusals && status >= 400 && accept.includes(mediaTypeOf(response.headers))
  const isWanted = (isSuccess && accept.length > 0) || isRefusal
  if (isWanted) checkHeaders(response.headers, accept, limitBytes)
  return { status, headers: response.headers, text: isWanted ? await readText(response, limitBytes) : '' }
}

const mediaTypeOf = (headers: IncomingHttpHeaders): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

function checkHeaders(headers: IncomingHttpHeaders, accept: readonly string[], limitBytes: number): void {
  if (!accept.includes(mediaTypeOf(headers))) throw new OutboundError('wrong_type')
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'identity') throw new OutboundError('encoded')
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw new OutboundError('too_large')
}

async function readText(response: IncomingMessage, limitBytes: number): Promise<string> {
  const gathered = new GatheredBytes()
  for await (const chunk of response) {
    gathered.add(chunk as Buffer) // no encoding was set
    if (gathered.length > limitBytes) throw new OutboundError('too_large')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(gathered.take())
  } catch (cause) {
    throw new OutboundError('wrong_type', cause)
  }
}
