import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { Client, Clients } from '../domain/clients.ts'
import type { Attempt, Lockout } from '../domain/lockout.ts'
import { normalizePassword, type PasswordOutcome, type Passwords } from '../domain/passwords.ts'
import type { TokenPair, TokenPairs } from '../domain/token-pairs.ts'
import { canonicalName, scopeForUser } from '../domain/users.ts'
import { nextStep } from '../flow/next-step.ts'
import { limitKey } from '../http/client-address.ts'
import { defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkAskedAudience, grantScope, parseAskedScope, tokenResponseSchema } from '../protocol/token.ts'

const bodySchema = Type.Object({
  username: Type.String(),
  password: Type.String({ description: 'At most 1024 bytes' }),
  scope: Type.Optional(
    Type.String({ description: 'Scope tokens with one space between two; left out: all that the user may have' }),
  ),
  audience: Type.Optional(Type.String({ description: 'Whom the access token is for; left out: the default audience' })),
  client_id: Type.Optional(
    Type.String({ description: 'A client that is marked first_party; left out: the built-in one' }),
  ),
})

interface LoginBody {
  readonly username: string
  readonly password: string
  readonly scope?: string
  readonly audience?: string
  readonly client_id?: string
}

/** How a sign-in ended, for the counters. */
export type SignInResult = 'ok' | 'wrong' | 'locked' | 'refused'

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly tokenPairs: TokenPairs
  readonly defaultAudience: () => string
  readonly onSignIn: (result: SignInResult) => void
}

/**
 * POST /login: a user's name and password for a token pair, on behalf of a first-party client.
 * An unknown user, a wrong password, a locked and a disabled account get one and the same answer after one and the same
 * work. Cost: one hash, two reads, two counters, one transaction.
 */
export function loginEndpoint(dependencies: Dependencies): Endpoint {
  return defineEndpoint({
    method: 'POST',
    path: paths.login,
    summary: 'Signs a user in and answers with a token pair',
    bodyKind: 'json',
    body: bodySchema,
    answers: { 200: tokenResponseSchema },
    errors: [
      'invalid_request',
      'invalid_credentials',
      'invalid_scope',
      'invalid_target',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    handle: (request) => signIn(dependencies, request),
  })
}

async function signIn(
  dependencies: Dependencies,
  request: EndpointRequest<LoginBody>,
): Promise<{ status: number; json: TokenPair }> {
  const { body } = request
  // What is wrong with the request itself is told before anything about the account is looked at.
  normalizePassword(body.password)
  const client = await getFirstPartyClient(dependencies.clients, body.client_id)
  const asked = parseAskedScope(body.scope)
  const audience = checkAskedAudience(body, client, dependencies.clients.audiences) ?? dependencies.defaultAudience()

  const name = canonicalName(body.username)
  // Found and counted in one round trip.
  const user = name === undefined ? Promise.resolve(undefined) : dependencies.store.users.findByCanonicalName(name)
  const id = user.then((row) => row?.id)
  // Whoever needs it hears of a failure by asking; that nobody may ask is no fault.
  id.catch(() => {})
  const attempt = await dependencies.lockout.begin(name ?? '', request.address, id)
  try {
    const proven = await checkPassword(dependencies, request, await user, attempt)
    return await complete(dependencies, request, proven, { client, asked, audience, attempt })
  } finally {
    attempt.end()
  }
}

interface AskedFor {
  readonly client: Client
  readonly asked: ReturnType<typeof parseAskedScope>
  readonly audience: string
  readonly attempt: Attempt
}

/** Judges what comes next and, where nothing more is to be proven, starts the session. */
async function complete(
  dependencies: Dependencies,
  request: EndpointRequest<LoginBody>,
  { user: found, outcome }: ProvenUser,
  { client, asked, audience, attempt }: AskedFor,
): Promise<{ status: number; json: TokenPair }> {
  const judged = nextStep(found, { amr: ['pwd'] })
  if (judged.step === 'refuse') {
    await attempt.failed()
    return refuse(dependencies, request, found, 'refused', judged.why)
  }
  const user = outcome === 'rehash' ? await replaceHash(dependencies, request, found) : found

  const ofUser = scopeForUser(user, undefined)
  const allowed = client.scopes === 'all' ? ofUser : scopeForUser(user, client.scopes)
  const start = dependencies.tokenPairs.start({
    user,
    client,
    scope: grantScope(asked, allowed),
    audience,
    amr: ['pwd'],
    acr: judged.acr,
    address: request.address,
    device: String(request.headers['user-agent'] ?? '').slice(0, 200),
    requestId: request.requestId,
    alongside: async (tables) => {
      await Promise.all([holdAccount(tables, user), attempt.succeeded(tables, user.id)])
    },
  })
  const pair = await start.catch((error: unknown) => {
    if (!(error instanceof GatehouseError) || error.code !== 'invalid_credentials') throw error
    return refuse(dependencies, request, user, 'refused', 'account_changed')
  })
  dependencies.onSignIn('ok')
  return { status: 200, json: pair }
}

async function getFirstPartyClient(clients: Clients, id: string = firstPartyClientId): Promise<Client> {
  const client = await clients.find(id)
  if (!client?.firstParty || client.authMethod !== 'none') throw new GatehouseError('invalid_client')
  return client
}

interface ProvenUser {
  readonly user: UserRow
  readonly outcome: Exclude<PasswordOutcome, 'wrong'>
}

/** The user whose password this is; every failure is counted, audited and refused alike. */
async function checkPassword(
  dependencies: Dependencies,
  request: EndpointRequest<LoginBody>,
  user: UserRow | undefined,
  attempt: Attempt,
): Promise<ProvenUser> {
  const stored = attempt.locked ? null : (user?.password_hash ?? null)
  const outcome = await dependencies.passwords.check(request.body.password, stored)
  if (user && outcome !== 'wrong') return { user, outcome }
  await attempt.failed()
  const [counted, why] = attempt.locked ? (['locked', 'locked'] as const) : (['wrong', 'wrong_password'] as const)
  return refuse(dependencies, request, user, counted, why)
}

/** Stores the hash anew with today's parameters. Answers with the user as it is then. */
async function replaceHash(
  dependencies: Dependencies,
  request: EndpointRequest<LoginBody>,
  user: UserRow,
): Promise<UserRow> {
  const { store, clock, passwords } = dependencies
  const { password } = request.body
  const hash = await passwords.hash(password)
  if (await store.users.setPasswordHash({ id: user.id, expected: user.password_hash, hash, at: clock.now() })) {
    return { ...user, password_hash: hash }
  }
  // Another sign-in has replaced it, or the password has just been changed: only the hash that is there now can tell.
  const current = await store.users.findById(user.id)
  if (current && (await passwords.check(password, current.password_hash)) !== 'wrong') return current
  return refuse(dependencies, request, user, 'refused', 'account_changed')
}

/**
 * Holds the account's row until the sign-in commits, and refuses where what was judged no longer stands. Whoever disables
 * the account or changes its password either comes first and is seen here, or waits and then ends the new session too.
 * Threat: a session that begins while a hash runs, and outlives the change that was to end all sessions.
 */
async function holdAccount(tables: Tables, { id, password_hash }: UserRow): Promise<void> {
  if (password_hash === null || !(await tables.users.hold({ id, password_hash }))) {
    throw new GatehouseError('invalid_credentials')
  }
}

async function refuse(
  { store, clock, onSignIn }: Dependencies,
  request: EndpointRequest<LoginBody>,
  user: UserRow | undefined,
  counted: Exclude<SignInResult, 'ok'>,
  why: string,
): Promise<never> {
  onSignIn(counted)
  const source = limitKey(request.address)
  await recordEvent(store, clock, {
    type: 'sign_in',
    result: why,
    target: user?.id ?? null,
    address: request.address,
    request_id: request.requestId,
    // Unknown accounts fold by source alone: what is typed as a user name may be a password.
    fold: user ? `${user.id}|${source}` : `?|${source}`,
  })
  throw new GatehouseError('invalid_credentials', { cause: new Error(why) })
}
