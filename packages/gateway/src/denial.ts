import type { ErrorCode } from '@gatehouse/core/errors'
import type { ChallengeParameters } from '@gatehouse/guard/challenge'

/** A "no" from one stage of the pipeline. */
export interface Denial {
  readonly code: ErrorCode
  /** In place of the catalogue's. */
  readonly status?: number
  /** Which part of the route's rule says so, such as `require.scopes`: for the log; absent = no rule of a route does. */
  readonly rule?: string
  /** What was there: for the log. */
  readonly reason: string
  /** What would have satisfied the rule: for the log. */
  readonly needed: string
  /** What the challenge says beside what the route and the scheme of the credentials add; absent = there is none. */
  readonly challenge?: ChallengeParameters
  /** Whether a sign-in asks for what is missing without being told to, of those who lack it. */
  readonly isAskedByItself?: true
  /** Further response headers: name, value, name, value. */
  readonly headers?: readonly string[]
  /** Whether the connection must not be used again. */
  readonly close?: boolean
}

/** Whether a stage has said no. */
export const isDenial = <Found extends object>(found: Found | Denial): found is Denial => 'code' in found
