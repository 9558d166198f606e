import type { IncomingHttpHeaders } from 'node:http'
import { hashAsker } from '../domain/mailed-proofs.ts'
import type { Cookies } from '../http/cookies.ts'

/** Which browser asks for a mail, or brings back what was in it; undefined where it is not known yet. */
export function findAsker(
  { cookies }: { readonly cookies: Pick<Cookies, 'findBrowser'> },
  headers: IncomingHttpHeaders,
): string | undefined {
  const browser = cookies.findBrowser(headers)
  return browser === undefined ? undefined : hashAsker(browser)
}
