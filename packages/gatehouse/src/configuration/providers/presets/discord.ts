import type * as Type from 'typebox'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oauth2Settings, presetKind, type ResolvedPreset } from './preset.ts'

/** Discord. */
export const discordSchema = presetKind('discord', 'Discord accounts', idAndSecret)

/** Taken from "OAuth2" and "User Resource" (Discord Developer Documentation). `verified` is about the address. */
export function resolveDiscord(section: Type.Static<typeof discordSchema>, context: ProviderContext): ResolvedPreset {
  return {
    kind: 'oauth2',
    title: 'Discord',
    settings: oauth2Settings(section, context, {
      authorizationEndpoint: 'https://discord.com/oauth2/authorize',
      tokenEndpoint: 'https://discord.com/api/oauth2/token',
      userinfo: [{ url: 'https://discord.com/api/users/@me' }],
      subject: 'id',
      scopes: ['identify', 'email'],
    }),
    mapping: {
      username: 'claims.username',
      name: 'claims.global_name',
      email_verified: 'claims.verified',
    },
  }
}
