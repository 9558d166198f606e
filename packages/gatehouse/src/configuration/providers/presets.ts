import type * as Type from 'typebox'
import { appleSchema, resolveApple } from './presets/apple.ts'
import { auth0Schema, resolveAuth0 } from './presets/auth0.ts'
import { discordSchema, resolveDiscord } from './presets/discord.ts'
import { facebookSchema, resolveFacebook } from './presets/facebook.ts'
import { githubSchema, resolveGithub } from './presets/github.ts'
import { gitlabSchema, resolveGitlab } from './presets/gitlab.ts'
import { googleSchema, resolveGoogle } from './presets/google.ts'
import { keycloakSchema, resolveKeycloak } from './presets/keycloak.ts'
import { linkedinSchema, resolveLinkedin } from './presets/linkedin.ts'
import { microsoftSchema, resolveMicrosoft } from './presets/microsoft.ts'
import { oktaSchema, resolveOkta } from './presets/okta.ts'
import type { ResolvedPreset } from './presets/preset.ts'
import { resolveSlack, slackSchema } from './presets/slack.ts'
import type { ProviderContext } from './provider-kind.ts'

export type { PresetMapping, ResolvedPreset } from './presets/preset.ts'

/** The schemas of all presets, for the union of kinds. */
export const presetSchemas = [
  appleSchema,
  auth0Schema,
  discordSchema,
  facebookSchema,
  githubSchema,
  gitlabSchema,
  googleSchema,
  keycloakSchema,
  linkedinSchema,
  microsoftSchema,
  oktaSchema,
  slackSchema,
] as const

/** The keys of a preset, as they were read. */
export type PresetSection = Type.Static<(typeof presetSchemas)[number]>

const resolvers: {
  readonly [Kind in PresetSection['kind']]: (
    section: Extract<PresetSection, { readonly kind: Kind }>,
    context: ProviderContext,
  ) => ResolvedPreset
} = {
  apple: resolveApple,
  auth0: resolveAuth0,
  discord: resolveDiscord,
  facebook: resolveFacebook,
  github: resolveGithub,
  gitlab: resolveGitlab,
  google: resolveGoogle,
  keycloak: resolveKeycloak,
  linkedin: resolveLinkedin,
  microsoft: resolveMicrosoft,
  okta: resolveOkta,
  slack: resolveSlack,
}

/** Whether a section is one of a preset. */
export const isPreset = (section: { readonly kind: string }): section is PresetSection =>
  Object.hasOwn(resolvers, section.kind)

/** What a preset stands for: settings of a kind, what people know it by, and what is taken over from it. */
export function resolvePreset(section: PresetSection, context: ProviderContext): ResolvedPreset {
  // The table has, for each kind, what takes its sections; the compiler does not follow that through an index.
  const resolve = resolvers[section.kind] as (section: PresetSection, context: ProviderContext) => ResolvedPreset
  return resolve(section, context)
}
