import { GatehouseError } from '@gatehouse/core/errors'
import type { OutsideIdentity } from '../federation/provider.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
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

/**
 * Asks the providers that check passwords, one after the other, until one accepts. Where one has the domain of the typed
 * address no other hears the password. One that fails is noted and passed over. Cost: nothing where there are none.
 */
export async function askProviders(
  dependencies: OutsidePasswordDependencies,
  { username, password, address, requestId }: TypedPassword,
): Promise<OutsideUser | undefined> {
  if (password === '') return undefined
  const { providers, askingTimes } = dependencies.federation
  const asked = candidates(dependencies, username)
  if (asked.length === 0) return undefined
  const startedAt = performance.now()
  for (const settings of asked) {
    try {
      const identity = await providers.hear(settings, async ({ check }) => {
        if (check) return check({ username, password, address })
        throw new ProviderFailure('misconfigured', 'it checks no passwords')
      })
      if (identity) return { settings, identity: withName(identity, username) }
    } catch (error) {
      await noteProviderFailure(dependencies, settings.name, { address, request_id: requestId }, error)
    }
  }
  askingTimes.note(namesOf(asked), performance.now() - startedAt)
  return undefined
}

/**
 * Takes the time of {@link askProviders} and asks nobody: for whoever is refused without it. Threat: names that have a password
 * here, told from the others by the time of a wrong one.
 */
export async function waitAsIfAsked(
  dependencies: OutsidePasswordDependencies,
  { username, password }: Pick<TypedPassword, 'username' | 'password'>,
): Promise<void> {
  const asked = password === '' ? [] : candidates(dependencies, username)
  if (asked.length > 0) await dependencies.federation.askingTimes.waitLike(namesOf(asked))
}

const namesOf = (providers: readonly ProviderSettings[]): readonly string[] => providers.map(({ name }) => name)

/** Who is told of without a name goes by what they have typed: it has just been accepted as theirs. */
function withName(identity: OutsideIdentity, typed: string): OutsideIdentity {
  const { claims } = identity
  const isNamed = nameClaims.some((name) => claims[name] !== undefined)
  return isNamed ? identity : { ...identity, claims: { ...claims, preferred_username: typed.trim() } }
}

const nameClaims = ['preferred_username', 'uid', 'sAMAccountName', 'username']

/**
 * Where a provider that might have known the password does not answer, that is said in the place of a wrong password, to
 * everybody alike. Error: `temporarily_unavailable`.
 */
export function checkProvidersAnswer(
  dependencies: OutsidePasswordDependencies,
  { username }: Pick<TypedPassword, 'username'>,
): void {
  const { providers } = dependencies.federation
  if (candidates(dependencies, username).every(({ name }) => providers.isAvailable(name))) return
  throw new GatehouseError('temporarily_unavailable', { cause: new Error('a provider of passwords does not answer') })
}

function candidates({ federation }: OutsidePasswordDependencies, username: string): readonly ProviderSettings[] {
  const checking = federation.providers.list().filter(({ doors }) => doors.check)
  const domain = checking.length === 0 ? undefined : domainOf(username)
  const theirs = domain === undefined ? [] : checking.filter(({ domains }) => domains.includes(domain))
  return theirs.length > 0 ? theirs : checking.filter(({ domains }) => domains.length === 0)
}
