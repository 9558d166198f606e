import type { Seconds } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import type { Notices } from '../domain/notices.ts'
import type { OrganisationPolicy } from '../domain/organisations.ts'
import type { Passwords } from '../domain/passwords.ts'
import type { Revocations } from '../domain/revocations.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { type AskingTimes, createAskingTimes } from './asking-times.ts'
import { createOutsidePeople, type OutsidePeople } from './outside-people.ts'
import { createPendingSignIns, type PendingSignIns } from './pending-sign-ins.ts'
import type { ProviderFailureReason } from './provider-failure.ts'
import { createProviderSessions, type ProviderSessions } from './provider-sessions.ts'
import type { ProviderSettings } from './provider-settings.ts'
import { createProviderTokens, type ProviderTokens } from './provider-tokens.ts'
import { createProviders, type Providers } from './providers.ts'
import { createStanding, type Standing } from './standing.ts'

/** Outside providers, and all that stands once beside them. */
export interface Federation {
  readonly providers: Providers
  readonly people: OutsidePeople
  readonly pending: PendingSignIns
  readonly sessions: ProviderSessions
  readonly tokens: ProviderTokens
  readonly standing: Standing
  readonly askingTimes: AskingTimes
  readonly onFailure: (failure: NotedFailure) => void
}

/** Why a provider failed, as it is noted: of one minute, each reason once for one address. */
export interface NotedFailure {
  readonly provider: string
  readonly reason: ProviderFailureReason
  readonly why: string
  readonly address?: string | null | undefined
  readonly request_id?: string | null | undefined
}

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly ring: KeyRing
  readonly outbound: Pick<Outbound, 'keeping'>
  readonly passwords: Passwords
  readonly notices: Notices
  readonly revocations: Revocations
  readonly organisationPolicy: () => OrganisationPolicy | undefined
  /** Seconds that a session lasts at most. */
  readonly sessionLifetime: () => Seconds
  /** Hears of failures: for the log. */
  readonly onFailure: (failure: NotedFailure) => void
}

/** Builds all of it; `providers.close()` ends what runs. */
export function createFederation(dependencies: Dependencies, configured: readonly ProviderSettings[]): Federation {
  const { sessionLifetime: lifetime, onFailure } = dependencies
  const providers = createProviders(dependencies, configured)
  const people = createOutsidePeople(dependencies)
  const sessions = createProviderSessions({ ...dependencies, lifetime })
  const tokens = createProviderTokens(dependencies)
  const standing = createStanding({ ...dependencies, providers, people, sessions, tokens })
  const pending = createPendingSignIns(dependencies)
  return { providers, people, pending, sessions, tokens, standing, askingTimes: createAskingTimes(), onFailure }
}
