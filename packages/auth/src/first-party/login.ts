import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { intersectScopes } from '@gatehouse/core/scope'
import type { Store } from '@gatehouse/store/store'
import type { MembershipOfUser } from '@gatehouse/store/tables/memberships'
import * as Type from 'typebox'
import type { TokenPair } from '../domain/build-token-pair.ts'
import type { Clients } from '../domain/clients.ts'
import { standingOf } from '../domain/effective-access.ts'
import type { CompletedSignIn, TokenPairs } from '../domain/token-pairs.ts'
import type { ActingUsers } from '../flow/acting.ts'
import { judgeStrength } from '../flow/next-step.ts'
import { defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { type PasswordDependencies, proveByPassword } from '../login/password.ts'
import type { SignedInUser } from '../login/signed-in-user.ts'
import { checkAskedAudiences, grantScope, parseAskedScope, tokenResponseSchema } from '../protocol/token.ts'
import { getFirstPartyClient } from './first-party-client.ts'
import type { AskedTokens, MfaTokens } from './mfa-tokens.ts'

/** What every sign-in of the first party may ask for. */
export const askedSchema = Type.Object({
  scope: Type.Optional(
    Type.String({ description: 'Scope tokens with one space between two; left out: all that the user may have' }),
  ),
  audience: Type.Optional(Type.String({ description: 'Whom the access token is for; left out: the default audience' })),
  organization: Type.Optional(
    Type.String({ description: 'The organization to act for: id or slug; to be said by who belongs to several' }),
  ),
  client_id: Type.Optional(
    Type.String({ description: 'A client that is marked first_party; left out: the built-in one' }),
  ),
})

const bodySchema = Type.Object({
  username: Type.String({ description: 'The user name, or the verified e-mail address' }),
  password: Type.String({ description: 'At most 1024 bytes' }),
  ...askedSchema.properties,
})

type AskedBody = Type.Static<typeof askedSchema>
type LoginBody = Type.Static<typeof bodySchema>

/** What a sign-in over the JSON API is answered with needs. */
export interface LoginAnswerDependencies {
  readonly store: Store
  readonly mfaTokens: MfaTokens
  readonly clients: Clients
  readonly tokenPairs: TokenPairs
  readonly defaultAudience: () => string
  readonly actingUsers: ActingUsers
}

interface Dependencies extends PasswordDependencies, LoginAnswerDependencies {}

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
      'invalid_client',
      'unauthorized_client',
      'invalid_credentials',
      'mfa_required',
      'forbidden',
      'access_denied',
      'interaction_required',
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
  const asked = await readAskedTokens(dependencies, request.body)
  const { username, password } = request.body
  const { address, requestId } = request
  const json = await proveByPassword(dependencies, { username, password, address, requestId }, (signedIn) =>
    answerSignIn(dependencies, asked, request, signedIn),
  )
  return { status: 200, json }
}

/**
 * What is asked for with a sign-in: what cannot be meant is told before anything about the account is looked at.
 * Errors: `invalid_client`, `unauthorized_client`, `invalid_scope`, `invalid_target`.
 */
export async function readAskedTokens(
  { clients }: Pick<Dependencies, 'clients'>,
  body: AskedBody,
): Promise<AskedTokens> {
  const client = await getFirstPartyClient(clients, body.client_id)
  const audiences = checkAskedAudiences(body, client, clients.audiences)
  parseAskedScope(body.scope)
  return { clientId: client.id, scope: body.scope, audiences, organisation: body.organization }
}

/** Whether it is what the client is registered for: who could show more has been asked for it. */
const isAsStrongAs = (acr: string, asked: readonly string[] | undefined): boolean =>
  judgeStrength([asked], { acr, reachableAcr: acr }) === 'enough'

/** The tokens of somebody who has proven enough, for the client too. Errors: `mfa_required`, and those of {@link startFirstPartySession}. */
export async function answerSignIn(
  dependencies: LoginAnswerDependencies,
  asked: AskedTokens,
  { headers, address, requestId }: Pick<EndpointRequest<never>, 'headers' | 'address' | 'requestId'>,
  signedIn: SignedInUser,
): Promise<TokenPair> {
  const { user, next, amr, providerSession, alongside } = signedIn
  const { defaultAcrValues } = await getFirstPartyClient(dependencies.clients, asked.clientId)
  if (next.step !== 'issue' || !isAsStrongAs(next.acr, defaultAcrValues)) {
    throw await askForMore(dependencies, signedIn, asked)
  }
  const device = String(headers['user-agent'] ?? '').slice(0, 200)
  const proven = { user, amr, acr: next.acr, address, device, requestId, providerSession, alongside }
  return startFirstPartySession(dependencies, asked, proven)
}

/**
 * Starts the session of a sign-in that has been judged complete. Errors: `invalid_client`, `invalid_scope`, `access_denied`
 * for an organisation that the user does not belong to, `interaction_required` with those to pick from where there are several.
 */
export async function startFirstPartySession(
  { clients, tokenPairs, actingUsers, defaultAudience }: Omit<LoginAnswerDependencies, 'store' | 'mfaTokens'>,
  asked: AskedTokens,
  signIn: Omit<CompletedSignIn, 'client' | 'scope' | 'standing' | 'audiences'>,
): Promise<TokenPair> {
  const client = await getFirstPartyClient(clients, asked.clientId)
  const choice = await actingUsers.choose(signIn.user.id, { asked: asked.organisation, picked: null })
  if (choice.state === 'refused') {
    // Whether there is no such organisation, or the user does not belong to it, is not told.
    const cause = new Error('the user does not belong to the asked organization')
    throw new GatehouseError('access_denied', { cause, needed: 'an organization that the user belongs to' })
  }
  if (choice.state === 'open') throw pickFirst(choice.memberships)
  const access = actingUsers.accessOf(signIn.user, choice.membership)
  const allowed = client.scopes === 'all' ? access.scopes : intersectScopes(client.scopes, access.scopes)
  const scope = grantScope(parseAskedScope(asked.scope), allowed)
  const audiences = asked.audiences ?? [defaultAudience()]
  return tokenPairs.start({ ...signIn, client, scope, standing: standingOf(access, scope), audiences })
}

const pickFirst = (memberships: readonly MembershipOfUser[]): GatehouseError =>
  new GatehouseError('interaction_required', {
    description: 'Say for which organization: send organization',
    members: {
      organizations: memberships.map(({ organisation_id, slug, name }) => ({ id: organisation_id, slug, name })),
    },
  })

/** The refusal of a sign-in that lacks a second factor, with a token to go on by. */
async function askForMore(
  { store, mfaTokens }: Pick<LoginAnswerDependencies, 'store' | 'mfaTokens'>,
  { user, next, amr, providerSession, alongside }: SignedInUser,
  asked: AskedTokens,
): Promise<GatehouseError> {
  if (next.step !== 'factor') {
    // What was proven stands: a new account is there to go on with on the page.
    await store.transaction(alongside)
    return new GatehouseError('mfa_required', {
      description:
        next.step === 'enrol'
          ? 'A second factor has to be set up first, on the sign-in page'
          : `This client needs a second factor: one has to be set up first, at ${paths.accountSecurity}`,
      members: { methods: [] },
    })
  }
  const token = await mfaTokens.issue({ user: user.id, amr, providerSession, asked, alongside })
  return new GatehouseError('mfa_required', { members: { mfa_token: token, methods: next.methods } })
}
