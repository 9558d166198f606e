import { GatehouseError } from '@gatehouse/core/errors'
import type { Outbound } from '../outbound/outbound.ts'
import type { ClientMetadata } from './client-metadata.ts'

/**
 * Checks that the list at a client's sector_identifier_uri names all of its redirect URIs, so that nobody joins a sector that
 * is not theirs. Spec: OpenID Connect Registration section 5. Error: `invalid_client_metadata`. Cost: one request.
 */
export async function checkSectorIdentifier(
  outbound: Outbound,
  { metadata, grantTypes }: { readonly metadata: ClientMetadata; readonly grantTypes: readonly string[] },
): Promise<void> {
  const { sector_identifier_uri: uri, redirect_uris = [] } = metadata
  if (metadata.subject_type === 'pairwise' && uri === undefined && hostsOf(redirect_uris).size > 1) {
    throw refused('needed where redirect_uris have several hosts')
  }
  // Only a code is proof that somebody holds a redirect URI: by another grant anybody could be told a sector's subjects.
  const byOtherGrants = grantTypes.some((type) => type !== 'authorization_code' && type !== 'refresh_token')
  if (metadata.subject_type === 'pairwise' && uri === undefined && byOtherGrants && redirect_uris.length > 0) {
    throw refused('needed beside grant types that do without redirect_uris')
  }
  if (uri === undefined) return
  if (redirect_uris.length === 0) throw refused('goes with redirect_uris, which its list must name')
  const answer = await outbound.fetch(uri, { accept: ['application/json'], limitBytes: 65_536 }).catch(() => undefined)
  if (answer?.status !== 200) throw refused('could not be read')
  let listed: unknown
  try {
    listed = JSON.parse(answer.text)
  } catch {
    listed = undefined
  }
  if (!Array.isArray(listed) || !redirect_uris.every((redirect) => listed.includes(redirect))) {
    throw refused('does not list all redirect_uris')
  }
}

const hostsOf = (uris: readonly string[]): ReadonlySet<string> => new Set(uris.map((uri) => new URL(uri).host))

const refused = (why: string): GatehouseError =>
  new GatehouseError('invalid_client_metadata', { description: `sector_identifier_uri: ${why}` })
