import { oneOf } from '@gatehouse/auth/domain/client-metadata'
import type { OAuth2Settings } from '@gatehouse/auth/federation/oauth2-settings'
import * as Type from 'typebox'
import { flag, strict, text } from '../schema-words.ts'
import { checkUrl, resolveClientAuthentication, resolveParameters } from './oauth-client.ts'
import { clientKeys, requestKeys, url } from './oauth-words.ts'
import { type ProviderContext, providerKind, shadowKey } from './provider-kind.ts'

const userinfoSource = Type.Object(
  {
    url: url('An address that answers JSON to an access token'),
    into: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z]\\w{0,99}$',
        description: 'The claim that the answer becomes. Left out: its members become claims',
        expected: 'the name of a claim',
      }),
    ),
  },
  { ...strict, expected: '{ url, into }' },
)

/** A plain OAuth 2 provider. */
export const oauth2Schema = providerKind(
  'oauth2',
  'A provider of plain OAuth 2 that has no ID tokens: who somebody is there is what its API says',
  {
    ...clientKeys,
    ...requestKeys,
    shadow: shadowKey,
    authorization_endpoint: url('Where people are sent'),
    token_endpoint: url('Where codes become tokens'),
    userinfo_endpoint: Type.Union(
      [url('An address that answers JSON to an access token'), Type.Array(userinfoSource, { minItems: 1 })],
      {
        description: 'Who somebody is: an address, or several, whose answers are put together',
        expected: 'an https URL, or a list of { url, into }',
      },
    ),
    subject: Type.String({
      pattern: '^[\\w-]+(\\.[\\w-]+)*$',
      description:
        'The member of the answer by which the provider knows somebody and that never changes, such as `id` or `data.id`; never a name or an address',
      expected: 'a member such as id or data.id',
    }),
    issuer: Type.Optional(text('What the provider calls itself in its answers (`iss`), if it does')),
    pkce: Type.Optional(flag('Whether a challenge is sent; off where the provider refuses one', true)),
    token_answer: Type.Optional(
      oneOf(['json', 'form'], { default: 'json', description: 'How its token endpoint answers' }),
    ),
    password_grant: Type.Optional(
      flag(
        'Whether names and passwords are checked there, by the password grant: for taking accounts over, and nothing else',
        false,
      ),
    ),
  },
)

/** The keys of a plain OAuth 2 provider, as they were read. */
export type OAuth2Section = Type.Static<typeof oauth2Schema>

/** What a plain OAuth 2 provider is set up with. */
export function resolveOAuth2(section: OAuth2Section, context: ProviderContext): OAuth2Settings {
  const { userinfo_endpoint: sources } = section
  checkUrl(section.authorization_endpoint, ['authorization_endpoint'], context)
  checkUrl(section.token_endpoint, ['token_endpoint'], context)
  if (typeof sources === 'string') checkUrl(sources, ['userinfo_endpoint'], context)
  else {
    for (const [index, source] of sources.entries()) checkUrl(source.url, ['userinfo_endpoint', index, 'url'], context)
  }
  if (/(^|\.)(e-?mail|login|username|user_name|name)$/i.test(section.subject)) {
    context.report(['subject'], 'names and addresses change hands: expected a member that stays, such as id')
  }
  return {
    issuer: section.issuer,
    clientId: section.client_id,
    // Without an issuer there is the token endpoint to name.
    authentication: resolveClientAuthentication(
      { client_assertion_audience: section.issuer === undefined ? 'token_endpoint' : 'issuer', ...section },
      context,
    ),
    authorizationEndpoint: section.authorization_endpoint,
    tokenEndpoint: section.token_endpoint,
    userinfo: typeof sources === 'string' ? [{ url: sources }] : sources,
    subject: section.subject,
    scopes: section.request_scopes ?? [],
    authorizationParameters: resolveParameters(section.authorization_parameters, context),
    pkce: section.pkce ?? true,
    tokenAnswer: section.token_answer ?? 'json',
    passwordGrant: section.password_grant ?? false,
    keepTokens: section.keep_tokens ?? false,
  }
}
