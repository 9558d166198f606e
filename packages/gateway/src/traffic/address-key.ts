import { isIPv6 } from 'node:net'

/**
 * What a limit counts an address as: IPv4 itself, IPv6 as its /64, since one subscriber has all of it. Stops: a client that
 * gets past a limit by taking another address of its own network.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address
  const [plain = ''] = address.split('%')
  if (!isIPv6(plain)) return address
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  // An IPv4 address at the end stands for two groups; it never reaches into the first four.
  const written = groups.length + rest.length + (plain.includes('.') ? 1 : 0)
  const all = tail === undefined ? groups : [...groups, ...new Array<string>(8 - written).fill('0'), ...rest]
  return all.slice(0, 4).map(shorten).join(':')
}

const shorten = (group: string): string => group.toLowerCase().replace(/^0+(?=.)/, '')
