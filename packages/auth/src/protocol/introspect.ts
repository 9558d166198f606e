import type { SessionId, UserId } from '@gatehouse/core/brand'
import { type AccessTokenClaims, type ActorClaim, isRefusal, type VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import * as Type from 'typebox'
import { audienceClaim } from '../domain/access-tokens.ts'
import type { Confirmation } from '../domain/build-token-pair.ts'
import type { Client } from '../domain/clients.ts'
import { asStrongAsNow, factorAgeOf, goneUnused, isUnused } from '../domain/factor-age.ts'
import { readGrantedDetails } from '../domain/granted-details.ts'
import type { RefreshTokens } from '../domain/refresh-tokens.ts'
import type { FactorLimits } from '../domain/sessions.ts'
import type { Subjects } from '../domain/subjects.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import {
  buildIntrospectionJwt,
  type IntrospectionJwtDependencies,
  introspectionJwtType,
  wantsIntrospectionJwt,
} from './introspection-jwt.ts'
import { clientParameterSchema } from './token.ts'

const formSchema = Type.Object({
  ...clientParameterSchema,
  token: Type.String(),
  token_type_hint: Type.Optional(Type.String({ description: 'Only a hint' })),
})

interface Dependencies extends IntrospectionJwtDependencies {
  readonly clientAuthentication: ClientAuthentication
  readonly verifier: AccessTokenVerifier
  readonly refreshTokens: RefreshTokens
  readonly subjects: Subjects
  readonly limits: () => FactorLimits
}

const inactive = { active: false }
const inactiveText = JSON.stringify(inactive)

type IntrospectionRequest = EndpointRequest<{ readonly token: string }>

/**
 * Introspection. Spec: RFC 7662; as a signed JWT where that is wanted, RFC 9701. The caller sees its own tokens and those
 * whose audience it answers for; whatever else is exactly `{"active":false}`. A client with pairwise subjects sees the
 * names that it knows. Cost: for an access token nothing is read; for a refresh token one row.
 */
export function introspectEndpoint(dependencies: Dependencies): Endpoint {
  const { clientAuthentication, verifier } = dependencies
  const answer = (client: Client, request: IntrospectionRequest): Answer | Promise<Answer> => {
    if (client.authMethod === 'none') throw new GatehouseError('invalid_client')
    const { token } = request.body
    const asJwt = wantsIntrospectionJwt(client, request.headers.accept)
    if (asJwt || client.subjectType === 'pairwise' || token.startsWith('ghr_')) {
      return answerSlowly(dependencies, client, token, asJwt)
    }
    const verified = verifier.verify(token, undefined, 'not_presented')
    const isActive = !isRefusal(verified) && mayAsk(client, verified)
    return { status: 200, text: isActive ? activeText(verified) : inactiveText }
  }
  return defineEndpoint({
    method: 'POST',
    path: paths.introspect,
    summary: 'Tells a client what a token of its own, or for it, is worth now',
    spec: 'RFC 7662, RFC 9701',
    bodyKind: 'form',
    body: formSchema,
    answers: { 200: Type.Object({ active: Type.Boolean() }) },
    errors: ['invalid_request', 'invalid_client', 'too_many_requests', 'temporarily_unavailable'],
    refuseQuery: true,
    handle(request) {
      const client = clientAuthentication.authenticate(request, request.body)
      return client instanceof Promise ? client.then((found) => answer(found, request)) : answer(client, request)
    },
  })
}

const mayAsk = (client: Client, { claims, audiences }: VerifiedToken): boolean =>
  claims.client_id === client.id || audiences.some((audience) => client.answersFor.has(audience))

/** The answer for an active token: what the token says. */
const describe = (claims: AccessTokenClaims): object => ({
  active: true,
  token_type: claims.cnf?.jkt === undefined ? 'Bearer' : 'DPoP',
  ...claims,
})

/** The same as text, which is made once. */
const activeText = ({ memo, claims }: VerifiedToken): string => {
  memo.introspection ??= JSON.stringify(describe(claims))
  return memo.introspection
}

/** Answers that are made for one caller alone. */
async function answerSlowly(
  dependencies: Dependencies,
  client: Client,
  token: string,
  asJwt: boolean,
): Promise<Answer> {
  const json = token.startsWith('ghr_')
    ? await describeRefreshToken(dependencies, client, token)
    : describeAccessToken(dependencies, client, token)
  if (!asJwt) return { status: 200, json }
  const text = await buildIntrospectionJwt(dependencies, client, json)
  return { status: 200, text, type: `application/${introspectionJwtType}` }
}

function describeAccessToken({ verifier, subjects }: Dependencies, client: Client, token: string): object {
  const verified = verifier.verify(token, undefined, 'not_presented')
  if (isRefusal(verified) || !mayAsk(client, verified)) return inactive
  const { claims } = verified
  return describe(client.subjectType === 'pairwise' ? withOwnNames(subjects, client, claims) : claims)
}

/** A token as a client with pairwise subjects may see it: whoever it names, by the name that this client knows. */
function withOwnNames(subjects: Subjects, client: Client, claims: AccessTokenClaims): AccessTokenClaims {
  // Users' ids have a form that no client's id has.
  const nameOf = (sub: string): string => (sub.startsWith('usr_') ? subjects.subjectFor(client, sub as UserId) : sub)
  const actorOf = ({ sub, act, ...others }: ActorClaim): ActorClaim => ({
    ...others,
    sub: nameOf(sub),
    ...(act ? { act: actorOf(act) } : {}),
  })
  const { sub, sid, act, may_act: _, ...others } = claims
  return {
    ...others,
    sub: nameOf(sub),
    // What it is told of a session is of the same type, and no session's id.
    ...(sid === undefined ? {} : { sid: subjects.sessionFor(client, sid) as SessionId }),
    ...(act ? { act: actorOf(act) } : {}),
  }
}

async function describeRefreshToken(
  { issuer, clock, refreshTokens, subjects, limits }: Dependencies,
  client: Client,
  token: string,
): Promise<object> {
  const found = await refreshTokens.findGrant(token)
  if (!found?.usable || found.grant.client_id !== client.id) return inactive
  const { grant } = found
  const details = readGrantedDetails(grant.authorization_details)
  const isGone = isUnused(grant.rotated_at, limits(), clock.now())
  const age = factorAgeOf(isGone ? { ...grant, factor_at: goneUnused } : grant, limits())
  return {
    active: true,
    iss: issuer,
    client_id: grant.client_id,
    sub: subjects.subjectFor(client, grant.user_id),
    scope: grant.scope,
    aud: audienceClaim(grant.audience.split(' ')),
    iat: grant.created_at,
    exp: Math.min(grant.expires_at, grant.idle_expires_at),
    auth_time: grant.auth_time,
    acr: asStrongAsNow(grant, age, clock.now()).acr,
    // The column is written from a confirmation that was proven.
    ...(grant.confirmation === null ? {} : { cnf: JSON.parse(grant.confirmation) as Confirmation }),
    ...(details.length > 0 ? { authorization_details: details } : {}),
  }
}
