import { askProvider } from './oauth-fetch.ts'
import type { OAuth2Settings } from './oauth2-settings.ts'
import type { Finding, ProviderParts } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/**
 * Looks at a plain OAuth 2 provider from outside. It has no document to read: what can be seen is whether its addresses
 * answer. Nothing is sent there that counts as a sign-in.
 */
export async function* examineOAuth2(
  { outbound }: Pick<ProviderParts, 'outbound'>,
  settings: OAuth2Settings,
): AsyncGenerator<Finding> {
  const accept = ['application/json', 'text/html', 'application/x-www-form-urlencoded']
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const sources = settings.userinfo.map(({ url }) => ({ what: 'userinfo', url, request: { accept } }))
  const all = [
    { what: 'token endpoint', url: settings.tokenEndpoint, request: { method: 'POST', headers, body: '', accept } },
    ...sources,
  ] as const
  for (const { what, url, request } of all) {
    const answer = await askProvider(outbound, url, request).catch((error: unknown) => error)
    if (answer instanceof ProviderFailure) yield { what, state: 'wrong', says: answer.detail }
    else yield { what, state: 'ok', says: `${url} answers` }
  }
  yield { what: 'sign-in', state: 'warning', says: 'whether id and secret are right shows when somebody signs in' }
}
