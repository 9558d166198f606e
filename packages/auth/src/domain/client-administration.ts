import type { ClientId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { randomToken } from '@gatehouse/core/random'
import { formatScope, parseScope } from '@gatehouse/core/scope'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { ClientRow, GrantRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { type AuditEvent, recordEvent, recordEvents } from './audit.ts'
import { checkClientMetadata } from './check-client-metadata.ts'
import { parseClientKeys } from './client-keys.ts'
import type { ClientMetadata } from './client-metadata.ts'
import { type AuthMethod, clientCacheSeconds, type GrantType, hashSecret, isClientId } from './clients.ts'
import { inSteps } from './in-steps.ts'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import type { Revocations } from './revocations.ts'
import { endedAtATime, revocationOfGrant } from './sessions.ts'
import type { Actor } from './users.ts'

/** What a new client is given. */
export interface NewClient {
  readonly id: string
  readonly name: string
  readonly authMethod: AuthMethod
  readonly grantTypes: readonly GrantType[]
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  readonly firstParty: boolean
  /** A JWK set as JSON, for private_key_jwt. */
  readonly jwks?: string | undefined
  /** What it would register of itself, by the names of RFC 7591. */
  readonly metadata: ClientMetadata
  /** Whether the configuration file defines a client of this id. */
  readonly isConfigured: (id: string) => boolean
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
}

/**
 * Adds a client and, where it proves itself by a secret, makes that secret: 256 random bits that are told once and kept as
 * a hash. Errors: `invalid_request`, `already_exists`.
 */
export async function addClient(
  { store, clock }: Omit<Dependencies, 'revocations'>,
  client: NewClient,
  by: Actor,
): Promise<{ readonly row: ClientRow; readonly secret: string | undefined }> {
  const row = buildClient(clock, client)
  if (client.isConfigured(row.id)) {
    throw new GatehouseError('already_exists', { description: 'The configuration file defines a client of this id' })
  }
  const hasSecret = row.auth_method === 'client_secret_basic' || row.auth_method === 'client_secret_post'
  const secret = hasSecret ? randomToken(32) : undefined
  await store.transaction(async (tables) => {
    await tables.clients.insert(row)
    if (secret !== undefined) await tables.clients.addSecret(buildSecret(clock, row.id, secret))
    await recordEvent(tables, clock, { type: 'client_added', result: 'ok', target: row.id, client_id: row.id, ...by })
  })
  return { row, secret }
}

function buildClient(clock: Clock, client: NewClient): ClientRow {
  const bad = (description: string): GatehouseError => new GatehouseError('invalid_request', { description })
  if (!isClientId(client.id)) {
    throw bad('A client id has 1 to 100 letters, digits and the characters _ . ~ : - and does not begin with usr_')
  }
  if (/^(?:service|app):/.test(client.id) || client.id === 'first-party') throw bad('This client id is reserved')
  const scope = parseScope(client.scopes.join(' '))
  if (!scope) throw bad('A scope has a character that scopes cannot have')
  if ((client.authMethod === 'private_key_jwt') !== (client.jwks !== undefined)) {
    throw bad('A key set goes with private_key_jwt, and private_key_jwt with a key set')
  }
  if (client.authMethod === 'none' && client.grantTypes.includes('client_credentials')) {
    throw bad('A public client cannot use client_credentials')
  }
  if (client.jwks !== undefined) checkKeySet(client.jwks)
  const { authMethod, grantTypes, metadata } = client
  const hasKeys = client.jwks !== undefined
  checkClientMetadata(metadata, { authMethod, grantTypes, hasKeys, loopbackRedirects: true, loopbackRequests: true })
  const now = clock.now()
  return {
    id: client.id as ClientId,
    name: client.name,
    status: 'active',
    auth_method: client.authMethod,
    grant_types: client.grantTypes.join(' '),
    scopes: formatScope(scope),
    audiences: client.audiences.join(' '),
    first_party: client.firstParty ? 1 : 0,
    jwks: client.jwks ?? null,
    metadata: JSON.stringify(client.metadata),
    is_dynamic: 0,
    registration_token_hash: null,
    used_at: null,
    created_at: now,
    updated_at: now,
  }
}

function checkKeySet(text: string): void {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = undefined
  }
  const keys = typeof parsed === 'object' && parsed !== null && 'keys' in parsed ? parsed.keys : undefined
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => typeof key === 'object' && key !== null)) {
    throw new GatehouseError('invalid_request', {
      description: 'The key set must be JSON with a list "keys" of at least one key',
    })
  }
  parseClientKeys({ keys })
}

const buildSecret = (clock: Clock, client: ClientId, secret: string) => ({
  id: randomToken(9),
  client_id: client,
  hash: hashSecret(secret).toString('base64url'),
  sealed: null,
  created_at: clock.now(),
  expires_at: null,
})

/**
 * Makes a new secret; the old ones stay valid for `overlap` seconds, so that services can be switched over one by one.
 * Errors: `not_found`, `invalid_request` for a client without secrets.
 */
export async function rotateClientSecret(
  { store, clock }: Omit<Dependencies, 'revocations'>,
  change: { readonly id: string; readonly overlap: number },
  by: Actor,
): Promise<{ readonly secret: string; readonly oldSecretsUntil: number }> {
  const found = await store.clients.find(change.id as ClientId)
  if (!found) throw new GatehouseError('not_found', { description: 'There is no such client' })
  if (found.secrets.length === 0 && !found.auth_method.startsWith('client_secret')) {
    throw new GatehouseError('invalid_request', { description: 'This client does not prove itself by a secret' })
  }
  if (found.auth_method === 'client_secret_jwt') {
    throw new GatehouseError('invalid_request', {
      description: 'This client signs with its secret, which it manages itself; let it register anew',
    })
  }
  const secret = randomToken(32)
  const fresh = buildSecret(clock, found.id, secret)
  const until = seconds(clock.now() + change.overlap)
  await store.transaction(async (tables) => {
    await tables.clients.addSecret(fresh)
    await tables.clients.expireSecrets({ client_id: found.id, at: until, except: fresh.id })
    await recordEvent(tables, clock, {
      type: 'client_secret_rotated',
      result: 'ok',
      target: found.id,
      client_id: found.id,
      ...by,
    })
  })
  return { secret, oldSecretsUntil: until }
}

/**
 * Removes a client with everything that it was given. What a new client of the same id is given counts a minute later: see
 * {@link endClient}. Error: `not_found`; those of the configuration file are removed there.
 */
export async function removeClient(dependencies: Dependencies, id: ClientId, by: Actor): Promise<void> {
  const { store, clock } = dependencies
  await store.transaction(async (tables) => {
    if (!(await tables.clients.delete(id))) {
      throw new GatehouseError('not_found', { description: 'No client of this id was added' })
    }
    await tables.consents.deleteByClient(id)
    await tables.logoutDeliveries.deleteByClient(id)
    await recordEvent(tables, clock, { type: 'client_removed', result: 'ok', target: id, client_id: id, ...by })
  })
  await endClient(dependencies, id, by)
}

/**
 * Ends what a client was given: by time all tokens that it has or that are about it, at once, then its grants in steps, and
 * with each what others were given in exchange for its tokens. For a client that is removed, be it from the store or from
 * the configuration file.
 *
 * By time, so that what another process has issued whose clock is ahead ends too. So a new client of the same id gets tokens
 * that nobody takes for a minute, as long as each of them lives.
 */
export async function endClient({ store, clock, revocations }: Dependencies, id: ClientId, by: Actor): Promise<void> {
  const now = clock.now()
  // What a process gives it that has not heard of this yet is covered too, and dated one later at the most.
  const issued_before = seconds(now + clockTolerance + clientCacheSeconds + 1)
  const expires_at = seconds(issued_before + longestAccessTokenLifetime + clockTolerance)
  const entries = await store.transaction((tables) =>
    revocations.write(tables, [
      { kind: 'client', value: id, issued_before, expires_at },
      // Another client’s, in exchange for one of this client on its own behalf. No user’s id is a client’s.
      { kind: 'sub', value: id, issued_before, expires_at },
    ]),
  )
  await revocations.announce(entries)
  await inSteps({ size: endedAtATime }, async (limit) => {
    const { count, ended } = await store.transaction(async (tables) => {
      const grants = await tables.grants.endByClient(id, limit)
      await recordEvents(
        tables,
        clock,
        grants.map((grant) => grantEnded(grant, by)),
      )
      const live = grants.filter(({ access_expires_at }) => access_expires_at > now)
      const written =
        live.length === 0
          ? []
          : await revocations.write(
              tables,
              live.map((grant) => revocationOfGrant(grant, now)),
            )
      return { count: grants.length, ended: written }
    })
    await revocations.announce(ended)
    return count
  })
}

const grantEnded = (grant: GrantRow, by: Actor): AuditEvent => ({
  ...{ type: 'grant_ended', result: 'client_removed', target: grant.id, client_id: grant.client_id },
  ...{ session_id: grant.session_id, detail: { user: grant.user_id } },
  ...by,
})

/**
 * Ends what every client was given that neither the file nor the store knows any more: of those that have grants and, since
 * a client on its own behalf leaves none, of those that the file defined a moment ago. Answers with their ids.
 */
export async function endRemovedClients(
  dependencies: Dependencies & { readonly isConfigured: (id: string) => boolean },
  definedBefore: readonly string[],
  by: Actor,
): Promise<readonly string[]> {
  const removed: string[] = []
  const candidates = new Set([...(await dependencies.store.grants.clientIds()), ...(definedBefore as ClientId[])]) // ids from a checked file
  for (const id of candidates) {
    if (dependencies.isConfigured(id) || (await dependencies.store.clients.find(id))) continue
    await endClient(dependencies, id, by)
    removed.push(id)
  }
  return removed
}
