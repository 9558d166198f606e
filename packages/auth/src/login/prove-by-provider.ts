import type { UserId } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { ProvenAt } from '../domain/browser-sessions.ts'
import type { SecondFactors } from '../domain/second-factors.ts'
import type { Federation } from '../federation/federation.ts'
import type { UnknownPerson } from '../federation/outside-people.ts'
import type { OutsideIdentity } from '../federation/provider.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { nameFactors, nextStep } from '../flow/next-step.ts'
import { holdAccount } from './hold-account.ts'
import {
  noteRefusal,
  type RefusalDependencies,
  refuseChanged,
  refuseSignIn,
  type SignInSource,
} from './refuse-sign-in.ts'
import type { SignedInUser } from './signed-in-user.ts'

export interface ProviderProofDependencies extends RefusalDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly federation: Federation
  readonly secondFactors: Pick<SecondFactors, 'methodsOf'>
  /** Whether a user must have a second factor. */
  readonly requiresSecondFactor: (user: UserRow) => Promise<boolean>
}

/** What a provider has said of somebody, and how they have shown it. */
export interface ProviderTry {
  readonly settings: ProviderSettings
  readonly identity: OutsideIdentity
  /** Beside the provider's word: `pwd` where the password was typed here. */
  readonly amr: readonly string[]
  readonly by: SignInSource
  /** When they have shown it; left out: just now. */
  readonly provenAt?: ProvenAt | undefined
  /** Whether the browser need not show a second factor of this user's; left out: it must. */
  readonly isRemembered?: (user: UserId) => Promise<boolean>
}

/** Somebody else vouches for who it is: RFC 8176 has no name for that. */
const byProvider = 'fed'

/**
 * Proves by a provider's word who somebody is, and then does what follows from it. Answers with why where nobody here is
 * known by it, or does what `then` does. Errors: `invalid_credentials` where the account may not sign in, and whatever `then`
 * throws. Cost: a few reads and one transaction; one more where the provider says something new.
 */
export async function proveByProvider<T>(
  dependencies: ProviderProofDependencies,
  { settings, identity, amr: shown, by, provenAt, isRemembered }: ProviderTry,
  then: (signedIn: SignedInUser) => Promise<T>,
): Promise<{ readonly done: T } | { readonly why: UnknownPerson }> {
  const { federation, secondFactors, requiresSecondFactor, onSignIn } = dependencies
  const recognised = await federation.people.recognise(settings, identity, by)
  if ('why' in recognised) {
    await noteRefusal(dependencies, by, { user: undefined, counted: 'refused', why: recognised.why })
    return recognised
  }
  const { user } = recognised
  const hasShownFactor = settings.trustsSecondFactor && identity.amr?.includes('mfa') === true
  // An older system that hands its passwords over vouches for nobody afterwards.
  const vouches = !settings.isShadow
  const amr = nameFactors([...shown, ...(vouches ? [byProvider] : []), ...(hasShownFactor ? ['mfa'] : [])])
  const [methods, remembered] = await Promise.all([secondFactors.methodsOf(user.id), isRemembered?.(user.id) ?? false])
  const isRequired = await requiresSecondFactor(user)
  const judged = nextStep(user, { amr, methods, isRemembered: remembered, isRequired })
  if (judged.step === 'refuse') {
    return refuseSignIn(dependencies, by, { user: user.id, counted: 'refused', why: judged.why })
  }
  const { name: provider } = settings
  const providerSession = vouches ? federation.sessions.newId() : null
  const done = await then({
    ...{ user, next: judged, amr, provenAt, providerSession },
    async alongside(tables) {
      const { tokens, subject } = identity
      const whose = { provider, subject, user: user.id }
      await Promise.all([
        holdAccount(tables, user),
        recognised.alongside(tables),
        providerSession !== null && federation.sessions.insert(tables, { id: providerSession, provider, identity }),
        providerSession !== null && tokens && federation.tokens.put(tables, whose, tokens),
      ])
    },
  }).catch((error: unknown) => refuseChanged(dependencies, by, user.id, error))
  onSignIn('ok')
  return { done }
}
