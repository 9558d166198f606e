import type { VerifiedToken } from '@gatehouse/core/contracts'
import { errorCatalogue } from '@gatehouse/core/errors'
import { missingScopes } from '@gatehouse/core/scope'
import type { Denial } from '../denial.ts'
import type { PatternParameter } from '../path-pattern.ts'
import { type AskedRequest, buildVariables, type RuleExpression } from './asked-request.ts'
import type { Requirement } from './requirement.ts'

/**
 * Checks a request and its verified token against a route's rule. What a better sign-in could not mend is said first.
 * Codes: insufficient_scope (RFC 6750 section 3.1), forbidden, insufficient_user_authentication (RFC 9470 section 3).
 * Stops: a client's own token where a person must be signed in.
 */
export function checkRequirement(
  requirement: Requirement,
  parameters: readonly PatternParameter[],
  asked: AskedRequest,
): Denial | undefined {
  const { token } = asked
  if (requirement.credentials === 'required') {
    // Authentication has answered before this where a token must be there; without one nothing passes here either.
    if (token === undefined) {
      return { code: 'credentials_required', rule: 'require', reason: 'no token', needed: requirement.needed }
    }
    const denied = checkToken(requirement, token)
    if (denied !== undefined) return denied
  }
  const denied = checkAddress(requirement, asked) ?? checkConditions(requirement, parameters, asked)
  if (denied !== undefined || token === undefined) return denied
  return checkSignIn(requirement, token, asked.now)
}

/** Asks whoever decides elsewhere; to be done once {@link checkRequirement} has let through. */
export const askRemote = (
  { remote, needed }: Requirement,
  parameters: readonly PatternParameter[],
  asked: AskedRequest,
): Promise<Denial | undefined> | undefined => remote?.decide(asked, parameters, needed)

function checkToken(requirement: Requirement, token: VerifiedToken): Denial | undefined {
  const { scopes, roles, organisations, clients } = requirement
  const { sub, scope, org, client_id } = token.claims
  if (requirement.userOnly && !sub.startsWith('usr_')) {
    return lacks(requirement, 'require', 'the token is that of a client, not of a user')
  }
  for (const asked of scopes) {
    if (!token.scopes.has(asked)) {
      const missing = missingScopes(scopes, token.scopes).join(' ')
      return lacks(requirement, 'require.scopes', `the token has the scope "${scope}" and lacks ${missing}`)
    }
  }
  if (roles.length > 0 && !roles.some((role) => token.roles.has(role))) {
    return lacks(requirement, 'require.roles', `the token has the roles "${[...token.roles].join(' ')}"`)
  }
  if (
    organisations !== undefined &&
    !(org !== undefined && (organisations.length === 0 || organisations.includes(org)))
  )
    return forbid(requirement, 'require.org', `the token is for the organisation "${org ?? ''}"`)
  if (clients.length > 0 && !clients.includes(client_id)) {
    return forbid(requirement, 'require.clients', `the token is that of the client "${client_id}"`)
  }
  return undefined
}

/** An address that nobody vouches for lies in no range. Stops: a proxy's own address counting as its client's. */
function checkAddress(requirement: Requirement, asked: AskedRequest): Denial | undefined {
  if (requirement.addresses === undefined) return undefined
  const address = asked.findAddress()
  if (address === undefined || address === '') {
    return forbid(requirement, 'require.addresses', 'nobody who is trusted says where the request comes from')
  }
  const bare = address.split('%', 1)[0] ?? ''
  return requirement.addresses.check(bare, bare.includes(':') ? 'ipv6' : 'ipv4')
    ? undefined
    : forbid(requirement, 'require.addresses', `the request comes from ${address}`)
}

/** Only true is a yes: what throws, or has another value, is a no. */
function checkConditions(
  requirement: Requirement,
  parameters: readonly PatternParameter[],
  asked: AskedRequest,
): Denial | undefined {
  for (const [index, expression] of requirement.when.entries()) {
    const failure = testExpression(expression, parameters, asked)
    if (failure !== undefined) return forbid(requirement, `require.when[${index}]`, failure)
  }
  return undefined
}

function testExpression(
  { text, reads, test }: RuleExpression,
  parameters: readonly PatternParameter[],
  asked: AskedRequest,
): string | undefined {
  try {
    const value = test(buildVariables(asked, parameters, reads))
    return value === true ? undefined : `this is ${value === false ? 'false' : 'neither true nor false'}: ${text}`
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
    return `this has no value (${why}): ${text}`
  }
}

function checkSignIn(requirement: Requirement, { claims }: VerifiedToken, now: number): Denial | undefined {
  const { acr, maxAge } = requirement
  if (acr.length > 0 && (claims.acr === undefined || !acr.includes(claims.acr))) {
    return askForSignIn(requirement, 'require.acr', `the sign-in is of the class "${claims.acr ?? ''}"`)
  }
  if (maxAge === undefined) return undefined
  const rule = 'require.max_age'
  if (claims.auth_time === undefined)
    return askForSignIn(requirement, rule, 'the token does not say when the user signed in')
  const age = Math.floor(now / 1000) - claims.auth_time
  return age > maxAge ? askForSignIn(requirement, rule, `the user signed in ${age} s ago`) : undefined
}

const lacks = ({ needed, scopes }: Requirement, rule: string, reason: string): Denial => ({
  code: 'insufficient_scope',
  rule,
  reason,
  needed,
  challenge: {
    error: 'insufficient_scope',
    description: errorCatalogue.insufficient_scope.description,
    scope: scopes.join(' '),
  },
})

/** What no other token of this client would change: there is nothing to challenge for. */
const forbid = ({ needed }: Requirement, rule: string, reason: string): Denial => ({
  code: 'forbidden',
  rule,
  reason,
  needed,
})

const askForSignIn = ({ needed, acr, maxAge }: Requirement, rule: string, reason: string): Denial => ({
  code: 'insufficient_user_authentication',
  rule,
  reason,
  needed,
  challenge: {
    error: 'insufficient_user_authentication',
    description: errorCatalogue.insufficient_user_authentication.description,
    acrValues: acr,
    ...(maxAge === undefined ? {} : { maxAge }),
  },
})
