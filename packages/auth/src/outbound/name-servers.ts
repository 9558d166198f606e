import { Resolver } from 'node:dns/promises'

/** One address of a name; `family` is 4 or 6. */
export interface Address {
  readonly address: string
  readonly family: number
}

/** Milliseconds for one question to one server, and how often it is asked. */
const patience = { timeout: 2000, tries: 2 }

/**
 * All addresses of a name, as the machine's name servers have them; ends with `signal`. Takes no thread: the system's own resolution has
 * two of them for everybody, and keeps each until the last server was given up, so that a few names of a zone that never
 * answers keep all others waiting. Names of the hosts file and of search domains are not found. Throws as node:dns does.
 * @param servers instead of the machine's; for tests
 */
export async function askNameServers(
  host: string,
  signal: AbortSignal,
  servers?: readonly string[],
): Promise<readonly Address[]> {
  const resolver = new Resolver(patience)
  if (servers !== undefined) resolver.setServers(servers)
  const stop = (): void => resolver.cancel()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    if (four.status === 'rejected' && six.status === 'rejected') throw four.reason
    return [...addressesOf(four, 4), ...addressesOf(six, 6)]
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const addressesOf = (found: PromiseSettledResult<readonly string[]>, family: 4 | 6): readonly Address[] =>
  found.status === 'rejected' ? [] : found.value.map((address) => ({ address, family }))
