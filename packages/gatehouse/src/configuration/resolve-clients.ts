import { checkClientMetadata } from '@gatehouse/auth/domain/check-client-metadata'
import { parseClientKeys } from '@gatehouse/auth/domain/client-keys'
import { type AuthMethod, type ClientMetadata, clientMetadataMembers } from '@gatehouse/auth/domain/client-metadata'
import {
  type ClientPermissions,
  type ConfiguredClient,
  type GrantType,
  isClientId,
  usualFormat,
} from '@gatehouse/auth/domain/clients'
import { checkFapi2 } from '@gatehouse/auth/domain/fapi2'
import { tokenExchangeGrantType } from '@gatehouse/auth/protocol/grants/token-exchange'
import { GatehouseError } from '@gatehouse/core/errors'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'
import { isWeakSecret } from './weak-secret.ts'

type ClientEntry = NonNullable<ConfigurationFile['clients']>[string]

/** Turns the clients of a file into clients, and reports what contradicts itself. */
export function resolveClients(
  content: ConfigurationFile,
  { development, report }: { readonly development: boolean; readonly report: Report },
): readonly ConfiguredClient[] {
  return Object.entries(content.clients ?? {}).map(([id, entry]) => {
    const client = buildClient(id, entry)
    checkClient(client, entry, development, (key, message) =>
      report(['clients', id, ...(key === '' ? [] : [key])], message),
    )
    return client
  })
}

const buildClient = (id: string, entry: ClientEntry): ConfiguredClient => ({
  id,
  authMethod: authMethodOf(entry),
  secretEitherWay: entry.auth_method === undefined,
  secret: entry.secret,
  previousSecret: entry.secret_previous,
  jwks: entry.jwks,
  grantTypes: grantTypesOf(entry),
  scopes: entry.scopes ?? [],
  audiences: entry.audiences ?? [],
  introspects: entry.introspects ?? [],
  metadata: metadataOf(entry),
  permissions: permissionsOf(entry),
})

/** Reports secrets of an entry that can be guessed, and an old one that is none. */
export function checkSecrets(
  entry: { readonly secret?: string; readonly secret_previous?: string },
  development: boolean,
  report: ReportKey,
): void {
  for (const key of ['secret', 'secret_previous'] as const) {
    const secret = entry[key]
    if (secret !== undefined && !development && isWeakSecret(secret))
      report(key, 'too weak; make one with: openssl rand -base64 32')
  }
  if (entry.secret !== undefined && entry.secret === entry.secret_previous)
    report('secret_previous', 'is the same as secret: put the old one here, or leave it out')
}

function authMethodOf(entry: ClientEntry): AuthMethod {
  if (entry.public) return 'none'
  return entry.auth_method ?? (entry.secret === undefined ? 'private_key_jwt' : 'client_secret_basic')
}

function grantTypesOf(entry: ClientEntry): readonly GrantType[] {
  if (entry.grant_types) return entry.grant_types
  if (entry.redirect_uris) return ['authorization_code', 'refresh_token']
  return [entry.public ? 'refresh_token' : 'client_credentials']
}

const metadataNames = new Set(Object.keys(clientMetadataMembers))

/** The members that a client could register by itself too: they are described once, for both. */
const metadataOf = (entry: ClientEntry): ClientMetadata =>
  Object.fromEntries(Object.entries(entry).filter(([name]) => metadataNames.has(name)))

const permissionsOf = (entry: ClientEntry): ClientPermissions => ({
  firstParty: entry.first_party ?? false,
  skipConsent: entry.consent === 'skip',
  pkceOptional: entry.insecure?.pkce_optional ?? false,
  hybrid: entry.insecure?.hybrid ?? false,
  profile: entry.profile,
  accessTokenFormat: entry.access_token_format ?? usualFormat(entry),
  privateNetwork: entry.private_network ?? false,
  tokenExchange: entry.token_exchange && {
    audiences: new Set(entry.token_exchange.audiences),
    impersonation: entry.token_exchange.impersonation ?? false,
  },
})

type ReportKey = (key: string, message: string) => void

function checkClient(client: ConfiguredClient, entry: ClientEntry, development: boolean, report: ReportKey): void {
  const isPublic = client.authMethod === 'none'
  if (!isClientId(client.id) || client.id === firstPartyClientId) report('', 'this id is reserved; choose another')
  const faults = findFaultsOfProof(client, entry)
  for (const { key, message } of faults) report(key, message)
  if (entry.first_party && !isPublic) report('first_party', 'a first-party client is public: add public: true')
  if (isPublic && entry.grant_types?.includes('client_credentials'))
    report('grant_types', 'a public client cannot use client_credentials')
  if (entry.token_exchange && !client.grantTypes.includes(tokenExchangeGrantType)) {
    report('token_exchange', `add ${tokenExchangeGrantType} to grant_types`)
  }
  if (isPublic && entry.insecure?.pkce_optional) report('insecure', 'a public client always needs PKCE')
  checkSecrets(entry, development, report)
  catching(report, 'jwks', () => {
    if (entry.jwks) parseClientKeys(entry.jwks)
  })
  catching(report, '', () => {
    const { authMethod, grantTypes } = client
    const hasKeys = entry.jwks !== undefined
    // What it lacks to prove itself has been said.
    if (faults.length === 0) {
      const rules = { authMethod, grantTypes, hasKeys, loopbackRedirects: true, loopbackRequests: development }
      checkClientMetadata(client.metadata, rules)
    }
  })
  if (entry.profile === 'fapi2') catching(report, 'profile', () => checkFapi2(client))
}

interface Fault {
  readonly key: string
  readonly message: string
}

function findFaultsOfProof(client: ConfiguredClient, entry: ClientEntry): readonly Fault[] {
  const faults: Fault[] = []
  const report: ReportKey = (key, message) => faults.push({ key, message })
  const isPublic = client.authMethod === 'none'
  if (isPublic && (entry.secret !== undefined || entry.auth_method !== undefined)) {
    report('public', 'a public client proves nothing: leave out secret and auth_method, or public')
  }
  if (!isPublic && entry.auth_method === undefined && entry.secret === undefined && !hasKeys(entry)) {
    report('', 'expected secret, jwks, jwks_uri, auth_method or public: true')
  }
  if (entry.auth_method === 'private_key_jwt' && !hasKeys(entry))
    report('jwks', 'missing; private_key_jwt needs the client’s public keys')
  if (entry.auth_method?.startsWith('client_secret') && entry.secret === undefined)
    report('secret', `missing; ${entry.auth_method} needs one`)
  else if (entry.secret === undefined && entry.secret_previous !== undefined)
    report('secret_previous', 'goes with secret, the one that is to be used from now on')
  return faults
}

const hasKeys = (entry: ClientEntry): boolean => entry.jwks !== undefined || entry.jwks_uri !== undefined

/** Reports what a check of the authentication side throws. */
function catching(report: ReportKey, key: string, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    const [member, ...rest] = error.message.split(': ')
    if (key === '' && member !== undefined && metadataNames.has(member) && rest.length > 0)
      report(member, rest.join(': '))
    else report(key, error.message)
  }
}
