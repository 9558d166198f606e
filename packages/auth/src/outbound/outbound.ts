import { lookup as lookUpName } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { exchange, type OutboundAnswer, type OutboundRequest } from './exchange.ts'
import { type CheckedLookup, createKeptConnections, type KeptConnections } from './kept-connections.ts'
import { type Address, askNameServers } from './name-servers.ts'
import { OutboundError } from './outbound-error.ts'
import { isLoopbackAddress, isPublicAddress, isPublicOrPrivateAddress } from './public-address.ts'

export type { OutboundAnswer, OutboundRequest } from './exchange.ts'

/** Asks other servers, at addresses that strangers may have chosen. */
export interface Outbound {
  /**
   * Sends one request over a connection of its own. Only https; every address of the host must be public, and the
   * connection goes to those very addresses; redirects are not followed, and nothing compressed is taken. The host's name is asked of
   * the machine's name servers, never of its hosts file. Throws {@link OutboundError}.
   * Stops: server-side request forgery, also by names that resolve to something else the second time; answers that are
   * endless, slow or blown up by compression; names that hold up the resolution of everybody else's. Spec: RFC 9700 section 4.
   */
  fetch(url: string, request: OutboundRequest): Promise<OutboundAnswer>
  /**
   * A way to one destination that whoever configures Gatehouse has named, never one that a stranger can name: as `fetch`, and
   * every request is checked as there, but over connections that are kept for a while. No two such ways share one.
   */
  keeping(): KeepingOutbound
  /** Ends what is under way, which fails; later requests fail at once. */
  close(): void
}

/** A way out over connections that are kept; whoever opens it closes it. */
export interface KeepingOutbound extends Pick<Outbound, 'fetch'> {
  /** Ends the connections that lie idle; later requests get connections of their own. */
  close(): void
}

/** Finds all addresses of a name. */
type Resolve = (host: string, signal: AbortSignal) => Promise<readonly Address[]>

interface OutboundOptions {
  /** Whether this machine may be asked, also over plain http: for development alone. */
  readonly allowLoopback: boolean
  /** In place of both ways to resolve a name. For tests. */
  readonly resolve?: Resolve
}

/** Builds the one way out; whoever builds it closes it. */
export function createOutbound({ allowLoopback, resolve: given }: OutboundOptions): Outbound {
  // The system has two threads for names, which the gateway's own names need: strangers' names are kept from there.
  const resolveStrangers = given ?? (allowLoopback ? resolveBySystem : askNameServers)
  const resolveConfigured = given ?? resolveBySystem
  const underWay = new Set<AbortController>()
  const kept = new Set<KeptConnections>()
  let closed = false

  const fetchOver = async (
    { resolve, connections }: { readonly resolve: Resolve; readonly connections?: KeptConnections | undefined },
    text: string,
    request: OutboundRequest,
  ): Promise<OutboundAnswer> => {
    if (closed) throw new OutboundError('closed')
    const url = parseUrl(text, allowLoopback)
    const controller = new AbortController()
    const { signal } = controller
    let wasSent = false
    const onConnected = (): void => {
      wasSent = true
    }
    const expire = () => controller.abort(new OutboundError('timeout', undefined, wasSent))
    const timer = setTimeout(expire, request.timeoutMs ?? 5000)
    underWay.add(controller)
    try {
      const host = url.hostname.replace(/^\[|\]$/g, '')
      // Whoever lets it be private has written it in the file: its name may be known to this machine alone.
      const find = request.allowsPrivate ? resolveConfigured : resolve
      const addresses = await unlessAborted(resolveHost(host, find, signal), signal)
      const { allowsPrivate = false } = request
      for (const { address } of addresses) checkAddress(address, url, { allowLoopback, allowsPrivate })
      const agent = connections?.agentFor(url.protocol)
      return await exchange(url, request, { lookup: pinnedTo(addresses), agent, signal, onConnected })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw error instanceof OutboundError ? error : new OutboundError('unreachable', error, wasSent)
    } finally {
      clearTimeout(timer)
      underWay.delete(controller)
    }
  }

  return {
    fetch: (url, request) => fetchOver({ resolve: resolveStrangers }, url, request),

    keeping() {
      const connections = createKeptConnections()
      kept.add(connections)
      return {
        fetch(url, request) {
          return fetchOver(
            { resolve: resolveConfigured, connections: kept.has(connections) ? connections : undefined },
            url,
            request,
          )
        },
        close() {
          kept.delete(connections)
          connections.close()
        },
      }
    },

    close() {
      closed = true
      for (const controller of underWay) controller.abort(new OutboundError('closed'))
      for (const connections of kept) connections.close()
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
  { allowLoopback, allowsPrivate }: { readonly allowLoopback: boolean; readonly allowsPrivate: boolean },
): void {
  if (allowLoopback && isLoopbackAddress(address)) return
  const isAllowed = allowsPrivate ? isPublicOrPrivateAddress : isPublicAddress
  if (url.protocol === 'https:' && isAllowed(address)) return
  throw new OutboundError('address_not_allowed', new Error(describeAddress(address, url)))
}

function describeAddress(address: string, url: URL): string {
  if (url.protocol !== 'https:') return 'http is for this machine alone'
  return isPublicOrPrivateAddress(address)
    ? 'private network, which only what the file says private_network: true of may be in'
    : 'neither a public address nor one of a private network'
}

const resolveBySystem: Resolve = (host) => lookUpName(host, { all: true })

/** The addresses of a host. A URL has no other spelling of an IPv4 address than the plain one: its parser sees to that. */
async function resolveHost(host: string, resolve: Resolve, signal: AbortSignal): Promise<readonly Address[]> {
  const family = isIP(host)
  const addresses = family === 0 ? await resolve(host, signal) : [{ address: host, family }]
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
function pinnedTo(addresses: readonly Address[]): CheckedLookup {
  const lookup: LookupFunction = (_, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
  return Object.assign(lookup, {
    addresses: addresses
      .map(({ address }) => address)
      .sort()
      .join(' '),
  })
}
