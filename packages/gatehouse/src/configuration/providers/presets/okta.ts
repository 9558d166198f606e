import * as Type from 'typebox'
import { text } from '../../schema-words.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { host, idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

/** Okta. */
export const oktaSchema = presetKind('okta', 'An organisation at Okta', {
  ...idAndSecret,
  domain: host('The organisation’s domain', 'a domain such as example.okta.com'),
  authorization_server: Type.Optional(
    text('An authorization server of its own, such as `default`. Left out: that of the organisation'),
  ),
})

/** Taken from "OpenID Connect & OAuth 2.0 API" (Okta Developer). */
export function resolveOkta(section: Type.Static<typeof oktaSchema>, context: ProviderContext): ResolvedPreset {
  const { domain, authorization_server: server } = section
  const below = server === undefined ? '' : `/oauth2/${encodeURIComponent(server)}`
  return {
    kind: 'oidc',
    title: 'Okta',
    settings: oidcSettings(section, context, { issuer: `https://${domain}${below}` }),
    mapping: {},
  }
}
