import * as Type from 'typebox'
import { text } from '../../schema-words.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

/** Google. */
export const googleSchema = presetKind('google', 'Google accounts', {
  ...idAndSecret,
  hosted_domain: Type.Optional(
    text('Only people of this Google Workspace domain, such as example.com; checked in the ID token'),
  ),
})

/**
 * Taken from "OpenID Connect" of Google Identity (Google for Developers). `hd` in the request is a hint alone: who is let in is
 * decided by the claim. Google leaves out `auth_time`, so that nobody can prove anew there.
 */
export function resolveGoogle(section: Type.Static<typeof googleSchema>, context: ProviderContext): ResolvedPreset {
  const { hosted_domain: domain } = section
  return {
    kind: 'oidc',
    title: 'Google',
    settings: oidcSettings(section, context, {
      issuer: 'https://accounts.google.com',
      ...(domain === undefined
        ? {}
        : { authorizationParameters: { hd: domain }, claimRules: [{ claim: 'hd', oneOf: [domain] }] }),
    }),
    mapping: {},
  }
}
