import type { SupposeTwoFactors, VerifiedToken } from '@gatehouse/core/contracts'
import { errorCatalogue } from '@gatehouse/core/errors'
import type { Denial } from '../denial.ts'
import type { PatternParameter } from '../path-pattern.ts'
import type { AskedRequest } from './asked-request.ts'
import { checkRequirement } from './check-requirement.ts'
import type { Requirement } from './requirement.ts'

/** What the rule misses in a token, and roles bring. */
const broughtByRoles: ReadonlySet<string | undefined> = new Set(['require.roles', 'require.scopes'])

/**
 * A denial for a role or a scope, as a denial for the sign-in where a second factor is all that is missing: the rule is asked
 * once more, with what the caller would be then. Code: insufficient_user_authentication. Spec: RFC 9470 section 3. Where nobody
 * can say, the denial stays as it is. Cost: nothing is read for a request that is let through.
 */
export function explainByFactor(
  suppose: SupposeTwoFactors,
  denial: Denial,
  requirement: Requirement,
  parameters: readonly PatternParameter[],
  asked: AskedRequest,
): Denial | Promise<Denial> {
  const { token } = asked
  if (token === undefined || !broughtByRoles.has(denial.rule)) return denial
  return suppose(token).then(
    (stronger) => {
      if (stronger === undefined) return denial
      const left = checkRequirement(requirement, parameters, suppositionOf(asked, stronger))
      // How long ago they signed in can be asked for along with it; whatever else is missing would be missing still.
      return left === undefined || left.rule === 'require.max_age'
        ? askForFactor(denial, token, stronger, left)
        : denial
    },
    () => denial,
  )
}

/** The same request, by somebody else. */
const suppositionOf = (asked: AskedRequest, token: VerifiedToken): AskedRequest => {
  const { now, method, host, path, query } = asked
  return { token, now, method, host, path, query, findAddress: () => asked.findAddress() }
}

function askForFactor(
  { rule, needed, challenge }: Denial,
  token: VerifiedToken,
  { roles, scopes, claims }: VerifiedToken,
  left: Denial | undefined,
): Denial {
  const acr = claims.acr ?? ''
  const maxAge = left?.challenge?.maxAge
  const gained = [
    ...[...roles].filter((role) => !token.roles.has(role)).map((role) => `the role ${role}`),
    ...[...scopes].filter((scope) => !token.scopes.has(scope)).map((scope) => `the scope ${scope}`),
  ]
  return {
    code: 'insufficient_user_authentication',
    ...(rule === undefined ? {} : { rule }),
    reason: `the sign-in is of the class "${token.claims.acr ?? ''}"; of "${acr}" it would bring ${gained.join(', ')}`,
    needed,
    challenge: {
      error: 'insufficient_user_authentication',
      description: errorCatalogue.insufficient_user_authentication.description,
      ...(challenge?.scope ? { scope: challenge.scope } : {}),
      acrValues: [acr],
      ...(maxAge === undefined ? {} : { maxAge }),
    },
    isAskedByItself: true,
  }
}
