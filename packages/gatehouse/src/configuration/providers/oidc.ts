import { oneOf } from '@gatehouse/auth/domain/client-metadata'
import { encryptionAlgsOf } from '@gatehouse/auth/federation/oauth-keys'
import { goodAlgs, type OidcSettings } from '@gatehouse/auth/federation/oidc-settings'
import * as Type from 'typebox'
import { flag, path, texts } from '../schema-words.ts'
import { checkUrl, readPrivateKey, resolveClientAuthentication, resolveParameters } from './oauth-client.ts'
import { clientKeys, requestKeys, url } from './oauth-words.ts'
import { type ProviderContext, providerKind } from './provider-kind.ts'

/** An OpenID provider. */
export const oidcSchema = providerKind('oidc', 'An OpenID provider, found by its issuer', {
  issuer: url('Its issuer, exactly as its document has it; the document is at ISSUER/.well-known/openid-configuration'),
  ...clientKeys,
  ...requestKeys,
  id_token_signed_response_alg: Type.Optional(
    oneOf(goodAlgs, {
      description:
        'The only algorithm of its ID tokens. Left out: those that its document lists, without `none` and HS256',
    }),
  ),
  decryption_key_file: Type.Optional(
    path('A private key, PEM, RSA or P-256, for ID tokens that the provider encrypts'),
  ),
  response_mode: Type.Optional(
    oneOf(['query', 'form_post'], { default: 'query', description: 'How people are sent back' }),
  ),
  userinfo: Type.Optional(flag('Whether its userinfo endpoint is asked too, where it has one', true)),
  required_claims: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), texts('Values of which it has one'), {
      description:
        'Who is let in: for each claim here, the values of which it has one, such as `{ hd: [example.com] }`',
      expected: 'claims and lists of values, such as { hd: [example.com] }',
    }),
  ),
})

/** The keys of an OpenID provider, as they were read. */
export type OidcSection = Type.Static<typeof oidcSchema>

/** What an OpenID provider is set up with. */
export function resolveOidc(section: OidcSection, context: ProviderContext): OidcSettings {
  const { report } = context
  checkUrl(section.issuer, ['issuer'], context)
  if (section.issuer.includes('/.well-known/')) report(['issuer'], 'expected the issuer alone, without /.well-known/…')
  else if (section.issuer.includes('?')) report(['issuer'], 'expected an issuer, which has no query')
  const scopes = section.request_scopes ?? ['openid', 'email', 'profile']
  if (!scopes.includes('openid')) report(['request_scopes'], 'openid has to be among them')
  return {
    issuer: section.issuer,
    clientId: section.client_id,
    authentication: resolveClientAuthentication(section, context),
    idTokenAlg: section.id_token_signed_response_alg,
    decryptionKey: resolveDecryptionKey(section, context),
    scopes,
    authorizationParameters: resolveParameters(section.authorization_parameters, context),
    responseMode: section.response_mode ?? 'query',
    userinfo: section.userinfo ?? true,
    subjectClaims: ['sub'],
    claimRules: Object.entries(section.required_claims ?? {}).map(([claim, oneOf]) => ({ claim, oneOf })),
    nameInForm: false,
    keepTokens: section.keep_tokens ?? false,
  }
}

function resolveDecryptionKey({ decryption_key_file: file }: OidcSection, { report }: ProviderContext) {
  if (file === undefined) return undefined
  const key = readPrivateKey(file, ['decryption_key_file'], report)
  if (key && encryptionAlgsOf(key).length === 0)
    report(['decryption_key_file'], 'expected an RSA key or an EC key, P-256')
  return key
}
