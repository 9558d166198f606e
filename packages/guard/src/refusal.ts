import type { RefusalReason } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { buildChallenge } from './challenge.ts'

/** The codes that a guard refuses with: what stands in `error` on the wire. */
export type GuardRefusalCode =
  | 'credentials_required'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'temporarily_unavailable'

/** Why a guard refused: for the service's log. Beyond the reasons of a token there are those of a request. */
export type GuardRefusalReason =
  | RefusalReason
  | 'no_credentials'
  | 'insufficient_role'
  | 'not_signed_in'
  | 'keys_unavailable'
  | 'introspection_unavailable'

const codes: Readonly<Partial<Record<GuardRefusalReason, GuardRefusalCode>>> = {
  no_credentials: 'credentials_required',
  insufficient_scope: 'insufficient_scope',
  insufficient_role: 'insufficient_scope',
  not_signed_in: 'insufficient_scope',
  not_ready: 'temporarily_unavailable',
  keys_unavailable: 'temporarily_unavailable',
  introspection_unavailable: 'temporarily_unavailable',
}

/** What a refusal says beside its reason. */
export interface GuardRefusalDetails {
  /** The protection space that the challenge names: the service's audience. */
  readonly realm: string
  /** The scope that would have been enough. */
  readonly scope?: string
  /** What really happened: for the log only. */
  readonly cause?: unknown
}

/**
 * The guard's "no". `code`, `status`, `challenge` and the JSON form are for the answer and safe for strangers; `reason`
 * and `cause` are for the log.
 */
export class GuardRefusal extends GatehouseError {
  declare readonly code: GuardRefusalCode
  declare readonly status: 401 | 403 | 503
  readonly reason: GuardRefusalReason
  /** The value of WWW-Authenticate; empty for 503, where better credentials would not help. */
  readonly challenge: string

  constructor(reason: GuardRefusalReason, { realm, scope, cause }: GuardRefusalDetails) {
    const code = codes[reason] ?? 'invalid_token'
    super(code, code === 'temporarily_unavailable' ? { cause, retryAfter: 5 } : { cause })
    this.name = 'GuardRefusal'
    this.reason = reason
    if (code === 'temporarily_unavailable') this.challenge = ''
    else if (code === 'credentials_required') this.challenge = buildChallenge(realm)
    else {
      const parameters = { error: code, description: this.message }
      this.challenge = buildChallenge(realm, scope ? { ...parameters, scope } : parameters)
    }
  }

  /** The JSON body of the answer, in the shape that OAuth has for errors. */
  toJSON(): { error: GuardRefusalCode; error_description: string } {
    return { error: this.code, error_description: this.message }
  }
}
