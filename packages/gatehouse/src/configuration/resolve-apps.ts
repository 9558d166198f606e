import type { ConfiguredApp } from '@gatehouse/auth/domain/configured-app'
import { parseAuthority } from '@gatehouse/gateway/authority'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

/**
 * The hosts of apps whose sessions Gatehouse holds. Several services of one host are one app. Reports an app on the issuer's
 * host, outside development: script of the app could act on the sign-in pages there.
 */
export function resolveApps(
  content: ConfigurationFile,
  { issuer, development, report }: { readonly issuer: URL; readonly development: boolean; readonly report: Report },
): readonly ConfiguredApp[] {
  const apps = new Map<string, ConfiguredApp>()
  for (const [name, entry] of Object.entries(content.services ?? {})) {
    if (entry.session !== 'cookie') {
      if (entry.signed_out !== undefined) report(['services', name, 'signed_out'], 'goes with `session: cookie` alone')
      continue
    }
    // Read as the router reads it: to that, `:80` and `:443` are the same host as without.
    const named = parseAuthority(entry.host ?? issuer.host)
    const url = `${issuer.protocol}//${named ?? ''}`
    // What is no host is reported with the routes.
    if (!URL.canParse(url)) continue
    const { host, origin } = new URL(url)
    const mayShare = development || content.insecure?.apps_on_issuer_host === true
    if (named === parseAuthority(issuer.host) && !mayShare) {
      report(
        ['services', name, 'session'],
        'an app on the issuer’s host could act on the sign-in pages; give the service a `host` of its own (or set insecure.apps_on_issuer_host)',
      )
    }
    const known = apps.get(host)
    const signedOut = entry.signed_out ?? known?.signedOut ?? '/'
    if (known && entry.signed_out !== undefined && known.signedOut !== '/' && known.signedOut !== entry.signed_out) {
      report(['services', name, 'signed_out'], `${host} has another one already: ${known.signedOut}`)
    }
    apps.set(host, { host, origin, name: known?.name ?? name, signedOut })
  }
  return [...apps.values()]
}
