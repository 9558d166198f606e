import { lookup as lookUpName } from 'node:dns/promises'
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { OutboundError } from './outbound-error.ts'
import { isLoopbackAddress, isPublicAddress, isPublicOrPrivateAddress } from './public-address.ts'

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

/** Asks other servers, at addresses that strangers may have chosen. */
export interface Outbound {
  /**
   * Sends one request over a connection of its own. Only https; every address of the host must be public, and the
   * connection goes to those very addresses; redirects are not followed, and nothing compressed is taken.
   * Throws {@link OutboundError}.
   * Stops: server-side request forgery, also by names that resolve to something else the second time; answers that are
   * endless, slow or blown up by compression. Spec: RFC 9700 section 4.
   */
  fetch(url: string, request: OutboundRequest): Promise<OutboundAnswer>
  /** Ends what is under way, which fails; later requests fail at once. */
  close(): void
}

interface Address {
  readonly address: string
  readonly family: number
}

interface OutboundOptions {
  /** Whether this machine may be asked, also over plain http: for development alone. */
  readonly allowLoopback: boolean
  /** All addresses of a name; those of the system unless said otherwise. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>
}

/** Builds the one way out; whoever builds it closes it. */
export function createOutbound({ allowLoopback, resolve = resolveName }: OutboundOptions): Outbound {
  const underWay = new Set<AbortController>()
  let closed = false

  return {
    async fetch(text, request) {
      if (closed) throw new OutboundError('closed')
      const url = parseUrl(text, allowLoopback)
      const controller = new AbortController()
      const expire = () => controller.abort(new OutboundError('timeout'))
      const timer = setTimeout(expire, request.timeoutMs ?? 5000)
      underWay.add(controller)
      try {
        const host = url.hostname.replace(/^\[|\]$/g, '')
        const addresses = await unlessAborted(resolveHost(host, resolve), controller.signal)
        const isAllowed = request.allowsPrivate ? isPublicOrPrivateAddress : isPublicAddress
        for (const { address } of addresses) checkAddress(address, url, { allowLoopback, isAllowed })
        return await exchange(url, request, addresses, controller.signal)
      } catch (error) {
        if (controller.signal.aborted) throw controller.signal.reason
        throw error instanceof OutboundError ? error : new OutboundError('unreachable', error)
      } finally {
        clearTimeout(timer)
        underWay.delete(controller)
      }
    },

    close() {
      closed = true
      for (const controller of underWay) controller.abort(new OutboundError('closed'))
    },
  }
}

function parseUrl(text: string, allowLoopback: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isAllowed = url?.protocol === 'https:' || (allowLoopback && url?.protocol === 'http:')
  if (!url || !isAllowed || url.username !== '' || url.password !== '') throw new OutboundError('url_not_allowed')
  return url
}

function checkAddress(
  address: string,
  url: URL,
  { allowLoopback, isAllowed }: { readonly allowLoopback: boolean; readonly isAllowed: (address: string) => boolean },
): void {
  if (allowLoopback && isLoopbackAddress(address)) return
  if (url.protocol !== 'https:' || !isAllowed(address)) throw new OutboundError('address_not_allowed')
}

const resolveName = (host: string): Promise<readonly Address[]> => lookUpName(host, { all: true })

/** The addresses of a host. A URL has no other spelling of an IPv4 address than the plain one: its parser sees to that. */
async function resolveHost(
  host: string,
  resolve: (host: string) => Promise<readonly Address[]>,
): Promise<readonly Address[]> {
  const family = isIP(host)
  const addresses = family === 0 ? await resolve(host) : [{ address: host, family }]
  if (addresses.length === 0) throw new OutboundError('unreachable')
  return addresses
}

/** A name's resolution cannot be stopped, but it need not be waited for. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    promise.then(resolve, reject)
  })
}

/** Connects to the addresses that were checked, and to no other that the name might have by then. */
const pinnedTo =
  (addresses: readonly Address[]): LookupFunction =>
  (_, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }

async function exchange(
  url: URL,
  { method = 'GET', headers = {}, body, accept, limitBytes, readsRefusals = false }: OutboundRequest,
  addresses: readonly Address[],
  signal: AbortSignal,
): Promise<OutboundAnswer> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const request = send(url, {
    method,
    headers: {
      ...headers,
      ...(accept.length === 0 ? {} : { accept: accept.join(', ') }),
      'accept-encoding': 'identity',
      'user-agent': 'Gatehouse',
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    },
    agent: false,
    lookup: pinnedTo(addresses),
    signal,
  })
  try {
    const response = await answerTo(request, body)
    const status = response.statusCode ?? 0
    if (status >= 300 && status < 400) throw new OutboundError('redirected')
    const isSuccess = status >= 200 && status < 300
    const isRefusal = readsRefusals && status >= 400 && accept.includes(mediaTypeOf(response.headers))
    const isWanted = (isSuccess && accept.length > 0) || isRefusal
    if (isWanted) checkHeaders(response.headers, accept, limitBytes)
    return { status, headers: response.headers, text: isWanted ? await readText(response, limitBytes) : '' }
  } finally {
    request.destroy()
  }
}

const answerTo = (request: ClientRequest, body: string | undefined): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    // Stays for errors that come once there is an answer: those reach the reader of the answer as well.
    request.on('error', reject)
    request.on('response', resolve)
    request.end(body)
  })

const mediaTypeOf = (headers: IncomingHttpHeaders): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

function checkHeaders(headers: IncomingHttpHeaders, accept: readonly string[], limitBytes: number): void {
  if (!accept.includes(mediaTypeOf(headers))) throw new OutboundError('wrong_type')
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'identity') throw new OutboundError('encoded')
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw new OutboundError('too_large')
}

async function readText(response: IncomingMessage, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    const part = chunk as Buffer // no encoding was set
    bytes += part.length
    if (bytes > limitBytes) throw new OutboundError('too_large')
    chunks.push(part)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw new OutboundError('wrong_type', cause)
  }
}
