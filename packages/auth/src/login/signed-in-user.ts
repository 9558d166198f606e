import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import type { ProvenAt } from '../domain/browser-sessions.ts'
import type { NextStep } from '../flow/next-step.ts'

/** How a sign-in ended, for the counters. */
export type SignInResult = 'ok' | 'wrong' | 'locked' | 'refused'

/** Somebody who has proven who they are. */
export interface SignedInUser {
  readonly user: UserRow
  /** What comes next: as long as it is not `issue`, nothing may be given. */
  readonly next: Exclude<NextStep, { readonly step: 'refuse' }>
  readonly amr: readonly string[]
  /** When it was proven; left out: just now. */
  readonly provenAt?: ProvenAt | undefined
  /** The session at an outside provider that says so, by id; null = nobody but Gatehouse does. */
  readonly providerSession: string | null
  /** To be written in the transaction that the sign-in commits in; throws where the account has changed meanwhile. */
  readonly alongside: (tables: Tables) => Promise<void>
}
