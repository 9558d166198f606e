import type { SessionId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { ProviderSessionRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import type { Actor } from '../domain/users.ts'
import type { OutsidePeople } from './outside-people.ts'
import type { OutsideIdentity, OutsideTokens } from './provider.ts'
import { NothingToAskWith, ProviderFailure } from './provider-failure.ts'
import type { ProviderSessions } from './provider-sessions.ts'
import type { ProviderSettings } from './provider-settings.ts'
import type { KeptTokens, ProviderTokens } from './provider-tokens.ts'
import type { Providers } from './providers.ts'

/** Whether what a provider once said still stands. */
export interface Standing {
  /**
   * Asks the provider that a session rests on whether its user may still sign in, where it can be asked and has not said so
   * lately; takes over what it brings by now. Where it says no, every session that rests on its word for them ends. A provider
   * that does not answer within three seconds ends nothing, and is heard later; but where it has not said yes for as long as
   * `recheck_within`, nobody goes on by its word until it does. Errors: `invalid_grant` where the session has ended by that,
   * `temporarily_unavailable` where nobody goes on. Cost: nothing where no provider can be asked; else two reads, and at
   * intervals a request.
   */
  checkSession(session: SessionId, by: Actor): Promise<void>
  /**
   * Tokens of the provider that are good for a minute at least, refreshed where they must be; undefined = there are none.
   * Error: ProviderFailure.
   */
  freshTokens(settings: ProviderSettings, subject: string): Promise<OutsideTokens | undefined>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly providers: Providers
  readonly people: OutsidePeople
  readonly sessions: ProviderSessions
  readonly tokens: ProviderTokens
}

/** Milliseconds that a refresh of tokens waits for a provider. */
const patience = 3000
/** Seconds that a provider's token must still be good for to be handed out. */
const leastLife = 60

const late = Symbol('late')
const unknown = Symbol('unknown')

/** Seconds after which who is not let on may try again: by then a provider that is left alone is asked anew. */
const tryAgainAfter = 30

const notHeardFor = ({ name }: ProviderSettings): GatehouseError =>
  new GatehouseError('temporarily_unavailable', {
    cause: new Error(`provider ${name} has not said for longer than recheck_within that they may still sign in`),
    retryAfter: tryAgainAfter,
  })

export function createStanding({ store, clock, providers, people, sessions, tokens }: Dependencies): Standing {
  /** Refreshes that are under way, by provider and subject: one at a time, whoever waits for it. */
  const underWay = new Map<string, Promise<OutsideIdentity | undefined>>()

  /** Asks a provider about somebody; undefined = it knows them no more. Tokens that it changes are kept at once. */
  const ask = async (
    settings: ProviderSettings,
    subject: string,
    kept: KeptTokens | undefined,
  ): Promise<OutsideIdentity | undefined> => {
    let current = kept
    const keep = async (next: OutsideTokens): Promise<void> => {
      if (!current || !(await tokens.replace(current, next))) return
      current = await tokens.find(settings.name, subject)
    }
    return providers.hear(settings, async (provider) => {
      if (!provider.refresh) throw new ProviderFailure('misconfigured', 'it cannot be asked about somebody')
      return provider.refresh({ subject, tokens: kept?.tokens, keep })
    })
  }
  const askOnce = (settings: ProviderSettings, subject: string): Promise<OutsideIdentity | undefined> => {
    const key = `${settings.name}\n${subject}`
    const running = underWay.get(key)
    if (running) return running
    const asked = tokens
      .find(settings.name, subject)
      .then((kept) => ask(settings, subject, kept))
      .finally(() => underWay.delete(key))
    underWay.set(key, asked)
    return asked
  }

  const heed = async (settings: ProviderSettings, row: ProviderSessionRow, by: Actor): Promise<boolean> => {
    const { provider, subject } = row
    const identity = await askOnce(settings, subject)
    if (identity && identity.subject === subject) {
      const recognised = await people.recognise({ ...settings, createsAccounts: false }, identity, by)
      if ('user' in recognised && recognised.user.status === 'active') return true
    }
    await sessions.end({ provider, subject }, by)
    await recordEvent(store, clock, {
      ...{ type: 'provider_failed', result: 'refused', detail: { provider, why: 'it no longer lets them sign in' } },
      ...by,
    })
    return false
  }

  return {
    async checkSession(id, by) {
      if (!providers.list().some(({ recheckEvery }) => recheckEvery > 0)) return
      const session = await store.sessions.findById(id)
      const row = session?.provider_session == null ? undefined : await sessions.find(session.provider_session)
      const settings = row && providers.find(row.provider)
      if (!row || !settings || settings.recheckEvery === 0) return
      const now = clock.now()
      const isTooOld = now >= seconds((row.heard_at ?? row.checked_at) + settings.recheckWithin)
      if (now < seconds(row.checked_at + settings.recheckEvery) && !isTooOld) return
      if (!(await canBeAsked(providers, settings))) return
      if (!(await store.providerSessions.beginCheck({ id: row.id, before: row.checked_at, at: now }))) {
        if (isTooOld) throw notHeardFor(settings)
        return
      }
      const heard = heed(settings, row, by)
        .catch((error: unknown) => {
          if (!(error instanceof ProviderFailure)) throw error
          // It does not answer, or answers nonsense: nothing is known, and nothing ends by that.
          return error instanceof NothingToAskWith || unknown
        })
        .then(async (outcome) => {
          if (outcome === true) await store.providerSessions.noteHeard({ id: row.id, at: clock.now() })
          return outcome
        })
      const outcome = await within(patience, heard)
      // It may say yes, and bring less than before: that ends sessions too.
      const hasEnded = outcome === false || (await store.sessions.findById(id)) === undefined
      if (hasEnded) throw new GatehouseError('invalid_grant', { cause: new Error('the provider says no') })
      if (outcome !== true && isTooOld) throw notHeardFor(settings)
    },

    async freshTokens(settings, subject) {
      const kept = await tokens.find(settings.name, subject)
      if (!kept) return undefined
      const { expiresAt, refreshToken } = kept.tokens
      if (expiresAt === undefined || expiresAt > clock.now() + leastLife) return kept.tokens
      if (refreshToken === undefined) return undefined
      const identity = await askOnce(settings, subject)
      if (!identity) return undefined
      return (await tokens.find(settings.name, subject))?.tokens
    },
  }
}

/** Whether the kind has a way to ask. Of one that cannot be opened that is not known: asking it fails. */
const canBeAsked = (providers: Providers, settings: ProviderSettings): Promise<boolean> =>
  providers.consult(settings, async (provider) => provider.refresh !== undefined).catch(() => true)

/** What comes of it, or `late` where that takes longer: it goes on, and whoever comes next finds what came of it. */
function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<typeof late>((resolve) => {
    timer = setTimeout(resolve, milliseconds, late)
    timer.unref()
  })
  // Nobody may be there any more to hear that it failed.
  promise.catch(() => {})
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer))
}
