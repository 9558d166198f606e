import type { RefusalReason } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { buildChallenge, type ChallengeParameters } from './challenge.ts'
import type { TokenScheme } from './credentials.ts'
import { dpopAlgorithms } from './dpop.ts'

/** The codes that a guard refuses with: what stands in `error` on the wire. */
export type GuardRefusalCode =
  | 'credentials_required'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'insufficient_user_authentication'
  | 'insufficient_scope'
  | 'temporarily_unavailable'

/** Why a guard refused: for the service's log. Beyond the reasons of a token there are those of a request. */
export type GuardRefusalReason =
  | RefusalReason
  | 'no_credentials'
  | 'bad_proof'
  | 'insufficient_sign_in'
  | 'insufficient_role'
  | 'not_signed_in'
  | 'opaque_token'
  | 'not_active'
  | 'keys_unavailable'
  | 'introspection_unavailable'
  | 'client_refused'
  | 'feed_lost'

const codes: Readonly<Partial<Record<GuardRefusalReason, GuardRefusalCode>>> = {
  no_credentials: 'credentials_required',
  bad_proof: 'invalid_dpop_proof',
  insufficient_sign_in: 'insufficient_user_authentication',
  insufficient_scope: 'insufficient_scope',
  insufficient_role: 'insufficient_scope',
  not_signed_in: 'insufficient_scope',
  not_ready: 'temporarily_unavailable',
  keys_unavailable: 'temporarily_unavailable',
  introspection_unavailable: 'temporarily_unavailable',
  client_refused: 'temporarily_unavailable',
  feed_lost: 'temporarily_unavailable',
}

/** What a refusal says beside its reason. */
export interface GuardRefusalDetails {
  /** The protection space that the challenge names: the service's audience. */
  readonly realm: string
  /** How the token was presented; as Bearer unless said otherwise. */
  readonly scheme?: TokenScheme | undefined
  /** The scope or the sign-in that would have been enough. */
  readonly wanted?: Pick<ChallengeParameters, 'scope' | 'acrValues' | 'maxAge'> | undefined
  /** What really happened: for the log only. */
  readonly cause?: unknown
}

const brand = Symbol.for('gatehouse.GuardRefusal')

/**
 * The guard's "no". `code`, `status`, `challenge` and the JSON form are for the answer and safe for strangers; `reason`
 * and `cause` are for the log.
 */
export class GuardRefusal extends GatehouseError {
  /** A refusal of another copy of this package is one too: one program may load it as a module and in CommonJS. */
  static override [Symbol.hasInstance](value: unknown): value is GuardRefusal {
    return typeof value === 'object' && value !== null && brand in value
  }

  readonly [brand] = true
  declare readonly code: GuardRefusalCode
  declare readonly status: 401 | 403 | 503
  readonly reason: GuardRefusalReason
  /** The value of WWW-Authenticate; empty for 503, where better credentials would not help. */
  readonly challenge: string

  constructor(reason: GuardRefusalReason, { realm, scheme = 'Bearer', wanted, cause }: GuardRefusalDetails) {
    const code = codes[reason] ?? 'invalid_token'
    super(code, code === 'temporarily_unavailable' ? { cause, retryAfter: 5 } : { cause })
    this.name = 'GuardRefusal'
    this.reason = reason
    // To a protected resource a bad proof is what a bad token is (RFC 9449 section 7.1).
    if (code === 'invalid_dpop_proof') this.status = 401
    if (code === 'temporarily_unavailable') this.challenge = ''
    else if (code === 'credentials_required') this.challenge = buildChallenge(realm)
    else {
      const algs = scheme === 'DPoP' ? { algs: dpopAlgorithms } : {}
      this.challenge = buildChallenge(realm, { scheme, error: code, description: this.message, ...wanted, ...algs })
    }
  }

  /** The JSON body of the answer, in the shape that OAuth has for errors. */
  toJSON(): { error: GuardRefusalCode; error_description: string } {
    return { error: this.code, error_description: this.message }
  }
}
