import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import { compactDecrypt, createLocalJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import { tellMoment } from './clock-fault.ts'
import { encryptionAlgsOf } from './oauth-keys.ts'
import type { OidcContext } from './oidc-context.ts'
import type { DiscoveredProvider } from './oidc-discovery.ts'
import { goodAlgs, type OidcSettings } from './oidc-settings.ts'
import type { LogoutDoor, RemoteLogout } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
/** Seconds: how old a token may be. */
const longestAge = 120

/**
 * Reads a logout token, which the provider posts. Spec: OpenID Connect Back-Channel Logout 1.0 sections 2.4 to 2.6. A time of
 * expiry is looked at where there is one (older providers send none): the age ends it anyway.
 * Stops: an ID token or an access token brought as a logout token, also by its type; a token of another provider.
 */
export async function receiveLogoutToken(
  { parts, settings, discovery }: OidcContext,
  { parameters, binding }: Parameters<LogoutDoor>[0],
): Promise<RemoteLogout> {
  const tokens = parameters.getAll('logout_token')
  const [token = ''] = tokens
  if (binding !== 'form' || tokens.length !== 1 || token.length > 16_384) throw isNone('it does not come as one')
  const discovered = await discovery.get()
  const claims = await verify(await open(token, settings), { parts, settings, discovered })
  const { sub, sid, jti, iat, nonce, events } = claims
  if (nonce !== undefined) throw isNone('it has a nonce')
  if (!isObject(events) || !isObject(events[event])) throw isNone('it is about another event')
  if (!isName(jti) || iat === undefined) throw isNone('it has no jti')
  if (iat > parts.clock.now() + clockTolerance)
    throw isNone(`it is issued in the future: ${tellMoment('iat', iat, parts.clock.now())}`)
  if (![sub, sid].every((name) => name === undefined || isName(name)) || (sub ?? sid) === undefined) {
    throw isNone('it does not say whose session ends')
  }
  // Where people are known by other claims, `sub` is nobody's name here.
  const subject = isName(sub) && settings.subjectClaims.join() === 'sub' ? sub : undefined
  if (subject === undefined && !isName(sid)) throw isNone('it names nobody whom we know by that')
  return {
    ...(subject === undefined ? {} : { subject }),
    ...(isName(sid) ? { session: sid } : {}),
    once: { id: jti, until: seconds(iat + longestAge + clockTolerance) },
  }
}

const isNone = (why: string) => new ProviderFailure('invalid_answer', `no logout token: ${why}`)
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 255

/** A token that was encrypted for us; any other is given back as it is. */
async function open(token: string, { decryptionKey: key }: OidcSettings): Promise<string> {
  if (token.split('.').length !== 5) return token
  if (!key) throw isNone('it is encrypted, and there is no key')
  const options = { keyManagementAlgorithms: [...encryptionAlgsOf(key)] }
  try {
    return Buffer.from((await compactDecrypt(token, key, options)).plaintext).toString()
  } catch {
    throw isNone('it cannot be decrypted')
  }
}

interface Verifying {
  readonly parts: { readonly clock: Clock }
  readonly settings: OidcSettings
  readonly discovered: DiscoveredProvider
}

async function verify(token: string, { parts, settings, discovered }: Verifying): Promise<JWTPayload> {
  const { metadata, keys } = discovered
  const listed = metadata.id_token_signing_alg_values_supported
  const algorithms = settings.idTokenAlg === undefined ? listed : [settings.idTokenAlg]
  const check = async (atMostOld?: number) =>
    jwtVerify(token, createLocalJWKSet(await keys(atMostOld)), {
      issuer: issuerOf(token, settings),
      audience: settings.clientId,
      algorithms: Array.isArray(algorithms) ? algorithms.filter((alg) => goodAlgs.includes(alg)) : [],
      requiredClaims: ['iat'],
      maxTokenAge: longestAge,
      clockTolerance,
      currentDate: new Date(parts.clock.milliseconds()),
    })
  try {
    const { payload, protectedHeader } = await check().catch((error: unknown) => {
      if (error instanceof errors.JWKSNoMatchingKey) return check(0)
      throw error
    })
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '')
    if (type !== undefined && type !== 'logout+jwt' && type !== 'jwt') throw isNone('it is of another type')
    return payload
  } catch (error) {
    throw error instanceof errors.JOSEError ? isNone(error.message + timesOf(error, parts.clock.now())) : error
  }
}

/** What a refused time was, where it was one. */
function timesOf(error: errors.JOSEError, now: number): string {
  const isOfClaim = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed
  const moment = isOfClaim ? error.payload[error.claim] : undefined
  return isOfClaim && typeof moment === 'number' ? `: ${tellMoment(error.claim, moment, now)}` : ''
}

/** Where one address serves many issuers, the one that the token names, if it can be one of them. */
function issuerOf(token: string, { issuer, issuerTemplate }: OidcSettings): string {
  if (issuerTemplate === undefined) return issuer
  try {
    return issuerTemplate.replace('{tenantid}', () => String(decodeJwt(token).tid))
  } catch {
    throw isNone('it is no JWT')
  }
}
