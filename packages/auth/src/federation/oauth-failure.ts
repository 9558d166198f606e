import type { JsonObject } from '@gatehouse/core/json'
import * as client from 'openid-client'
import { tellMoment } from './clock-fault.ts'
import { BroughtFailure, ProviderFailure, type ProviderFailureReason } from './provider-failure.ts'

/** What the error codes of providers mean for whoever signs in. All others are answers that make no sense. */
const reasons: Readonly<Record<string, ProviderFailureReason>> = {
  access_denied: 'cancelled',
  // Facebook's, LinkedIn's and Apple's words for the same.
  user_denied: 'cancelled',
  user_cancelled_login: 'cancelled',
  user_cancelled_authorize: 'cancelled',
  temporarily_unavailable: 'unavailable',
  server_error: 'unavailable',
  slow_down: 'unavailable',
  unauthorized_client: 'misconfigured',
  invalid_client: 'misconfigured',
  invalid_scope: 'misconfigured',
  invalid_request: 'misconfigured',
  invalid_redirect_uri: 'misconfigured',
  unsupported_response_type: 'misconfigured',
  unsupported_grant_type: 'misconfigured',
  // GitHub's.
  incorrect_client_credentials: 'misconfigured',
  redirect_uri_mismatch: 'misconfigured',
  application_suspended: 'misconfigured',
}

/** A code as the log may have it: browsers bring these too. */
const printable = (code: string): string => (/^[\w.-]{1,64}$/.test(code) ? code : 'an error that is none')

const reasonOf = (code: string): ProviderFailureReason =>
  (Object.hasOwn(reasons, code) ? reasons[code] : undefined) ?? 'invalid_answer'

/**
 * Whatever went wrong, as a failure of the provider. What the libraries' errors carry of answers (tokens, claims) is left
 * behind: of them only the sentence is kept, which is the same for one fault but for how far a time is off.
 */
export function toProviderFailure(error: unknown): ProviderFailure {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    if (cause instanceof ProviderFailure) return cause
  }
  if (error instanceof client.AuthorizationResponseError) {
    return new BroughtFailure(reasonOf(error.error), `it sent the browser back with: ${printable(error.error)}`)
  }
  if (error instanceof client.ResponseBodyError) {
    return new ProviderFailure(reasonOf(error.error), `its token endpoint answers: ${printable(error.error)}`)
  }
  if (error instanceof client.WWWAuthenticateChallengeError) {
    return new ProviderFailure('misconfigured', `it does not take what we prove ourselves with (${error.status})`)
  }
  if (error instanceof client.ClientError) {
    const { cause } = error
    const sentence = cause instanceof Error ? cause.message : error.message
    return new ProviderFailure('invalid_answer', sentence + timesOf(error))
  }
  if (error instanceof RefusedToken)
    return new ProviderFailure('invalid_answer', 'it does not take its own access token')
  return new ProviderFailure('invalid_answer', 'its answer could not be made sense of')
}

/** Whether a provider takes a grant (a code, a refresh token, a password) no more, or never has. */
export const isRefusedGrant = (error: unknown): boolean =>
  error instanceof client.ResponseBodyError && ['invalid_grant', 'bad_refresh_token'].includes(error.error)

/** An API of a provider does not take an access token. */
export class RefusedToken extends Error {
  constructor() {
    super('the access token is refused')
    this.name = 'RefusedToken'
  }
}

/** Whether a provider takes an access token no more. */
export function isRefusedToken(error: unknown): boolean {
  if (error instanceof RefusedToken) return true
  if (error instanceof client.WWWAuthenticateChallengeError) return error.status === 401
  const isStatus = error instanceof client.ClientError && error.code === 'OAUTH_RESPONSE_IS_NOT_CONFORM'
  return isStatus && error.cause instanceof Response && error.cause.status === 401
}

/** What a refused time was: of the answer, that one number alone. */
function timesOf({ code, cause }: client.ClientError): string {
  if (code !== 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED' || !(cause instanceof Error)) return ''
  // As oauth4webapi throws it with this code.
  const { claims, claim, now } = cause.cause as { claims: JsonObject; claim: string; now: number }
  const moment = claims[claim]
  return typeof moment === 'number' ? `: ${tellMoment(claim, moment, now)}` : ''
}

const longestMs = 9_000

/**
 * Waits for what a door does, but not longer than nine seconds, and gives every error as a {@link ProviderFailure}.
 * What is still under way by then ends by its own limits, and nobody hears of it.
 */
export async function throughDoor<T>(work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const expire = () => reject(new ProviderFailure('unavailable', 'its answers take too long together'))
    timer = setTimeout(expire, longestMs)
  })
  try {
    return await Promise.race([work(), late])
  } catch (error) {
    throw toProviderFailure(error)
  } finally {
    clearTimeout(timer)
  }
}
