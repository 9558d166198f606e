import type * as Type from 'typebox'
import type { ProviderContext } from '../provider-kind.ts'
import { host, idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

/** Auth0. */
export const auth0Schema = presetKind('auth0', 'A tenant at Auth0', {
  ...idAndSecret,
  domain: host('The tenant’s domain', 'a domain such as example.eu.auth0.com'),
})

/** Taken from "OpenID Connect Protocol" and "User profile claims" (Auth0 Docs). Its issuers end with a slash. */
export function resolveAuth0(section: Type.Static<typeof auth0Schema>, context: ProviderContext): ResolvedPreset {
  return {
    kind: 'oidc',
    title: 'Auth0',
    settings: oidcSettings(section, context, { issuer: `https://${section.domain}/` }),
    mapping: { username: 'claims.nickname' },
  }
}
