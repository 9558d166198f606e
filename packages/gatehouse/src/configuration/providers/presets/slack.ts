import * as Type from 'typebox'
import { text } from '../../schema-words.ts'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

const teamClaim = 'https://slack.com/team_id'

/** Slack. */
export const slackSchema = presetKind('slack', 'Slack accounts', {
  ...idAndSecret,
  team: Type.Optional(text('Only people of this workspace, by its id, such as T0123ABCD; checked in the ID token')),
})

/** Taken from "Sign in with Slack" (Slack Developer Docs). An id of a user is unique beside the one of the workspace alone. */
export function resolveSlack(section: Type.Static<typeof slackSchema>, context: ProviderContext): ResolvedPreset {
  const { team } = section
  return {
    kind: 'oidc',
    title: 'Slack',
    settings: oidcSettings(section, context, {
      issuer: 'https://slack.com',
      subjectClaims: [teamClaim, 'https://slack.com/user_id'],
      ...(team === undefined
        ? {}
        : { authorizationParameters: { team }, claimRules: [{ claim: teamClaim, oneOf: [team] }] }),
    }),
    mapping: {},
  }
}
