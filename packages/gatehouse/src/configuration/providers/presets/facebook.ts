import type * as Type from 'typebox'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oauth2Settings, presetKind, type ResolvedPreset } from './preset.ts'

/** Facebook. */
export const facebookSchema = presetKind('facebook', 'Facebook accounts', idAndSecret)

/**
 * Taken from "Manually Build a Login Flow" and "User" of the Graph API (Meta for Developers). The id is one for each app. Nothing
 * is said of whether an address is verified, so that it never counts as such.
 */
export function resolveFacebook(section: Type.Static<typeof facebookSchema>, context: ProviderContext): ResolvedPreset {
  return {
    kind: 'oauth2',
    title: 'Facebook',
    settings: oauth2Settings(section, context, {
      authorizationEndpoint: 'https://www.facebook.com/v21.0/dialog/oauth',
      tokenEndpoint: 'https://graph.facebook.com/v21.0/oauth/access_token',
      userinfo: [{ url: 'https://graph.facebook.com/v21.0/me?fields=id,name,email' }],
      subject: 'id',
      scopes: ['email', 'public_profile'],
    }),
    mapping: { email_verified: 'false' },
  }
}
