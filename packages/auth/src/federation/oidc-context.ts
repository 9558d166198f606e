import type { createDiscovery } from './oidc-discovery.ts'
import type { OidcSettings } from './oidc-settings.ts'
import type { ProviderParts } from './provider.ts'

/** What each door of an OpenID provider works with. */
export interface OidcContext {
  readonly parts: ProviderParts
  readonly settings: OidcSettings
  readonly discovery: ReturnType<typeof createDiscovery>
}
