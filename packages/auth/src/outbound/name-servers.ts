import { Resolver } from 'node:dns/promises'

/** One address of a name; `family` is 4 or 6. */
export interface Address {
  readonly address: string
  readonly family: number
}

/** Milliseconds for one question to one server, and how often it is asked. */
const patience = { timeout: 2000, tries: 2 }
/**
 * Milliseconds for which addresses of one family wait for those of the other. Those of IPv4 are waited for until a question that was
 * lost has been asked again: most networks have no way to an address of IPv6 alone.
 */
const waitFor = { six: 500, four: patience.timeout + 500 }

/**
 * All addresses of a name, as the machine's name servers have them; ends with `signal`. Takes no thread: the system's own resolution has
 * two of them for everybody, and keeps each until the last server was given up, so that a few names of a zone that never
 * answers keep all others waiting. Names of the hosts file and of search domains are not found. Throws as node:dns does.
 *
 * Some name servers never answer a question for IPv6 addresses (RFC 4074 section 4.1): once one family has some, the other's are waited
 * for a little, and then left out, so that nothing connects to them either. Spec: RFC 8305 section 3.
 * @param servers instead of the machine's; for tests
 */
export async function askNameServers(
  host: string,
  signal: AbortSignal,
  servers?: readonly string[],
): Promise<readonly Address[]> {
  const resolver = new Resolver(patience)
  if (servers !== undefined) resolver.setServers(servers)
  // What is answered by then stays; a question that is still open is rejected.
  const stop = (): void => resolver.cancel()
  let timer: NodeJS.Timeout | undefined
  signal.addEventListener('abort', stop, { once: true })
  try {
    const asked = [resolver.resolve4(host), resolver.resolve6(host)] as const
    const stopIn = (milliseconds: number) => (): void => {
      clearTimeout(timer)
      timer = setTimeout(stop, milliseconds).unref()
    }
    // Where a family has none, its question has ended.
    asked[0].then(stopIn(waitFor.six), () => {})
    asked[1].then(stopIn(waitFor.four), () => {})
    const [four, six] = await Promise.allSettled(asked)
    if (four.status === 'rejected' && six.status === 'rejected') throw four.reason
    return [...addressesOf(four, 4), ...addressesOf(six, 6)]
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

const addressesOf = (found: PromiseSettledResult<readonly string[]>, family: 4 | 6): readonly Address[] =>
  found.status === 'rejected' ? [] : found.value.map((address) => ({ address, family }))
