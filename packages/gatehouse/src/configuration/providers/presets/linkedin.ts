import type * as Type from 'typebox'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oauth2Settings, presetKind, type ResolvedPreset } from './preset.ts'

/** LinkedIn. */
export const linkedinSchema = presetKind('linkedin', 'LinkedIn accounts', idAndSecret)

/**
 * Taken from "Sign In with LinkedIn using OpenID Connect" (Microsoft Learn). Its ID tokens carry no nonce, and could be replayed:
 * they are left alone, and its userinfo endpoint is asked, as with plain OAuth 2.
 */
export function resolveLinkedin(section: Type.Static<typeof linkedinSchema>, context: ProviderContext): ResolvedPreset {
  return {
    kind: 'oauth2',
    title: 'LinkedIn',
    settings: oauth2Settings(section, context, {
      authorizationEndpoint: 'https://www.linkedin.com/oauth/v2/authorization',
      tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
      userinfo: [{ url: 'https://api.linkedin.com/v2/userinfo' }],
      subject: 'sub',
      scopes: ['openid', 'profile', 'email'],
    }),
    // An object of country and language.
    mapping: { locale: 'claims.locale.language' },
  }
}
