import { hash, timingSafeEqual } from 'node:crypto'
import type { ClientId } from '@gatehouse/core/brand'
import { parseScope, type ScopeSet } from '@gatehouse/core/scope'
import { type Clock, seconds } from '@gatehouse/core/time'
import { appClientPrefix, firstPartyClientId, serviceClientPrefix } from '@gatehouse/core/wire-names'
import { splitWords } from '@gatehouse/core/words'
import type { Store } from '@gatehouse/store/store'
import { type ClientDocuments, isDocumentAddress } from './client-documents.ts'
import { type ClientKey, parseClientKeys } from './client-keys.ts'
import type { AuthMethod, ClientMetadata, GrantType } from './client-metadata.ts'
import { openScopes, type RegisteredClient, type RegistrationPolicy } from './client-registration.ts'
import { buildClientSettings, type ClientSettings } from './client-settings.ts'
import { type ConfiguredApp, callbackOf } from './configured-app.ts'
import { applyFapi2 } from './fapi2.ts'
import type { KeyRing } from './key-rings.ts'
import { sealUnder, unsealUnder } from './ring-sealing.ts'

export type { AuthMethod, GrantType } from './client-metadata.ts'

/** What a client is allowed by whoever runs Gatehouse: never by what it registers of itself. */
export interface ClientPermissions {
  readonly firstParty: boolean
  /** Whether users are not asked for consent. */
  readonly skipConsent: boolean
  /** Whether code requests without PKCE are let through: for confidential clients from before it. */
  readonly pkceOptional: boolean
  /** Whether `code id_token` is allowed. */
  readonly hybrid: boolean
  readonly profile: 'fapi2' | undefined
  readonly accessTokenFormat: 'jwt' | 'opaque'
  /** Whether what is asked of it may be at an address of a private network: said by the file alone. */
  readonly privateNetwork: boolean
  /** What it may exchange tokens for; undefined = nothing. */
  readonly tokenExchange: TokenExchangePermission | undefined
}

/** What a client may exchange (RFC 8693). */
export interface TokenExchangePermission {
  /** Audiences that it may ask for. */
  readonly audiences: ReadonlySet<string>
  /** Whether it may act as the subject without an actor being named. */
  readonly impersonation: boolean
}

/** A client as every check sees it, wherever it is defined. */
export interface Client extends ClientSettings, ClientPermissions {
  readonly id: ClientId
  readonly authMethod: AuthMethod
  /** Whether nobody has said how it sends its secret: in the header or in the form, the proof is the same. */
  readonly secretEitherWay: boolean
  /** SHA-256 of each secret that is valid now. */
  readonly secretHashes: readonly Buffer[]
  /** The secrets themselves, where they are keys of a MAC: client_secret_jwt. */
  readonly macSecrets: readonly Buffer[]
  readonly keys: readonly ClientKey[]
  /** The registered key set as it is, for keys that encrypt. */
  readonly jwks: { readonly keys: readonly object[] } | undefined
  readonly grantTypes: ReadonlySet<string>
  /** What it may be granted. For a first-party client this bounds the user's scopes too, unless it is `all`. */
  readonly scopes: ScopeSet | 'all'
  /** Audiences that it may ask for beside the default one; `*` is every service's. */
  readonly audiences: ReadonlySet<string>
  /** Audiences whose tokens it may introspect beside its own tokens: a service's own. */
  readonly answersFor: ReadonlySet<string>
  /** For a service's own client: the audience of the identities that the gateway sends to it, which it may exchange. */
  readonly identityAudience: string | undefined
  /** Whether it registered itself. */
  readonly isDynamic: boolean
}

/** A client as the configuration file describes it. */
export interface ConfiguredClient {
  readonly id: string
  readonly authMethod: AuthMethod
  readonly secretEitherWay: boolean
  readonly secret?: string | undefined
  /** The one that it had before, which counts too while it is being changed. */
  readonly previousSecret?: string | undefined
  readonly jwks?: { readonly keys: readonly object[] } | undefined
  readonly grantTypes: readonly GrantType[]
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  /** Audiences whose tokens it may introspect beside its own tokens. */
  readonly introspects: readonly string[]
  readonly metadata: ClientMetadata
  readonly permissions: ClientPermissions
}

/** A service behind the gateway, as far as the authentication side knows it. */
export interface ConfiguredService {
  readonly name: string
  readonly audience: string
  readonly clientSecret?: string | undefined
  /** The one that it had before, which counts too while it is being changed. */
  readonly previousClientSecret?: string | undefined
  /** Audiences of the services that it may call for whoever called it. */
  readonly calls?: readonly string[]
}

/** What the configuration says of clients: swapped as a whole on reload. */
export interface ClientConfiguration {
  readonly clients: readonly ConfiguredClient[]
  readonly services: readonly ConfiguredService[]
  /** Hosts of apps in the browser whose sessions Gatehouse holds. */
  readonly apps: readonly ConfiguredApp[]
  /** The top-level audience, which every service answers for. */
  readonly audience: string
}

/** Finds clients: built in, in the configuration file, or added at run time. */
export interface Clients {
  /**
   * The client of this id. Those of the file cost a look-up; those of the store a read, at most once a second each: a
   * disabled client is refused within that second, and its tokens at once by revocation.
   */
  find(id: string): Client | undefined | Promise<Client | undefined>
  /** Whether the file or Gatehouse itself defines it. */
  isConfigured(id: string): boolean
  /** Whether an id is the address of a document that may describe its client, whatever stands there now. */
  isDocument(id: string): boolean
  /** Every audience that a token may be asked for: the top-level one and the services'. */
  readonly audiences: ReadonlySet<string>
  replace(configuration: ClientConfiguration): void
  /** Forgets what was read of a client from the store. */
  forget(id: string): void
}

export const hashSecret = (secret: string): Buffer => hash('sha256', secret, 'buffer')

/** Whether a presented secret is one of the client's. Constant time over the hashes, and every hash is compared. */
export function isSecretOf(client: Pick<Client, 'secretHashes'>, secret: string): boolean {
  const presented = hashSecret(secret)
  let match = false
  for (const known of client.secretHashes) match = timingSafeEqual(known, presented) || match
  return match
}

/** Seconds for which a process goes on with what it has read of a client. */
export const clientCacheSeconds = 1
const cacheLimit = 10_000

export function createClients(
  {
    store,
    clock,
    clientSecrets,
    documents,
    policy,
  }: {
    readonly store: Pick<Store, 'clients'>
    readonly clock: Clock
    readonly clientSecrets: KeyRing
    readonly documents: ClientDocuments
    readonly policy: () => RegistrationPolicy
  },
  configuration: ClientConfiguration,
): Clients {
  let configured = buildConfigured(configuration)
  let audiences = audiencesOf(configuration)
  const cached = new Map<string, { readonly client: Client | undefined; readonly until: number }>()

  const read = async (id: string): Promise<Client | undefined> => {
    const stored = await store.clients.find(id as ClientId)
    const client = stored?.status === 'active' ? fromStore(stored, clientSecrets, policy()) : undefined
    if (stored?.is_dynamic) noteUse(stored)
    if (cached.size >= cacheLimit) cached.clear()
    cached.set(id, { client, until: clock.milliseconds() + clientCacheSeconds * 1000 })
    return client
  }
  /** A day's grain will do for clients that go when nobody uses them; that it was not noted is no reason to refuse one. */
  const noteUse = ({ id, used_at }: StoredClient): void => {
    const now = clock.now()
    if (used_at !== null && used_at > now - 86_400) return
    store.clients.touch({ id, now, since: seconds(now - 86_400) }).catch(() => {})
  }
  const isDocument = (id: string): boolean => policy().documents && isDocumentAddress(id)
  const findDocument = async (id: string): Promise<Client | undefined> => {
    const registered = await documents.find(id)
    return registered && fromRegistration(id, registered, policy())
  }
  return {
    find(id) {
      const known = configured.get(id)
      if (known) return known
      if (isDocument(id)) return findDocument(id)
      if (!isClientId(id)) return undefined
      const entry = cached.get(id)
      return entry && entry.until > clock.milliseconds() ? entry.client : read(id)
    },
    isConfigured: (id) => configured.has(id),
    isDocument,
    get audiences() {
      return audiences
    },
    replace(next) {
      configured = buildConfigured(next)
      audiences = audiencesOf(next)
    },
    forget: (id) => cached.delete(id),
  }
}

/** Whether a configuration, or Gatehouse itself, defines a client of this id. */
export const isConfiguredClient = (configuration: ClientConfiguration, id: string): boolean =>
  buildConfigured(configuration).has(id)

/**
 * Whether a text can be a client id: 1 to 100 characters, never one that could be taken for a user's id
 * (RFC 9700 section 4.15).
 */
export const isClientId = (id: string): boolean => /^[\w.~:-]{1,100}$/.test(id) && !id.startsWith('usr_')

const audiencesOf = ({ audience, services }: Pick<ClientConfiguration, 'audience' | 'services'>): ReadonlySet<string> =>
  new Set([audience, ...services.map((service) => service.audience)])

const present = (...secrets: readonly (string | undefined)[]): readonly string[] =>
  secrets.filter((secret) => secret !== undefined)

function buildConfigured({ clients, services, apps, audience }: ClientConfiguration): ReadonlyMap<string, Client> {
  const all = new Map<string, Client>()
  all.set(firstPartyClientId, {
    ...emptyClient(firstPartyClientId),
    authMethod: 'none',
    grantTypes: new Set(['refresh_token']),
    scopes: 'all',
    audiences: audiencesOf({ services, audience }),
    firstParty: true,
  })
  for (const service of services) {
    if (service.clientSecret === undefined) continue
    const id = `${serviceClientPrefix}${service.name}`
    all.set(id, {
      ...emptyClient(id),
      secretHashes: present(service.clientSecret, service.previousClientSecret).map(hashSecret),
      answersFor: new Set([service.audience, audience]),
      identityAudience: service.audience,
      ...callsOf(service),
    })
  }
  for (const app of apps) {
    const id = `${appClientPrefix}${app.host}`
    // It has no secret: its codes are good for nobody who asks over the network.
    all.set(id, {
      ...emptyClient(id),
      ...buildClientSettings({ redirect_uris: [callbackOf(app)], client_name: app.name }),
      grantTypes: new Set(['authorization_code', 'refresh_token']),
      scopes: 'all',
      firstParty: true,
      skipConsent: true,
    })
  }
  for (const client of clients) {
    const secrets = present(client.secret, client.previousSecret)
    all.set(
      client.id,
      applyFapi2({
        ...emptyClient(client.id),
        authMethod: client.authMethod,
        secretEitherWay: client.secretEitherWay,
        ...buildClientSettings(client.metadata),
        ...client.permissions,
        secretHashes: secrets.map(hashSecret),
        macSecrets: client.authMethod === 'client_secret_jwt' ? secrets.map((secret) => Buffer.from(secret)) : [],
        keys: client.jwks ? parseClientKeys(client.jwks) : [],
        jwks: client.jwks,
        grantTypes: new Set(client.grantTypes),
        scopes: new Set(client.scopes),
        audiences: new Set(client.audiences),
        answersFor: new Set(client.introspects),
      }),
    )
  }
  return all
}

/** A service that may call others exchanges what it got, and nothing else; the scope is what the caller's token has. */
function callsOf({ calls = [] }: ConfiguredService): Partial<Client> {
  if (calls.length === 0) return {}
  return {
    grantTypes: new Set(['urn:ietf:params:oauth:grant-type:token-exchange' satisfies GrantType]),
    scopes: 'all',
    tokenExchange: { audiences: new Set(calls), impersonation: false },
  }
}

/** What a client is allowed unless somebody says otherwise. */
export const noPermissions: ClientPermissions = {
  firstParty: false,
  skipConsent: false,
  pkceOptional: false,
  hybrid: false,
  profile: undefined,
  accessTokenFormat: 'jwt',
  privateNetwork: false,
  tokenExchange: undefined,
}

const emptyClient = (id: string): Client => ({
  ...buildClientSettings({}),
  ...noPermissions,
  id: id as ClientId,
  authMethod: 'client_secret_basic',
  secretEitherWay: true,
  secretHashes: [],
  macSecrets: [],
  keys: [],
  jwks: undefined,
  grantTypes: new Set(),
  scopes: new Set(),
  audiences: new Set(),
  answersFor: new Set(),
  identityAudience: undefined,
  isDynamic: false,
})

/**
 * How access tokens look unless whoever runs Gatehouse has said so. Threat: a client that has a name of its own for each
 * user, and reads the one that all have in its access token.
 */
export const usualFormat = ({ subject_type }: Pick<ClientMetadata, 'subject_type'>): Client['accessTokenFormat'] =>
  subject_type === 'pairwise' ? 'opaque' : 'jwt'

type StoredClient = NonNullable<Awaited<ReturnType<Store['clients']['find']>>>

/** A client that has described itself: what it may have is for the policy to say, at each use. */
const fromRegistration = (id: string, registered: RegisteredClient, policy: RegistrationPolicy): Client => ({
  ...emptyClient(id),
  ...buildClientSettings(registered.metadata),
  accessTokenFormat: usualFormat(registered.metadata),
  authMethod: registered.authMethod,
  secretEitherWay: registered.secretEitherWay,
  keys: registered.jwks ? parseClientKeys(registered.jwks) : [],
  jwks: registered.jwks,
  grantTypes: new Set(registered.grantTypes),
  scopes: new Set(registered.scopes),
  audiences: new Set(policy.audiences),
  isDynamic: true,
})

function fromStore(client: StoredClient, clientSecrets: KeyRing, policy: RegistrationPolicy): Client {
  // What a client has registered is less where the policy has become stricter since.
  const isOpenGrant = (type: string): boolean => policy.grantTypes.some((open) => open === type)
  const isOpenScope = (scope: string): boolean => openScopes(policy).includes(scope)
  // What was stored had been checked before.
  const jwks = client.jwks === null ? undefined : (JSON.parse(client.jwks) as { readonly keys: readonly object[] })
  const metadata = JSON.parse(client.metadata) as ClientMetadata
  return {
    ...emptyClient(client.id),
    ...buildClientSettings(metadata),
    accessTokenFormat: usualFormat(metadata),
    authMethod: client.auth_method as AuthMethod,
    secretHashes: client.secrets.map((secret) => Buffer.from(secret.hash, 'base64url')),
    macSecrets: client.secrets.flatMap((secret) => openClientSecret(clientSecrets, secret) ?? []),
    keys: jwks ? parseClientKeys(jwks) : [],
    jwks,
    grantTypes: new Set(client.grant_types.split(' ').filter(client.is_dynamic ? isOpenGrant : Boolean)),
    scopes: new Set([...(parseScope(client.scopes) ?? [])].filter(client.is_dynamic ? isOpenScope : Boolean)),
    audiences: new Set(client.is_dynamic ? policy.audiences : splitWords(client.audiences)),
    firstParty: client.first_party === 1,
    isDynamic: client.is_dynamic === 1,
    secretEitherWay: client.is_dynamic === 0 || eitherWay in metadata,
  }
}

/** The member of stored metadata that says that a client did not choose how to send its secret. */
export const eitherWay = 'gatehouse_secret_either_way'

type StoredSecret = Pick<StoredClient['secrets'][number], 'id' | 'sealed'>

const placeOfSecret = (id: string): string => `client_secrets.sealed:${id}`

/** A secret sealed for its row: only for clients whose secret is the key of a MAC. */
export const sealClientSecret = (ring: KeyRing, id: string, secret: string): string =>
  sealUnder(ring, secret, placeOfSecret(id))

function openClientSecret(ring: KeyRing, { id, sealed }: StoredSecret): Buffer | undefined {
  if (sealed === null) return undefined
  const secret = unsealUnder(ring, sealed, placeOfSecret(id))
  return secret === undefined ? undefined : Buffer.from(secret)
}
