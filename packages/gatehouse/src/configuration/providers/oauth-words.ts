import { oneOf } from '@gatehouse/auth/domain/client-metadata'
import * as Type from 'typebox'
import { flag, path, scopes, text } from '../schema-words.ts'

/** An address that is asked, or that browsers are sent to. */
export const url = (description: string) => text(description, { expected: 'an https URL' })

/** How Gatehouse proves at the provider that it is the client. */
export const clientKeys = {
  client_id: text('The id that the provider gave to Gatehouse'),
  client_secret: Type.Optional(text('The secret that goes with it; take it from the environment: `${CORP_SECRET}`')),
  auth_method: Type.Optional(
    oneOf(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'], {
      description: 'How Gatehouse proves itself there. Left out: by its key, or by its secret where it has no key',
    }),
  ),
  private_key_file: Type.Optional(
    path('A private key, PEM, that Gatehouse proves itself with; its public half is at /federation/NAME/metadata'),
  ),
  private_key_alg: Type.Optional(
    oneOf(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'], {
      description: 'What it signs with. Left out: what the key is made for; RS256 for an RSA key',
    }),
  ),
  client_assertion_audience: Type.Optional(
    oneOf(['issuer', 'token_endpoint'], {
      default: 'issuer',
      description: 'Whom such a proof is for. Some providers take their token endpoint alone',
    }),
  ),
} as const

/** What is asked for. */
export const requestKeys = {
  request_scopes: Type.Optional(scopes('Scopes that are asked for')),
  authorization_parameters: Type.Optional(
    Type.Record(Type.String({ pattern: '^[\\w.-]{1,100}$' }), Type.String({ expected: 'a text' }), {
      description: 'Further parameters of the address that people are sent to, such as `{ hd: example.com }`',
      expected: 'parameters and their values, such as { hd: example.com }',
    }),
  ),
  token_scope: Type.Optional(
    text('The scope that an access token needs to be handed the provider’s own token at /federation/{name}/token', {
      expected: 'a scope such as calendar:read',
    }),
  ),
  keep_tokens: Type.Optional(
    flag(
      'Whether the tokens for its own services are kept, encrypted. Only then can it be asked later whether somebody may still sign in',
      false,
    ),
  ),
} as const
