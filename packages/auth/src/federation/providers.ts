import type { Clock } from '@gatehouse/core/time'
import type { KeepingOutbound, Outbound } from '../outbound/outbound.ts'
import { type Breaker, createBreaker } from './breaker.ts'
import { type KindSettings, kinds } from './kinds.ts'
import type { Credentials, OutsideIdentity, Provider, ProviderParts, WrongPassword } from './provider.ts'
import { BroughtFailure, ProviderFailure } from './provider-failure.ts'
import type { KindDefinition, ProviderSettings } from './provider-settings.ts'

/** The outside providers that are configured. */
export interface Providers {
  /** In the order of the configuration. */
  list(): readonly ProviderSettings[]
  find(name: string): ProviderSettings | undefined
  /** Whether it has answered lately, or has not been asked. */
  isAvailable(name: string): boolean
  /** Whether it would be asked at this moment, and is not left alone. */
  isAsked(name: string): boolean
  /** Whether somebody got no answer since it last gave one, in the last five minutes. */
  isFailing(name: string): boolean
  /**
   * Asks a provider something, which is opened at its first use. Error: ProviderFailure, at once where it has not answered
   * lately, and after ten seconds at the latest.
   */
  use<T>(settings: ProviderSettings, ask: (provider: Provider) => Promise<T>): Promise<T>
  /** As `use`, for what the provider itself has answered once it is done: `use` may do with what is remembered of it. */
  hear<T>(settings: ProviderSettings, ask: (provider: Provider) => Promise<T>): Promise<T>
  /**
   * As `hear`, for a name and a password; undefined, or whose it is not = refused. A provider that answers nonsense, or that it is out of order, is
   * asked on: what somebody typed may have brought that about. One that turns everybody away is left alone.
   */
  check(settings: ProviderSettings, typed: Credentials): Promise<OutsideIdentity | WrongPassword | undefined>
  /**
   * As `use`, also where it has not answered lately: for what can be judged by what is known of it. Whether that worked says
   * nothing of whether it answers.
   */
  consult<T>(settings: ProviderSettings, ask: (provider: Provider) => Promise<T>): Promise<T>
  /** Takes other settings, for what is asked from now on. */
  replace(settings: readonly ProviderSettings[]): void
  close(): void
}

interface Dependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly outbound: Pick<Outbound, 'keeping'>
}

/** Milliseconds that a provider may take for anything; its own limits are below that. */
const timeLimit = 10_000
/** Milliseconds for which what was asked of a provider that is no longer configured goes on. */
const closingTime = 15_000

interface Open {
  readonly settings: ProviderSettings
  readonly breaker: Breaker
  provider: Promise<Provider> | undefined
  /** The way to this provider alone. */
  readonly way: KeepingOutbound
}

const openKind = async <Kind extends keyof KindSettings>(
  kind: Kind,
  parts: ProviderParts,
  settings: KindSettings[Kind],
): Promise<Provider> => (await kinds[kind]())(parts, settings)

/** A definition's settings are those of its kind: only the compiler cannot follow that. */
const openDefinition = ({ kind, settings }: KindDefinition, parts: ProviderParts): Promise<Provider> =>
  openKind(kind, parts, settings as never)

/** Builds the registry of providers; whoever builds it closes it. */
export function createProviders(
  { issuer, clock, outbound }: Dependencies,
  configured: readonly ProviderSettings[],
): Providers {
  const openAll = (all: readonly ProviderSettings[]): ReadonlyMap<string, Open> =>
    new Map(
      all.map((settings) => {
        const open: Open = { settings, breaker: createBreaker(), provider: undefined, way: outbound.keeping() }
        return [settings.name, open]
      }),
    )
  let current = openAll(configured)

  const partsOf = ({ settings: { name, isPrivate }, way }: Open): ProviderParts => ({
    name,
    issuer,
    clock,
    outbound: isPrivate ? { fetch: (url, request) => way.fetch(url, { ...request, allowsPrivate: true }) } : way,
  })
  const closeAll = (all: ReadonlyMap<string, Open>): void => {
    for (const { provider, way } of all.values()) {
      provider?.then((opened) => opened.close()).catch(() => {})
      way.close()
    }
  }

  const find = (settings: ProviderSettings): Open => {
    const open = current.get(settings.name)
    if (!open) throw new ProviderFailure('misconfigured', 'it is not configured any more')
    return open
  }
  const askOpened = async <T>(open: Open, ask: (provider: Provider) => Promise<T>): Promise<T> => {
    open.provider ??= openDefinition(open.settings.definition, partsOf(open)).catch((error: unknown) => {
      // What failed to open is opened anew by who asks next.
      open.provider = undefined
      throw (error instanceof ProviderFailure ? error : unexpected(error)).at('unasked')
    })
    try {
      return await within(timeLimit, open.provider.then(ask))
    } catch (error) {
      throw error instanceof ProviderFailure ? error : unexpected(error)
    }
  }
  const use = async <T>(
    settings: ProviderSettings,
    ask: (provider: Provider) => Promise<T>,
    { succeeded, failed = failedAsAny }: Judging,
  ): Promise<T> => {
    const open = find(settings)
    const { breaker } = open
    if (!breaker.enter()) throw new ProviderFailure('unavailable', 'it has not answered lately').at('unasked')
    try {
      const answer = await askOpened(open, ask)
      succeeded(breaker)
      return answer
    } catch (failure) {
      if (!(failure instanceof ProviderFailure) || failure.reason === 'refused') breaker.left()
      // Threat: so many tries at a time that a provider is left alone which answers each of them.
      else if (failure.stage === 'crowded') breaker.crowded()
      else failed(breaker, failure)
      throw failure
    }
  }

  return {
    list: () => [...current.values()].map(({ settings }) => settings),
    find: (name) => current.get(name)?.settings,
    isAvailable: (name) => current.get(name)?.breaker.isClosed ?? false,
    isAsked: (name) => current.get(name)?.breaker.letsIn ?? false,
    isFailing: (name) => current.get(name)?.breaker.isFailing ?? false,
    use: (settings, ask) => use(settings, ask, { succeeded: (breaker) => breaker.left() }),
    hear: (settings, ask) => use(settings, ask, { succeeded: (breaker) => breaker.answered() }),
    check: (settings, typed) =>
      use(
        settings,
        async ({ check }) => {
          if (check) return check(typed)
          throw new ProviderFailure('misconfigured', 'it checks no passwords').at('unasked')
        },
        { succeeded: (breaker) => breaker.answered(), failed: failedAtPassword },
      ),
    consult: async (settings, ask) => askOpened(find(settings), ask),

    replace(next) {
      const before = current
      current = openAll(next)
      setTimeout(closeAll, closingTime, before).unref()
    },
    close: () => closeAll(current),
  }
}

/** What an answer, and a failure, says of whether a provider answers. */
interface Judging {
  readonly succeeded: (breaker: Breaker) => void
  readonly failed?: (breaker: Breaker, failure: ProviderFailure) => void
}

const failedAsAny = (breaker: Breaker, failure: ProviderFailure): void =>
  saysThatItIsAway(failure) ? breaker.failed() : breaker.left()

/** Threat: an odd name or password that a provider fails for, and by which a stranger would switch it off for everybody. */
const failedAtPassword = (breaker: Breaker, { stage }: ProviderFailure): void =>
  stage === 'unasked' || stage === 'unanswered' ? breaker.failed() : breaker.answered()

/** Only a provider that itself does not answer is left alone: whatever a stranger can send must not bring that about. */
const saysThatItIsAway = (failure: ProviderFailure): boolean =>
  failure.reason === 'unavailable' && !(failure instanceof BroughtFailure)

/** A kind must not fail in a way of its own; where one does, that is its provider's failure and nobody else's. */
const unexpected = (error: unknown): ProviderFailure =>
  new ProviderFailure(
    'unavailable',
    `it failed unexpectedly: ${error instanceof Error ? error.name : 'unknown'}`,
    error,
    'answered',
  )

function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ProviderFailure('unavailable', 'it took too long')), milliseconds)
    timer.unref()
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
