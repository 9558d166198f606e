import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import ipaddr from 'ipaddr.js'

/** An address and how many of its leading bits count. */
export type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Finds out from where a request came. */
export interface ClientAddresses {
  /** The peer's address or, where the peer is a trusted proxy, the right-most untrusted hop of X-Forwarded-For. */
  find(request: IncomingMessage): string
  /**
   * As `find`, but `undefined` where a trusted proxy names no client: for rules, which then refuse, since the proxy's own
   * address would count as its client's.
   */
  findStated(request: IncomingMessage): string | undefined
  /** How it came: by the connection itself or, where the peer is a trusted proxy, by its X-Forwarded-Proto. */
  findScheme(request: IncomingMessage): 'http' | 'https'
  /** Whether the peer is a trusted proxy, whose word about its own client counts. */
  isFromTrustedProxy(request: IncomingMessage): boolean
  /** Whether the request says that it was passed on, by a peer that is not known to do so. */
  isForwardedByStranger(request: IncomingMessage): boolean
  /** Believes these proxies from now on, and no others. */
  replace(trustedProxies: readonly string[]): void
}

/** What proxies add. */
const forwardingHeaders = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

/**
 * Believes X-Forwarded-For only from the given address ranges (CIDR or single addresses).
 * A value that cannot be read counts as absent. Threat: a client that picks its own address to get past a limit.
 * `onStranger` hears, once for each, of peers that send the header and are not believed: proxies that somebody has forgotten to name.
 */
export function createClientAddresses(
  trustedProxies: readonly string[],
  onStranger?: (peer: string) => void,
): ClientAddresses {
  let isAnyTrusted = trustedProxies.length > 0
  let isTrusted = buildAddressMatcher(trustedProxies)
  const isFromTrustedProxy = ({ socket }: IncomingMessage): boolean =>
    isAnyTrusted && isTrusted(canonicalAddress(socket.remoteAddress ?? ''))
  const strangers = onStranger && new Strangers(onStranger)
  const peerOf = ({ socket }: IncomingMessage): string => canonicalAddress(socket.remoteAddress ?? '')
  const findStated = (request: IncomingMessage): string | undefined => {
    const peer = peerOf(request)
    if (!isAnyTrusted || !isTrusted(peer)) {
      strangers?.look(request, peer)
      return peer
    }
    const forwarded = request.headers['x-forwarded-for']
    if (typeof forwarded !== 'string') return undefined
    const hops = forwarded.split(',').map((hop) => hop.trim())
    for (const hop of hops.reverse()) {
      if (parseAddress(hop) === undefined) return undefined
      if (!isTrusted(hop)) return canonicalAddress(hop)
    }
    // Nobody but proxies on the way: which of them asked is the client's own word.
    return undefined
  }
  return {
    isFromTrustedProxy,
    findStated,
    find: (request) => findStated(request) ?? peerOf(request),
    findScheme(request) {
      // A server's socket is a TLSSocket exactly where it has `encrypted`.
      if ((request.socket as Partial<TLSSocket>).encrypted === true) return 'https'
      // Traefik names a WebSocket's own scheme.
      const said = request.headers['x-forwarded-proto']
      return (said === 'https' || said === 'wss') && isFromTrustedProxy(request) ? 'https' : 'http'
    },
    isForwardedByStranger: ({ headers, socket }) =>
      forwardingHeaders.some((name) => headers[name] !== undefined) &&
      !isTrusted(canonicalAddress(socket.remoteAddress ?? '')),
    replace(next) {
      isAnyTrusted = next.length > 0
      isTrusted = buildAddressMatcher(next)
    },
  }
}

/** How many peers are told of: anybody can send the header. */
const mostStrangers = 8
/** Of so many requests one is looked at, once that many have been: headers are not free to read. */
const lookedAt = 64

/** Peers that pass requests on and are not known to. */
class Strangers {
  readonly #tell: (peer: string) => void
  readonly #told = new Set<string>()
  #count = 0

  constructor(tell: (peer: string) => void) {
    this.#tell = tell
  }

  look(request: IncomingMessage, peer: string): void {
    this.#count += 1
    if (this.#told.size >= mostStrangers || (this.#count > lookedAt && this.#count % lookedAt !== 0)) return
    if (request.headers['x-forwarded-for'] === undefined || this.#told.has(peer)) return
    this.#told.add(peer)
    this.#tell(peer)
  }
}

/** Reads an address or a CIDR range; `undefined` for anything else. */
export function parseRange(text: string): AddressRange | undefined {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text)
    const address = ipaddr.process(text)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  } catch {
    return undefined
  }
}

/** Answers whether an address lies in one of some ranges; ranges that cannot be read match nothing. */
export function buildAddressMatcher(ranges: readonly string[]): (address: string) => boolean {
  const parsed = ranges.map(parseRange).filter((range) => range !== undefined)
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && parsed.some((range) => address.kind() === range[0].kind() && address.match(range))
  }
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  return ipaddr.isValid(text) && (text.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(text))
    ? ipaddr.process(text)
    : undefined
}

/** One spelling for one address: IPv4 dotted, IPv6 in its short form, IPv4 in IPv6 as IPv4. */
function canonicalAddress(text: string): string {
  if (!text.includes(':')) return text
  return parseAddress(text)?.toString() ?? text
}

/**
 * What limits count an address as: an IPv4 address itself, an IPv6 address as its /64, since one subscriber has all of it.
 */
export function limitKey(address: string): string {
  const parsed = parseAddress(address)
  if (!parsed) return 'unknown'
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const bytes = parsed.toByteArray().map((byte, index) => (index < 8 ? byte : 0))
  return `${ipaddr.fromByteArray(bytes).toString()}/64`
}
