import type { Seconds } from '@gatehouse/core/brand'
import type { KindSettings } from './kinds.ts'
import type { Mapping } from './mapping.ts'

/** A kind with its settings. */
export type KindDefinition = {
  readonly [Kind in keyof KindSettings]: { readonly kind: Kind; readonly settings: KindSettings[Kind] }
}[keyof KindSettings]

/** A provider as it is configured. */
export interface ProviderSettings {
  /** Under which it is configured: part of addresses, and of what is kept of its people. */
  readonly name: string
  /** How people know it. */
  readonly title: string
  /** Whether the sign-in page has a button for it. */
  readonly hasButton: boolean
  /** Domains of e-mail addresses whose people sign in there. */
  readonly domains: readonly string[]
  /** Slugs of organisations whose people sign in there. */
  readonly organisations: readonly string[]
  /** Whether who comes for the first time gets an account, and what that may be granted. */
  readonly createsAccounts: boolean
  readonly scopes: readonly string[]
  /** Whether an address that it calls verified, at one of `domains` where there are any, leads to the account that has it. */
  readonly trustsEmail: boolean
  /** Whether its word counts that somebody has shown a second factor there. */
  readonly trustsSecondFactor: boolean
  readonly mapping: Mapping
  /** Seconds between two looks whether somebody may still sign in; 0 = never. */
  readonly recheckEvery: Seconds
  /** Seconds for which people go on by its word while it cannot be asked. */
  readonly recheckWithin: Seconds
  /** Whether signing out here leads to signing out there. */
  readonly singleLogout: boolean
  /** Whether it may be at an address of a private network. */
  readonly isPrivate: boolean
  /** The scope that an access token needs to be handed the provider's own tokens; undefined = nobody is. */
  readonly tokenScope: string | undefined
  /** Whether it is asked once only: what it accepts becomes the password here. */
  readonly isShadow: boolean
  /** Whether people are sent there, and whether names and passwords that are typed here are checked there. */
  readonly doors: { readonly redirect: boolean; readonly check: boolean }
  readonly definition: KindDefinition
}
