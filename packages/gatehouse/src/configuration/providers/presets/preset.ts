import type { ClientAuthentication } from '@gatehouse/auth/federation/oauth-client-authentication'
import type { OAuth2Settings } from '@gatehouse/auth/federation/oauth2-settings'
import type { OidcSettings } from '@gatehouse/auth/federation/oidc-settings'
import * as Type from 'typebox'
import { text } from '../../schema-words.ts'
import { resolveParameters } from '../oauth-client.ts'
import { requestKeys } from '../oauth-words.ts'
import { type ProviderContext, providerKind } from '../provider-kind.ts'

/** What is taken over from a provider in another way than from most: CEL expressions over `claims`. */
export interface PresetMapping {
  readonly username?: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: string
  readonly locale?: string
}

/** A provider that many know, as one of the kinds that there are. */
export type ResolvedPreset = (
  | { readonly kind: 'oidc'; readonly settings: OidcSettings }
  | { readonly kind: 'oauth2'; readonly settings: OAuth2Settings }
) & {
  /** How people know it. */
  readonly title: string
  readonly mapping: PresetMapping
}

/** Id and secret, which most presets need and nothing else. */
export const idAndSecret = {
  client_id: text('The id that the provider gave to Gatehouse'),
  client_secret: text('The secret that goes with it; take it from the environment'),
} as const

/** The schema of a preset: its own keys, and those about what is asked for. */
export const presetKind = <Kind extends string, Own extends Type.TProperties>(
  kind: Kind,
  description: string,
  own: Own,
) => providerKind(kind, description, { ...own, ...requestKeys })

interface PresetSection {
  readonly client_id: string
  readonly request_scopes?: readonly string[]
  readonly authorization_parameters?: Readonly<Record<string, string>>
  readonly keep_tokens?: boolean
}

/** The settings of an OpenID provider of which only little has to be said. */
export const oidcSettings = (
  section: PresetSection & { readonly client_secret?: string },
  context: ProviderContext,
  own: Pick<OidcSettings, 'issuer'> & Partial<OidcSettings>,
): OidcSettings => ({
  clientId: section.client_id,
  authentication: byPost(section.client_secret),
  scopes: section.request_scopes ?? ['openid', 'email', 'profile'],
  responseMode: 'query',
  userinfo: true,
  subjectClaims: ['sub'],
  claimRules: [],
  nameInForm: false,
  keepTokens: section.keep_tokens ?? false,
  ...own,
  authorizationParameters: {
    ...own.authorizationParameters,
    ...resolveParameters(section.authorization_parameters, context),
  },
})

/** The settings of a plain OAuth 2 provider of which only little has to be said. */
export const oauth2Settings = (
  section: PresetSection & { readonly client_secret?: string },
  context: ProviderContext,
  own: Pick<OAuth2Settings, 'authorizationEndpoint' | 'tokenEndpoint' | 'userinfo' | 'subject' | 'scopes'>,
): OAuth2Settings => ({
  clientId: section.client_id,
  authentication: byPost(section.client_secret),
  authorizationParameters: resolveParameters(section.authorization_parameters, context),
  pkce: true,
  tokenAnswer: 'json',
  passwordGrant: false,
  keepTokens: section.keep_tokens ?? false,
  ...own,
  scopes: section.request_scopes ?? own.scopes,
})

/** In the form, which all of them take; some take nothing else. */
const byPost = (secret: string | undefined): ClientAuthentication =>
  secret === undefined ? { method: 'none' } : { method: 'client_secret_post', secret }

/** A host name of a product, as it is written in the file. */
export const host = (description: string, expected: string) =>
  Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\\d{1,5})?$', description, expected })
