import * as Type from 'typebox'
import { checkUrl } from '../oauth-client.ts'
import { url as urlWord } from '../oauth-words.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oauth2Settings, presetKind, type ResolvedPreset } from './preset.ts'

/** GitHub. */
export const githubSchema = presetKind('github', 'GitHub accounts, also of a GitHub Enterprise Server', {
  ...idAndSecret,
  url: Type.Optional(urlWord('A GitHub Enterprise Server of one’s own. Left out: github.com')),
})

/**
 * Taken from "Authorizing OAuth apps", and of the REST API "Get the authenticated user" and "List email addresses for the
 * authenticated user" (GitHub Docs). The address in /user is the public one, which nobody has verified; the one that counts is
 * the primary one among those of /user/emails, if it is verified.
 */
export function resolveGithub(section: Type.Static<typeof githubSchema>, context: ProviderContext): ResolvedPreset {
  if (section.url !== undefined) checkUrl(section.url, ['url'], context)
  const site = (section.url ?? 'https://github.com').replace(/\/$/, '')
  const api = section.url === undefined ? 'https://api.github.com' : `${site}/api/v3`
  return {
    kind: 'oauth2',
    title: 'GitHub',
    settings: oauth2Settings(section, context, {
      authorizationEndpoint: `${site}/login/oauth/authorize`,
      tokenEndpoint: `${site}/login/oauth/access_token`,
      userinfo: [{ url: `${api}/user` }, { url: `${api}/user/emails`, into: 'emails' }],
      subject: 'id',
      scopes: ['read:user', 'user:email'],
    }),
    mapping: {
      username: 'claims.login',
      email: 'claims.emails.filter(e, e.primary && e.verified)[0].email',
      email_verified: 'claims.emails.exists(e, e.primary && e.verified)',
    },
  }
}
