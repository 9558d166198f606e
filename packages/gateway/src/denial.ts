import type { ErrorCode } from '@gatehouse/core/errors'

/** A "no" from one stage of the pipeline. */
export interface Denial {
  readonly code: ErrorCode
  /** What was there: for the log. */
  readonly reason: string
  /** What would have satisfied the rule: for the log. */
  readonly needed: string
  /** Further response headers: name, value, name, value. */
  readonly headers?: readonly string[]
  /** Whether the connection must not be used again. */
  readonly close?: boolean
}
