import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from '../http/endpoint.ts'
import { redirectTo } from '../pages/page.ts'

/** Characters that an address may have and still be taken everywhere, the path left out. */
const longestQuery = 6000

/**
 * Asks the browser to send a form that came from another site once more, in the address: SameSite=Lax cookies come with a GET
 * alone. `undefined` where it came from here, where the browser does not say, and where it is too long for an address.
 * Without its cookies a browser that has signed in would be asked again, and the cookie that it would be given then would
 * end what goes on in its other tabs.
 */
export function askAgainWithCookies(
  headers: IncomingHttpHeaders,
  path: string,
  form: Readonly<Record<string, string | undefined>>,
): Answer | undefined {
  if (headers['sec-fetch-site'] !== 'cross-site') return undefined
  const given = Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const query = new URLSearchParams(given).toString()
  return query.length > longestQuery ? undefined : redirectTo(`${path}?${query}`)
}
