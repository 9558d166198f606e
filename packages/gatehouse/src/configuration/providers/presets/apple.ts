import type { ClientAuthentication } from '@gatehouse/auth/federation/oauth-client-authentication'
import type * as Type from 'typebox'
import { path, text } from '../../schema-words.ts'
import { readPrivateKey } from '../oauth-client.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

const issuer = 'https://appleid.apple.com'

/** Apple. */
export const appleSchema = presetKind('apple', 'Apple accounts', {
  client_id: text('The identifier of the Services ID, such as com.example.web'),
  team_id: text('The id of the team: ten characters'),
  key_id: text('The id of the key for Sign in with Apple: ten characters'),
  key_file: path('That key, as it was downloaded: AuthKey_….p8'),
})

/**
 * Taken from "Generate and validate tokens", "Creating a client secret" and "Request an authorization to the Sign in with Apple
 * server" (Apple Developer Documentation). A name is sent once, at the first sign-in, and as a form only. `email_verified` is a
 * boolean or a text. There is no userinfo endpoint.
 */
export function resolveApple(section: Type.Static<typeof appleSchema>, context: ProviderContext): ResolvedPreset {
  return {
    kind: 'oidc',
    title: 'Apple',
    settings: oidcSettings(section, context, {
      issuer,
      authentication: resolveKey(section, context),
      scopes: section.request_scopes ?? ['openid', 'email', 'name'],
      responseMode: 'form_post',
      nameInForm: true,
    }),
    mapping: {},
  }
}

function resolveKey(
  { key_file, key_id, team_id }: Type.Static<typeof appleSchema>,
  { report }: ProviderContext,
): ClientAuthentication {
  const key = readPrivateKey(key_file, ['key_file'], report)
  if (!key) return { method: 'none' }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    report(['key_file'], 'expected the key that Apple gave: EC, P-256')
  return { method: 'signed_secret', key, keyId: key_id, teamId: team_id, audience: issuer }
}
