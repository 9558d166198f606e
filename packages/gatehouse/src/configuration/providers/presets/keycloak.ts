import type * as Type from 'typebox'
import { text } from '../../schema-words.ts'
import { checkUrl } from '../oauth-client.ts'
import { url as urlWord } from '../oauth-words.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

/** Keycloak. */
export const keycloakSchema = presetKind('keycloak', 'A realm of a Keycloak', {
  ...idAndSecret,
  url: urlWord('Where Keycloak is, without the realm'),
  realm: text('The realm'),
})

/** Taken from "Securing applications and services with OpenID Connect" (Keycloak guides). */
export function resolveKeycloak(section: Type.Static<typeof keycloakSchema>, context: ProviderContext): ResolvedPreset {
  checkUrl(section.url, ['url'], context)
  const issuer = `${section.url.replace(/\/$/, '')}/realms/${encodeURIComponent(section.realm)}`
  return {
    kind: 'oidc',
    title: 'Keycloak',
    settings: oidcSettings(section, context, { issuer }),
    mapping: {},
  }
}
