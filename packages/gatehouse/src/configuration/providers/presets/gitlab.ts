import * as Type from 'typebox'
import { checkUrl } from '../oauth-client.ts'
import { url as urlWord } from '../oauth-words.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

/** GitLab. */
export const gitlabSchema = presetKind('gitlab', 'GitLab accounts, also of a GitLab of one’s own', {
  ...idAndSecret,
  url: Type.Optional(urlWord('A GitLab of one’s own. Left out: gitlab.com')),
})

/** Taken from "GitLab as OpenID Connect identity provider" (GitLab Docs). `nickname` is the user name there. */
export function resolveGitlab(section: Type.Static<typeof gitlabSchema>, context: ProviderContext): ResolvedPreset {
  const issuer = section.url?.replace(/\/$/, '') ?? 'https://gitlab.com'
  if (section.url !== undefined) checkUrl(section.url, ['url'], context)
  return {
    kind: 'oidc',
    title: 'GitLab',
    settings: oidcSettings(section, context, { issuer }),
    mapping: { username: 'claims.nickname' },
  }
}
