import { GatehouseError } from '@gatehouse/core/errors'
import type { OutsideIdentity } from '../federation/provider.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { domainOf } from '../federation/realms.ts'
import { noteProviderFailure } from './note-provider-failure.ts'
import type { ProviderProofDependencies } from './prove-by-provider.ts'

export interface OutsidePasswordDependencies
  extends Pick<ProviderProofDependencies, 'store' | 'clock' | 'federation' | 'onSignIn'> {}

/** Somebody whose name and password a provider has accepted. */
export interface OutsideUser {
  readonly settings: ProviderSettings
  readonly identity: OutsideIdentity
}

interface TypedPassword {
  readonly username: string
  readonly password: string
  readonly address: string
  readonly requestId: string
}

type NameAndPassword = Pick<TypedPassword, 'username' | 'password'>

/** Somebody at a provider; `subject` is undefined where it does not say who. */
export interface TriedOutside {
  readonly provider: string
  readonly subject: string | undefined
}

/** What the providers say to a name and a password. */
export interface Heard {
  readonly accepted?: OutsideUser
  /** Whom the name leads to there, one for each that was asked. */
  readonly tried: readonly TriedOutside[]
  /**
   * Whether one of them has refused it, or has heard it and may have: a wrong password could have brought its failure about.
   * Threat: a provider that fails for every wrong one, asked without end.
   */
  readonly mayBeWrong: boolean
  /** Whether one that might have accepted it has said neither yes nor no. */
  readonly isAway: boolean
}

/**
 * Asks the providers that check passwords, one after the other, until one accepts. Where one has the domain of the typed
 * address no other hears the password. One that fails is noted and passed over. Cost: nothing where there are none.
 */
export async function askProviders(
  dependencies: OutsidePasswordDependencies,
  { username, password, address, requestId }: TypedPassword,
): Promise<Heard> {
  const { providers, askingTimes } = dependencies.federation
  const asked = candidates(dependencies, { username, password })
  let mayBeWrong = false
  let isAway = false
  const tried: TriedOutside[] = []
  if (asked.length === 0) return { mayBeWrong, isAway, tried }
  for (const settings of asked) {
    const startedAt = performance.now()
    try {
      const answer = await providers.check(settings, { username, password, address })
      const provider = settings.name
      if (answer && 'subject' in answer) {
        tried.push({ provider, subject: answer.subject })
        return { accepted: { settings, identity: withName(answer, username) }, mayBeWrong, isAway, tried }
      }
      tried.push({ provider, subject: answer?.wrongFor })
      mayBeWrong = true
      askingTimes.note(settings.name, performance.now() - startedAt)
    } catch (error) {
      const milliseconds = performance.now() - startedAt
      const { reason, stage } = await noteProviderFailure(
        dependencies,
        settings.name,
        { address, request_id: requestId },
        error,
      )
      tried.push({ provider: settings.name, subject: undefined })
      // How long one was silent, or was not asked, says nothing of how long it takes to refuse.
      if (stage === 'answered' || stage === 'beside') askingTimes.note(settings.name, milliseconds)
      mayBeWrong ||= reason === 'refused' || stage === 'unanswered' || stage === 'answered'
      isAway ||= reason !== 'refused'
    }
  }
  return { mayBeWrong, isAway, tried }
}

/** Whom {@link askProviders} would have tried, as far as one knows without asking. */
export const triedAsIfAsked = (
  dependencies: OutsidePasswordDependencies,
  typed: NameAndPassword,
): readonly TriedOutside[] =>
  candidates(dependencies, typed).map(({ name: provider }) => ({ provider, subject: undefined }))

/**
 * Takes the time of {@link askProviders} and asks nobody: for whoever is refused without it. None for a provider that is left
 * alone, which costs none of it there either. Threat: names that have a password here, told from the others by the time of a
 * wrong one.
 */
export async function waitAsIfAsked(dependencies: OutsidePasswordDependencies, typed: NameAndPassword): Promise<void> {
  const { providers, askingTimes } = dependencies.federation
  const names = candidates(dependencies, typed).map(({ name }) => name)
  await askingTimes.waitLike(names.filter((name) => providers.isAsked(name)))
}

/** Who is told of without a name goes by what they have typed: it has just been accepted as theirs. */
function withName(identity: OutsideIdentity, typed: string): OutsideIdentity {
  const { claims } = identity
  const isNamed = nameClaims.some((name) => claims[name] !== undefined)
  return isNamed ? identity : { ...identity, claims: { ...claims, preferred_username: typed.trim() } }
}

const nameClaims = ['preferred_username', 'uid', 'sAMAccountName', 'username']

/** Whether a provider that nobody has asked about this password would probably have been away for it too. */
export const areProvidersAway = (dependencies: OutsidePasswordDependencies, typed: NameAndPassword): boolean =>
  candidates(dependencies, typed).some(({ name }) => dependencies.federation.providers.isFailing(name))

/** Seconds after which to try again: by then a provider that is left alone is asked anew. */
const tryAgainAfter = 30

/** In the place of a wrong password where a provider that might have known it does not answer, to everybody alike. */
export const providersAway = (): GatehouseError =>
  new GatehouseError('temporarily_unavailable', {
    cause: new Error('a provider of passwords does not answer'),
    retryAfter: tryAgainAfter,
  })

function candidates(
  { federation }: OutsidePasswordDependencies,
  { username, password }: NameAndPassword,
): readonly ProviderSettings[] {
  // Nobody's password: some directories would take it for a sign-in without one.
  if (password === '') return []
  const checking = federation.providers.list().filter(({ doors }) => doors.check)
  const domain = checking.length === 0 ? undefined : domainOf(username)
  const theirs = domain === undefined ? [] : checking.filter(({ domains }) => domains.includes(domain))
  return theirs.length > 0 ? theirs : checking.filter(({ domains }) => domains.length === 0)
}
