import type { UserRow } from '@gatehouse/store/rows'

/** What has been proven so far. */
export interface ProvenFactors {
  /** Methods of authentication. Spec: RFC 8176. */
  readonly amr: readonly string[]
}

/** What comes next: nobody but this decides it. */
export type NextStep =
  /** Everything that is asked for has been proven. */
  | { readonly step: 'issue'; readonly acr: string }
  /** The account may not sign in, whatever is proven. */
  | { readonly step: 'refuse'; readonly why: string }

/** Authentication context class of a sign-in by one factor. */
const oneFactor = '1'

/**
 * The only judge of what comes next in a sign-in. Ways to prove who one is do not call each other; each says what has been
 * proven and does what this answers.
 */
export function nextStep(user: Pick<UserRow, 'status'>, proven: ProvenFactors): NextStep {
  if (user.status !== 'active') return { step: 'refuse', why: 'account_disabled' }
  if (proven.amr.length === 0) return { step: 'refuse', why: 'nothing_proven' }
  return { step: 'issue', acr: oneFactor }
}
