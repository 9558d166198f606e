import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { oneFactor } from '../domain/acr.ts'
import type { Clients } from '../domain/clients.ts'
import { effectiveAccess, type RoleRules, rolesThatCount } from '../domain/effective-access.ts'
import { encryptFor } from '../domain/encrypt-for-client.ts'
import type { ClientKeys } from '../domain/find-client-keys.ts'
import { signJwtInPool } from '../domain/sign-jwt.ts'
import type { SigningKeys } from '../domain/signing-keys.ts'
import type { Subjects } from '../domain/subjects.ts'
import { type ClaimsParameter, claimsOf, findMembership } from '../domain/user-claims.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { Dpop } from './dpop.ts'
import { findPresentedToken, insufficientScope, invalidToken } from './presented-token.ts'

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly keys: Pick<SigningKeys, 'current'>
  readonly clientKeys: ClientKeys
  readonly subjects: Subjects
  readonly verifier: AccessTokenVerifier
  readonly dpop: Dpop
  readonly roleRules: () => RoleRules
}

/**
 * Userinfo: what a client may know of the user whose access token it has. Spec: OpenID Connect Core section 5.3.
 * As JSON or, for a client that is registered so, as a JWT that is signed and perhaps encrypted. Cost: one to three reads.
 */
export function userinfoEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const described = {
    path: paths.userinfo,
    spec: 'OpenID Connect Core section 5.3',
    answers: { 200: Type.Object({ sub: Type.String() }) },
    errors: [
      'invalid_request',
      'credentials_required',
      'invalid_token',
      'insufficient_scope',
      'invalid_dpop_proof',
      'use_dpop_nonce',
      'too_many_requests',
      'temporarily_unavailable',
    ] as const,
    cors: 'any' as const,
  }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'Tells a client about the user whose access token it has',
      bodyKind: 'none',
      handle: (request) => tell(dependencies, request, 'GET'),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'The same, also with the token in a form',
      bodyKind: 'form',
      bodyOptional: true,
      body: Type.Object({ access_token: Type.Optional(Type.String()) }),
      refuseQuery: true,
      handle: (request) => tell(dependencies, withFormToken(request), 'POST'),
    }),
  ]
}

type TokenRequest = Pick<EndpointRequest<never>, 'headers' | 'address' | 'certificate'>

/** A token in a form counts as one in the header. Two at once are refused. Spec: RFC 6750 sections 2 and 2.2. */
function withFormToken(request: EndpointRequest<{ readonly access_token?: string }>): TokenRequest {
  const { access_token: token } = request.body
  if (token === undefined) return request
  if (request.headers.authorization !== undefined) {
    throw new GatehouseError('invalid_request', { description: 'The access token is given in two ways at once' })
  }
  const { address, certificate } = request
  return { headers: { ...request.headers, authorization: `Bearer ${token}` }, address, certificate }
}

async function tell(dependencies: Dependencies, request: TokenRequest, method: string): Promise<Answer> {
  const { issuer, store, clients, subjects, roleRules } = dependencies
  const { token, scheme, headers } = await findPresentedToken(dependencies, request, {
    method,
    url: issuer + paths.userinfo,
  })
  const { sub, client_id, gid, org } = token.claims
  if (!token.scopes.has('openid') || !sub.startsWith('usr_')) {
    const cause = new Error(
      `the token of ${client_id} is ${sub.startsWith('usr_') ? 'without the scope openid' : 'no user’s'}`,
    )
    throw insufficientScope('openid', scheme, { cause, needed: 'a token of a user, with the scope openid' })
  }
  const id = sub as UserId // the prefix says so
  const [user, client, grant, membership] = await Promise.all([
    store.users.findById(id),
    clients.find(client_id),
    gid === undefined ? undefined : store.grants.find(gid),
    org === undefined ? undefined : findMembership({ store }, id, org),
  ])
  if (user?.status !== 'active' || !client) throw invalidToken('the user or the client is gone', scheme)
  // The column is written from a checked parameter. A token that was exchanged is another client's, which asked for nothing.
  const asked =
    grant?.claims && grant.client_id === client.id ? (JSON.parse(grant.claims) as ClaimsParameter).userinfo : undefined
  const rules = roleRules()
  const { roles } = effectiveAccess(user, membership, rules)
  // What the grant began with counts: the token itself says no more of a factor that has worn off.
  const acr = grant?.acr ?? token.claims.acr ?? oneFactor
  const claims = {
    ...claimsOf({ user, membership, roles: rolesThatCount({ roles, acr }, rules) }, token.claims.scope, asked),
    sub: subjects.subjectFor(client, user.id),
  }
  const { alg, encryption } = client.userinfo
  if (!alg && !encryption) return { status: 200, json: claims, ...(headers ? { headers } : {}) }
  const payload = alg
    ? await signJwtInPool(dependencies.keys.current(alg), 'JWT', { ...claims, iss: issuer, aud: client.id })
    : JSON.stringify(claims)
  const text = encryption
    ? await encryptFor(dependencies.clientKeys, client, encryption, payload, alg ? 'JWT' : undefined)
    : payload
  return { status: 200, text, type: 'application/jwt', ...(headers ? { headers } : {}) }
}
