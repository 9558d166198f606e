import { isIP } from 'node:net'
import { isLoopbackAddress, isPublicAddress, isPublicOrPrivateAddress } from '@gatehouse/auth/outbound/public-address'
import { isLoopback } from './loopback.ts'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

type ClientEntry = NonNullable<ConfigurationFile['clients']>[string]

/**
 * Warns of clients and trusted issuers whose addresses the one way out refuses, as far as it stands in the file: what is asked
 * later fails, where nobody looks. What a name leads to is not looked up.
 */
export function warnOfUnreachable(
  { clients = {}, trusted_issuers: issuers = {} }: ConfigurationFile,
  { development, warn }: { readonly development: boolean; readonly warn: Report },
): void {
  const judge = (path: readonly (string | number)[], uri: string, mend: string | undefined): void => {
    const address = addressOf(uri)
    if (address === undefined || isPublicAddress(address)) return
    if (development && isLoopbackAddress(address)) return
    if (!isPublicOrPrivateAddress(address)) {
      warn(path, 'is never asked at this address, which is link-local or reserved; name another')
    } else if (mend !== undefined) warn(path, `is not asked at this address, which is in a private network; ${mend}`)
  }
  for (const [id, entry] of Object.entries(clients)) {
    const mend = entry.private_network ? undefined : 'if that is yours, add private_network: true to the client'
    for (const { path, uri } of askedOf(entry)) judge(['clients', id, ...path], uri, mend)
  }
  for (const [id, { jwks_uri: uri }] of Object.entries(issuers)) {
    if (uri !== undefined) judge(['trusted_issuers', id, 'jwks_uri'], uri, 'write its keys here, as jwks')
  }
}

/** What Gatehouse asks for, or posts to, of a client of the file. */
function askedOf(entry: ClientEntry): readonly { readonly path: readonly (string | number)[]; readonly uri: string }[] {
  const keys = ['jwks_uri', 'backchannel_logout_uri', 'backchannel_client_notification_endpoint'] as const
  return [
    ...keys.flatMap((key) => (entry[key] === undefined ? [] : [{ path: [key], uri: entry[key] }])),
    ...(entry.request_uris ?? []).map((uri, index) => ({ path: ['request_uris', index], uri })),
  ]
}

function addressOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined
  const host = new URL(uri).hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return host
  return isLoopback(host) ? '127.0.0.1' : undefined
}
