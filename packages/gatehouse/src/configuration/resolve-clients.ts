import { parseClientKeys } from '@gatehouse/auth/domain/client-keys'
import { type ConfiguredClient, isClientId } from '@gatehouse/auth/domain/clients'
import { GatehouseError } from '@gatehouse/core/errors'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'
import { isWeakSecret } from './secrets.ts'

type ClientEntry = NonNullable<ConfigurationFile['clients']>[string]

/** Turns the clients of a file into clients, and reports what contradicts itself. */
export function resolveClients(
  content: ConfigurationFile,
  { development, report }: { readonly development: boolean; readonly report: Report },
): readonly ConfiguredClient[] {
  return Object.entries(content.clients ?? {}).map(([id, entry]) => {
    checkClient(id, entry, development, (key, message) =>
      report(['clients', id, ...(key === '' ? [] : [key])], message),
    )
    const isPublic = entry.public ?? false
    return {
      id,
      authMethod: isPublic
        ? 'none'
        : (entry.auth_method ?? (entry.secret === undefined ? 'private_key_jwt' : 'client_secret_basic')),
      secret: entry.secret,
      jwks: entry.jwks,
      grantTypes: entry.grant_types ?? [isPublic ? 'refresh_token' : 'client_credentials'],
      scopes: entry.scopes ?? [],
      audiences: entry.audiences ?? [],
      introspects: entry.introspects ?? [],
      firstParty: entry.first_party ?? false,
    }
  })
}

function checkClient(
  id: string,
  entry: ClientEntry,
  development: boolean,
  report: (key: string, message: string) => void,
): void {
  const isPublic = entry.public ?? false
  if (!isClientId(id) || id === firstPartyClientId) report('', 'this id is reserved; choose another')
  if (isPublic && (entry.secret !== undefined || entry.jwks !== undefined || entry.auth_method !== undefined)) {
    report('public', 'a public client proves nothing: leave out secret, jwks and auth_method, or public')
  }
  if (!isPublic && entry.secret === undefined && entry.jwks === undefined) {
    report('', 'expected secret, jwks or public: true')
  }
  if (entry.auth_method === 'private_key_jwt' && entry.jwks === undefined)
    report('jwks', 'missing; private_key_jwt needs the client’s public keys')
  if (entry.auth_method?.startsWith('client_secret') && entry.secret === undefined)
    report('secret', `missing; ${entry.auth_method} needs one`)
  if (entry.first_party && !isPublic) report('first_party', 'a first-party client is public: add public: true')
  if (isPublic && entry.grant_types?.includes('client_credentials'))
    report('grant_types', 'a public client cannot use client_credentials')
  if (entry.secret !== undefined && !development && isWeakSecret(entry.secret)) {
    report('secret', 'too weak; make one with: openssl rand -base64 32')
  }
  try {
    if (entry.jwks) parseClientKeys(entry.jwks)
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    report('jwks', error.message)
  }
}
