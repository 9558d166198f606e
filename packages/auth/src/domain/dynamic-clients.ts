import { hash, timingSafeEqual } from 'node:crypto'
import type { ClientId, Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { randomToken } from '@gatehouse/core/random'
import { RemovalClock } from '@gatehouse/core/removal-clock'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { ClientRow, ClientSecretRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Outbound } from '../outbound/outbound.ts'
import { recordEvent } from './audit.ts'
import { removeClient } from './client-administration.ts'
import { parseRegistration, type RegisteredClient, type RegistrationPolicy } from './client-registration.ts'
import { type Clients, eitherWay, hashSecret, sealClientSecret } from './clients.ts'
import type { KeyRing } from './key-rings.ts'
import type { Revocations } from './revocations.ts'
import { checkSectorIdentifier } from './sector-identifier.ts'
import type { Actor } from './users.ts'

/** A client that has registered itself, and what is told it only now. */
export interface DynamicClient {
  readonly row: ClientRow
  readonly registered: RegisteredClient
  readonly secret: string | undefined
  readonly registrationToken: string | undefined
}

/** Clients that register themselves (RFC 7591) and look after their registration (RFC 7592). */
export interface DynamicClients {
  /**
   * Registers a client, by an initial access token where one is needed: it is used up with the registration, or not at all.
   * Errors: `invalid_token`, `invalid_redirect_uri`, `invalid_client_metadata`, `too_many_requests` where there are too many
   * clients.
   */
  register(said: JsonObject, by: Actor, initialToken?: string): Promise<DynamicClient>
  /** The client of a registration access token. Error: `invalid_token`, whether the client exists or not. */
  authenticate(id: string, token: string): Promise<ClientRow>
  /** Puts a new description in the place of the old one; the id, the secret and the token stay (RFC 7592 section 2.2). */
  replace(row: ClientRow, said: JsonObject, by: Actor): Promise<DynamicClient>
  /** Deletes the client with everything that it was given. */
  remove(id: ClientId, by: Actor): Promise<void>
  /** Deletes some of those that nobody has used for as long as the policy says; how many. */
  removeUnused(): Promise<number>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly revocations: Revocations
  readonly outbound: Outbound
  readonly clientSecrets: KeyRing
  readonly policy: () => RegistrationPolicy
}

/** Clients that are removed in one go. */
const removedAtATime = 50

/**
 * Makes a token with which clients can register themselves, so often and for so long; it is told once and kept as a hash.
 */
export async function inviteClients(
  { store, clock }: Pick<Dependencies, 'store' | 'clock'>,
  invitation: { readonly uses: number; readonly lifetime: Seconds },
  by: Actor,
): Promise<{ readonly token: string; readonly expiresAt: Seconds }> {
  const token = randomToken(32)
  const now = clock.now()
  const expiresAt = seconds(now + invitation.lifetime)
  await store.transaction(async (tables) => {
    await tables.initialAccessTokens.insert({
      hash: hashRegistrationToken(token),
      uses_left: invitation.uses,
      created_at: now,
      expires_at: expiresAt,
    })
    await recordEvent(tables, clock, {
      type: 'clients_invited',
      result: 'ok',
      detail: { uses: invitation.uses },
      ...by,
    })
  })
  return { token, expiresAt }
}

/** What of a token the store knows. */
export const hashRegistrationToken = (token: string): string => hash('sha256', token, 'base64url')

export function createDynamicClients(dependencies: Dependencies): DynamicClients {
  const { store, clock, clients, outbound, clientSecrets, policy } = dependencies
  const removal = new RemovalClock(clock)

  const parse = async (said: JsonObject): Promise<RegisteredClient> => {
    const registered = parseRegistration(said, policy())
    await checkSectorIdentifier(outbound, registered)
    return registered
  }
  const remove = async (id: ClientId, by: Actor): Promise<void> => {
    await removeClient(dependencies, id, by)
    clients.forget(id)
  }
  return {
    remove,

    async register(said, by, initialToken) {
      const invitation = initialToken === undefined ? undefined : hashRegistrationToken(initialToken)
      // Before anything is fetched for whoever asks.
      if (invitation !== undefined && !(await store.initialAccessTokens.find(invitation, clock.now()))) {
        throw new GatehouseError('invalid_token')
      }
      const registered = await parse(said)
      const secret = registered.authMethod.startsWith('client_secret') ? randomToken(32) : undefined
      const registrationToken = randomToken(32)
      const row: ClientRow = {
        id: `dyn_${randomToken(16)}` as ClientId, // of the form that ids have
        status: 'active',
        audiences: '',
        first_party: 0,
        is_dynamic: 1,
        used_at: null,
        created_at: clock.now(),
        registration_token_hash: hashRegistrationToken(registrationToken),
        ...columnsOf(clock, registered),
      }
      await store.transaction(async (tables) => {
        if (invitation !== undefined && !(await tables.initialAccessTokens.consume(invitation, clock.now()))) {
          throw new GatehouseError('invalid_token')
        }
        if ((await tables.clients.countDynamic()) >= policy().limit) {
          throw new GatehouseError('too_many_requests', { description: 'No more clients can register at the moment' })
        }
        await tables.clients.insert(row)
        if (secret !== undefined) await tables.clients.addSecret(buildSecret(clock, clientSecrets, row, secret))
        await recordEvent(tables, clock, {
          type: 'client_added',
          result: 'registered',
          target: row.id,
          client_id: row.id,
          ...by,
        })
      })
      return { row, registered, secret, registrationToken }
    },

    async authenticate(id, token) {
      const row = await store.clients.find(id as ClientId) // only looked up
      const expected = Buffer.from(row?.registration_token_hash ?? hashRegistrationToken(''))
      const isRight = timingSafeEqual(expected, Buffer.from(hashRegistrationToken(token)))
      if (!row?.is_dynamic || row.status !== 'active' || token === '' || !isRight)
        throw new GatehouseError('invalid_token')
      return row
    },

    async replace(row, said, by) {
      if (said.client_id !== row.id) throw bad('client_id: not the one of this client')
      if (said.client_secret !== undefined && !(await isSecret(store, row, said.client_secret))) {
        throw bad('client_secret: not the one of this client')
      }
      const registered = await parse(said)
      const needsSecret = registered.authMethod.startsWith('client_secret')
      const before = await store.clients.find(row.id)
      const isUsable = (before?.secrets ?? []).some(
        ({ sealed }) => (sealed !== null) === (registered.authMethod === 'client_secret_jwt'),
      )
      const secret = needsSecret && !isUsable ? randomToken(32) : undefined
      const next: ClientRow = { ...row, ...columnsOf(clock, registered) }
      await store.transaction(async (tables) => {
        await tables.clients.replace({
          ...columnsOf(clock, registered),
          id: row.id,
          registration_token_hash: row.registration_token_hash,
        })
        if (!needsSecret || secret !== undefined) {
          await tables.clients.expireSecrets({ client_id: row.id, at: clock.now(), except: null })
        }
        if (secret !== undefined) await tables.clients.addSecret(buildSecret(clock, clientSecrets, next, secret))
        await recordEvent(tables, clock, {
          type: 'client_changed',
          result: 'ok',
          target: row.id,
          client_id: row.id,
          ...by,
        })
      })
      clients.forget(row.id)
      return { row: next, registered, secret, registrationToken: undefined }
    },

    async removeUnused() {
      const before = seconds(removal.now() - policy().unusedFor)
      const unused = await store.clients.listUnused(before, removedAtATime)
      for (const id of unused) await remove(id, { actor: 'expiry' })
      return unused.length
    },
  }
}

const bad = (description: string): GatehouseError => new GatehouseError('invalid_client_metadata', { description })

const columnsOf = (
  clock: Clock,
  { authMethod, secretEitherWay, grantTypes, scopes, jwks, metadata }: RegisteredClient,
) => ({
  name: metadata.client_name ?? '',
  auth_method: authMethod,
  grant_types: grantTypes.join(' '),
  scopes: scopes.join(' '),
  jwks: jwks ? JSON.stringify(jwks) : null,
  metadata: JSON.stringify(secretEitherWay ? { ...metadata, [eitherWay]: true } : metadata),
  updated_at: clock.now(),
})

function buildSecret(clock: Clock, ring: KeyRing, row: ClientRow, secret: string): ClientSecretRow {
  const id = randomToken(9)
  return {
    id,
    client_id: row.id,
    hash: hashSecret(secret).toString('base64url'),
    sealed: row.auth_method === 'client_secret_jwt' ? sealClientSecret(ring, id, secret) : null,
    created_at: clock.now(),
    expires_at: null,
  }
}

async function isSecret(store: Store, row: ClientRow, secret: unknown): Promise<boolean> {
  if (typeof secret !== 'string') return false
  const presented = hashSecret(secret)
  const found = await store.clients.find(row.id)
  return (found?.secrets ?? []).some((known) => timingSafeEqual(Buffer.from(known.hash, 'base64url'), presented))
}
