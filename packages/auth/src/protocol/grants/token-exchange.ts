import type { Seconds } from '@gatehouse/core/brand'
import type { ActorClaim } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { intersectScopes } from '@gatehouse/core/scope'
import { seconds } from '@gatehouse/core/time'
import { type AccessTokens, audienceClaim } from '../../domain/access-tokens.ts'
import type { Client, GrantType, TokenExchangePermission } from '../../domain/clients.ts'
import { narrowDetails } from '../../domain/granted-details.ts'
import { checkAskedAudiences, type Grant, type GrantRequest, grantScope, type TokenResponse } from '../token.ts'
import {
  accessTokenTypeUri,
  type ExchangeSubject,
  findActor,
  getSubject,
  type SubjectDependencies,
} from './exchanged-tokens.ts'

/** The grant type of token exchange. Spec: RFC 8693 section 2.1. */
export const tokenExchangeGrantType = 'urn:ietf:params:oauth:grant-type:token-exchange' satisfies GrantType

interface Dependencies extends SubjectDependencies {
  readonly issuer: string
  readonly accessTokens: AccessTokens
  /** Every audience that can be asked for. */
  readonly audiences: () => ReadonlySet<string>
  readonly lifetime: () => Seconds
}

/** Actors that one token may name. */
const longestChain = 5

/**
 * Another access token for a token that the client was given: for another audience, with less scope, and never for longer.
 * Spec: RFC 8693 sections 2.1, 2.2 and 4. The client is named as the actor in it, or whoever its `actor_token` is for; a
 * client that may impersonate is not, unless it sends an `actor_token`. It keeps the session and the grant of the subject
 * token, and so ends with them. authorization_details are carried over where they are asked for by name.
 * Errors: `unauthorized_client` for a client without permission, `invalid_target`, `access_denied` for a token that is not
 * this client’s to exchange, `invalid_request` for one that is worth nothing. Cost: one signature, no write for our tokens.
 * Stops: a token for one service turned into one for another by whoever gets hold of it.
 */
export const tokenExchangeGrant = (dependencies: Dependencies): Grant => ({
  type: tokenExchangeGrantType,
  forPublicClients: false,
  ownAudiences: true,
  async issue(request) {
    const { client, form } = request
    const permission = client.tokenExchange
    if (!permission) throw new GatehouseError('unauthorized_client')
    if ((form.requested_token_type ?? accessTokenTypeUri) !== accessTokenTypeUri) {
      throw new GatehouseError('invalid_request', { description: 'Only access tokens are issued in exchange' })
    }
    const audiences = checkTarget(dependencies, request, permission)
    const subject = await getSubject(dependencies, request)
    const act = buildActor(dependencies, request, permission, subject)
    return issueExchanged(dependencies, request, { subject, act, audiences })
  },
})

/** The audiences that are asked for or, where none is, the default one; the permission must have each of them. */
function checkTarget(
  { audiences, defaultAudience }: Dependencies,
  { form }: GrantRequest,
  permission: TokenExchangePermission,
): readonly string[] {
  const allowed = { firstParty: false, audiences: permission.audiences }
  const asked = form.audience === undefined && form.resource === undefined ? { audience: defaultAudience() } : form
  return checkAskedAudiences(asked, allowed, audiences()) ?? []
}

/** Who acts for the subject from now on; those who did before stay named. Spec: RFC 8693 sections 4.1 and 4.4. */
function buildActor(
  dependencies: Dependencies,
  request: GrantRequest,
  permission: TokenExchangePermission,
  { claims }: ExchangeSubject,
): ActorClaim | undefined {
  const { client } = request
  const named = findActor(dependencies, request)
  const actor = named ?? { sub: client.id }
  if (claims.may_act && !mayAct(claims.may_act, actor, client, dependencies.issuer)) {
    throw new GatehouseError('access_denied', { cause: new Error('may_act names somebody else') })
  }
  if (!named && permission.impersonation) return claims.act
  const act = { ...actor, ...(claims.act ? { act: claims.act } : {}) }
  if (lengthOf(act) > longestChain) {
    throw new GatehouseError('invalid_request', { description: 'The chain of actors is too long' })
  }
  return act
}

/** Whether each claim that says who may act fits; one that is not understood fits nobody. */
function mayAct(allowed: JsonObject, actor: ActorClaim, client: Client, issuer: string): boolean {
  const is: JsonObject = { iss: issuer, sub: actor.sub, client_id: client.id }
  const namesSomebody = Object.hasOwn(allowed, 'sub') || Object.hasOwn(allowed, 'client_id')
  return (
    namesSomebody && Object.entries(allowed).every(([name, value]) => Object.hasOwn(is, name) && is[name] === value)
  )
}

const lengthOf = (act: ActorClaim | undefined): number => (act ? 1 + lengthOf(act.act) : 0)

interface Exchange {
  readonly subject: ExchangeSubject
  readonly act: ActorClaim | undefined
  readonly audiences: readonly string[]
}

async function issueExchanged(
  { clock, accessTokens, lifetime }: Dependencies,
  { client, scope, details, confirmation, useProof }: GrantRequest,
  { subject, act, audiences }: Exchange,
): Promise<TokenResponse> {
  // Who acted before is in the chain already.
  const { authorization_details: granted = [], act: _, ...carried } = subject.claims
  const allowed = client.scopes === 'all' ? subject.scopes : intersectScopes(subject.scopes, client.scopes)
  const narrowed = grantScope(scope, allowed)
  const kept = narrowDetails(details ?? [], granted)
  if (!kept) throw new GatehouseError('invalid_authorization_details')
  const authorizationDetails = kept.length > 0 ? { authorization_details: kept } : undefined
  await useProof?.()
  await subject.use()
  const expiresIn = seconds(Math.min(lifetime(), subject.expiresAt - clock.now()))
  const { token } = accessTokens.issue(
    {
      ...carried,
      client_id: client.id,
      aud: audienceClaim(audiences),
      scope: narrowed,
      ...(act ? { act } : {}),
      ...(confirmation ? { cnf: confirmation } : {}),
      ...authorizationDetails,
    },
    expiresIn,
    client.accessTokenFormat,
  )
  return {
    access_token: token,
    issued_token_type: accessTokenTypeUri,
    token_type: confirmation?.jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: expiresIn,
    scope: narrowed,
    ...authorizationDetails,
  }
}
