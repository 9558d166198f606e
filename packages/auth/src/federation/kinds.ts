import type { LdapSettings } from './ldap-settings.ts'
import type { Provider, ProviderParts } from './provider.ts'
import type { WebhookProviderSettings } from './webhook.ts'

/** The settings of a provider, by its kind. Each kind's file says what its own are. */
export interface KindSettings {
  readonly ldap: LdapSettings
  readonly webhook: WebhookProviderSettings
}

/** Every kind: loaded when a provider of it is first used, so that nobody pays for one that they do not have. */
export const kinds: {
  readonly [Kind in keyof KindSettings]: () => Promise<(parts: ProviderParts, settings: KindSettings[Kind]) => Provider>
} = {
  ldap: async () => (await import('./ldap.ts')).createLdapProvider,
  webhook: async () => (await import('./webhook.ts')).createWebhookProvider,
}
