import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
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
   * `recheck_within`, nobody goes on by its word until it does: whoever comes while it is asked waits for its answer, in
   * whichever process that is. Errors: `invalid_grant` where the session has ended by that,
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
/** Milliseconds between two looks at what another process has heard. */
const pause = 100
/** Milliseconds for which a no to a refresh token is not believed yet. */
const doubt = 300
/** Seconds after which an ask is over, whoever began it: more than a provider may take for anything. */
const askedAtMost = 15
/** Seconds that a provider's token must still be good for to be handed out. */
const leastLife = 60

const late = Symbol('late')
const unknown = Symbol('unknown')
/** Whether they may still sign in, or that nothing came of asking. */
type Outcome = boolean | typeof unknown

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
  /** Sessions of providers that nobody goes on by until it is known what they say: what all who come meanwhile wait for. */
  const awaited = new Map<string, Promise<Outcome>>()

  const isTooOld = ({ heard_at, checked_at }: ProviderSessionRow, { recheckWithin }: ProviderSettings): boolean =>
    clock.now() >= (heard_at ?? checked_at) + recheckWithin

  /**
   * Asks a provider about somebody; undefined = it knows them no more. Tokens that it changes are kept at once. A no to a
   * token that another process has used and replaced meanwhile says nothing of them: then the newer one is asked with.
   */
  const ask = async (
    settings: ProviderSettings,
    subject: string,
    kept: KeptTokens | undefined,
    isFirst = true,
  ): Promise<OutsideIdentity | undefined> => {
    let current = kept
    const keep = async (next: OutsideTokens): Promise<void> => {
      if (!current || !(await tokens.replace(current, next))) return
      current = await tokens.find(settings.name, subject)
    }
    const identity = await providers.hear(settings, async (provider) => {
      if (!provider.refresh) throw new ProviderFailure('misconfigured', 'it cannot be asked about somebody')
      return provider.refresh({ subject, tokens: kept?.tokens, keep })
    })
    if (identity || !isFirst || kept?.tokens.refreshToken === undefined) return identity
    // Who was given the newer one may not have kept it yet.
    await sleep(doubt, undefined, { ref: false })
    const newest = await tokens.find(settings.name, subject)
    const isReplaced = newest !== undefined && newest.row.version !== current?.row.version
    return isReplaced ? ask(settings, subject, newest, false) : undefined
  }
  const askOnce = (settings: ProviderSettings, subject: string): Promise<OutsideIdentity | undefined> =>
    once(underWay, `${settings.name}\n${subject}`, async () =>
      ask(settings, subject, await tokens.find(settings.name, subject)),
    )

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

  /** Asks, and notes what came of it. */
  const hear = async (settings: ProviderSettings, row: ProviderSessionRow, by: Actor): Promise<Outcome> => {
    const outcome = await heed(settings, row, by).catch((error: unknown) => {
      if (!(error instanceof ProviderFailure)) throw error
      // It does not answer, or answers nonsense: nothing is known, and nothing ends by that.
      return error instanceof NothingToAskWith || unknown
    })
    if (outcome === true) await store.providerSessions.noteHeard({ id: row.id, at: clock.now() })
    return outcome
  }

  /** Waits for what another process hears, which asks already: later than `before`, unless nothing came of it. */
  const awaitOther = async (settings: ProviderSettings, id: string, before: number): Promise<Outcome> => {
    const until = performance.now() + patience
    for (;;) {
      const row = await store.providerSessions.find(id)
      if (!row || (await store.sessions.listByProviderSessions([id])).length === 0) return false
      if (!isTooOld(row, settings)) return true
      if (row.checked_at <= before || performance.now() >= until) return unknown
      await sleep(pause, undefined, { ref: false })
    }
  }

  /** Asks, or waits for who asks already. Where nothing came of it, whoever comes next may ask at once. */
  const hearAnew = async (settings: ProviderSettings, row: ProviderSessionRow, by: Actor): Promise<Outcome> => {
    const { id, checked_at } = row
    const at = clock.now()
    const isOver = at >= checked_at + Math.min(settings.recheckEvery, askedAtMost)
    if (!isOver) return awaitOther(settings, id, checked_at - 1)
    const begins = await store.providerSessions.beginCheck({ id, before: checked_at, at })
    if (!begins) return awaitOther(settings, id, checked_at)
    const outcome = await hear(settings, row, by)
    if (outcome === unknown) await store.providerSessions.leaveCheck({ id, before: checked_at, at })
    return outcome
  }

  return {
    async checkSession(id, by) {
      if (!providers.list().some(({ recheckEvery }) => recheckEvery > 0)) return
      const session = await store.sessions.findById(id)
      const row = session?.provider_session == null ? undefined : await sessions.find(session.provider_session)
      const settings = row && providers.find(row.provider)
      if (!row || !settings || settings.recheckEvery === 0) return
      const at = clock.now()
      const mustHear = isTooOld(row, settings)
      if (at < row.checked_at + settings.recheckEvery && !mustHear) return
      if (!(await canBeAsked(providers, settings))) return
      const begins = mustHear || (await store.providerSessions.beginCheck({ id: row.id, before: row.checked_at, at }))
      if (!begins) return
      const heard = mustHear ? once(awaited, row.id, () => hearAnew(settings, row, by)) : hear(settings, row, by)
      const outcome = await within(patience, heard)
      // It may say yes, and bring less than before: that ends sessions too.
      const hasEnded = outcome === false || (await store.sessions.findById(id)) === undefined
      if (hasEnded) throw new GatehouseError('invalid_grant', { cause: new Error('the provider says no') })
      if (outcome !== true && mustHear) throw notHeardFor(settings)
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

/** What is under way by that name, begun where nothing is. */
function once<T>(underWay: Map<string, Promise<T>>, name: string, begin: () => Promise<T>): Promise<T> {
  const running = underWay.get(name)
  if (running) return running
  const begun = begin().finally(() => underWay.delete(name))
  underWay.set(name, begun)
  return begun
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
