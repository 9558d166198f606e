import ipaddr from 'ipaddr.js'

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an IP address is one of the public internet. Everything else is not: private, loopback, link-local (and with it
 * the metadata services of clouds), shared (RFC 6598), multicast, unspecified, reserved, and IPv6 that carries an IPv4
 * address in it, whatever that one is. What is no address is not public.
 * Spec: RFC 6890 and the IANA registries of special-purpose addresses.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || parsed.match(globalUnicast)
}

/** Whether an IP address is one of this machine's own, in its plain spelling. */
export function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.parse(address).range() === 'loopback'
}

/** The ranges that people use for networks of their own; link-local ones, with most metadata services of clouds, are none. */
const privateRanges: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'carrierGradeNat', 'loopback'])

/** Metadata services that stand in such a range: those of AWS and Google over IPv6, and of Alibaba. Nobody's client is there. */
const metadataServices: ReadonlySet<string> = new Set(['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200'])

/** Whether an IP address is public, or one of a private network or of this machine, in its plain spelling. */
export function isPublicOrPrivateAddress(address: string): boolean {
  if (isPublicAddress(address)) return true
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  return privateRanges.has(parsed.range()) && !metadataServices.has(parsed.toString())
}
