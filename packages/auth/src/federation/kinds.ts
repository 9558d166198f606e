import type { LdapSettings } from './ldap-settings.ts'
import type { ModuleSettings } from './module.ts'
import type { OAuth2Settings } from './oauth2-settings.ts'
import type { OidcSettings } from './oidc-settings.ts'
import type { Provider, ProviderParts } from './provider.ts'
import type { SamlSettings } from './saml-settings.ts'
import type { WebhookProviderSettings } from './webhook.ts'

/** The settings of a provider, by its kind. Each kind's file says what its own are. */
export interface KindSettings {
  readonly ldap: LdapSettings
  readonly module: ModuleSettings
  readonly oauth2: OAuth2Settings
  readonly oidc: OidcSettings
  readonly saml: SamlSettings
  readonly webhook: WebhookProviderSettings
}

/** Opens a provider; where what it can do has to be found out first, that takes a moment, and may fail as its doors do. */
export type OpenProvider<Settings> = (parts: ProviderParts, settings: Settings) => Provider | Promise<Provider>

/** Every kind: loaded when a provider of it is first used, so that nobody pays for one that they do not have. */
export const kinds: {
  readonly [Kind in keyof KindSettings]: () => Promise<OpenProvider<KindSettings[Kind]>>
} = {
  ldap: async () => (await import('./ldap.ts')).createLdapProvider,
  module: async () => (await import('./module.ts')).openModuleProvider,
  oauth2: async () => (await import('./oauth2.ts')).createOAuth2Provider,
  oidc: async () => (await import('./oidc.ts')).createOidcProvider,
  saml: async () => (await import('./saml.ts')).createSamlProvider,
  webhook: async () => (await import('./webhook.ts')).createWebhookProvider,
}
