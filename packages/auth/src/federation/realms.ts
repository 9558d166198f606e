import { parseEmail } from '../domain/email-addresses.ts'
import type { ProviderSettings } from './provider-settings.ts'

/** What is known of where somebody signs in. */
export interface RealmHints {
  /** The name of a provider, said by the app. */
  readonly provider?: string | undefined
  /** What they have said who they are, or an app has. */
  readonly name?: string | undefined
  /** An organisation, said by the app: its slug. */
  readonly organisation?: string | undefined
}

/**
 * Where somebody signs in: the provider that an app names, else the one of their organisation, else the one that has the
 * domain of their address. The domain is compared as a whole and as mail would go there. Threat: an address such as
 * `a@evil@corp.com`, which is none and leads nowhere.
 */
export function findRealm(
  providers: readonly ProviderSettings[],
  { provider, name, organisation }: RealmHints,
): ProviderSettings | undefined {
  if (provider !== undefined) {
    const named = providers.find((one) => one.name === provider)
    if (named) return named
  }
  if (organisation !== undefined) {
    const theirs = providers.find((one) => one.organisations.includes(organisation))
    if (theirs) return theirs
  }
  const domain = name === undefined ? undefined : domainOf(name)
  return domain === undefined ? undefined : providers.find((one) => one.domains.includes(domain))
}

/** The domain of an address as DNS has it; undefined for what is no address. */
export function domainOf(name: string): string | undefined {
  const canonical = parseEmail(name)?.canonical
  return canonical?.slice(canonical.lastIndexOf('@') + 1)
}
