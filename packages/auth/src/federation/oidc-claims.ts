import { hash } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import { clockTolerance, seconds } from '@gatehouse/core/time'
import { tellMoment } from './clock-fault.ts'
import type { ClaimRule, OidcSettings } from './oidc-settings.ts'
import { ProviderFailure } from './provider-failure.ts'

const hashes: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' }

/** A token's header or claims, whose signature has been checked. Members that stand twice are refused (RFC 7519 section 4). */
function readPart(token: string, part: 0 | 1): JsonObject {
  try {
    return parseJsonObject(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString(), { unique: true })
  } catch {
    throw new ProviderFailure('invalid_answer', 'the ID token holds JSON that is refused')
  }
}

/**
 * The claims of an ID token that openid-client has checked, after what it leaves to others: `azp` where there is one audience,
 * a time of issue that is yet to come, and the hash of the access token.
 * Spec: OpenID Connect Core 1.0 section 3.1.3.7 (5, 10), section 3.1.3.8.
 */
export function checkIdToken(
  token: string,
  expected: { readonly clientId: string; readonly accessToken: string; readonly now: number },
): JsonObject {
  const claims = readPart(token, 1)
  if (claims.azp !== undefined && claims.azp !== expected.clientId) {
    throw new ProviderFailure('invalid_answer', 'the ID token was issued to another client: azp')
  }
  if (typeof claims.iat !== 'number') {
    throw new ProviderFailure('invalid_answer', 'the ID token does not say when it was issued: iat')
  }
  if (claims.iat > expected.now + clockTolerance) {
    const when = tellMoment('iat', claims.iat, expected.now)
    throw new ProviderFailure('invalid_answer', `the ID token is issued in the future: ${when}`)
  }
  if (claims.at_hash !== undefined && claims.at_hash !== hashFor(readPart(token, 0).alg, expected.accessToken)) {
    throw new ProviderFailure('invalid_answer', 'the ID token belongs to another access token: at_hash')
  }
  return claims
}

/** The left half of the hash that goes with a token's algorithm. Spec: OpenID Connect Core 1.0 section 3.1.3.6. */
function hashFor(alg: unknown, text: string): string {
  const digest = hash(hashes[String(alg).slice(-3)] ?? 'sha512', text, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

/** Claims that are about the token and not about somebody. */
const aboutToken = new Set(['nonce', 'at_hash', 'c_hash', 's_hash'])
/** Claims whose meaning is another claim's value. */
const proven = [
  ['email', 'email_verified'],
  ['phone_number', 'phone_number_verified'],
] as const

/**
 * What the ID token and the userinfo endpoint say together; the ID token counts where both speak. That an address is verified
 * counts only beside the very address that it was said of.
 */
export function mergeClaims(idToken: JsonObject, userinfo: JsonObject): JsonObject {
  const merged = Object.fromEntries(
    Object.entries({ ...userinfo, ...idToken }).filter(([name]) => !aboutToken.has(name)),
  )
  for (const [value, isVerified] of proven) {
    const sources = [idToken, userinfo].filter((source) => source[isVerified] !== undefined)
    const witness = sources.find((source) => source[value] !== undefined && source[value] === merged[value])
    if (witness) merged[isVerified] = witness[isVerified]
    else delete merged[isVerified]
  }
  return merged
}

/** By which the provider knows somebody: 1 to 255 printable characters. */
export function subjectOf(claims: JsonObject, { subjectClaims }: Pick<OidcSettings, 'subjectClaims'>): string {
  const values = subjectClaims.map((name) => claims[name])
  const subject = values.join(':')
  const isWhole = values.every((value) => typeof value === 'string' && value !== '')
  if (isWhole && subject.length <= 255 && !/[\p{Cc}]/u.test(subject)) return subject
  throw new ProviderFailure(
    'invalid_answer',
    `nobody can be known by what it says of them: ${subjectClaims.join(', ')}`,
  )
}

/** Refuses whom the configuration does not let in by what the provider says of them. */
export function checkClaimRules(claims: JsonObject, rules: readonly ClaimRule[]): void {
  for (const { claim, oneOf, noneOf } of rules) {
    const values = [claims[claim]]
      .flat()
      .filter((value) => value !== undefined)
      .map(String)
    const isLetIn = oneOf === undefined || values.some((value) => oneOf.includes(value))
    const isKeptOut = noneOf !== undefined && values.some((value) => noneOf.includes(value))
    if (!isLetIn || isKeptOut) throw new ProviderFailure('refused', `who has this ${claim} is not let in`)
  }
}

/** When somebody signed in there. Spec: OpenID Connect Core 1.0 section 2. */
export const authTimeOf = ({ auth_time: moment }: JsonObject): Seconds | undefined =>
  typeof moment === 'number' && Number.isFinite(moment) && moment > 0 ? seconds(Math.floor(moment)) : undefined

/** How somebody signed in there. Spec: RFC 8176. */
export const methodsOf = ({ amr }: JsonObject): readonly string[] | undefined =>
  Array.isArray(amr)
    ? amr.filter((word): word is string => typeof word === 'string' && word.length <= 50).slice(0, 20)
    : undefined
