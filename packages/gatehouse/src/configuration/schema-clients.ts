import { authMethods, clientMetadataMembers, grantTypes, oneOf } from '@gatehouse/auth/domain/client-metadata'
import * as Type from 'typebox'
import { duration, flag, privateNetwork, scopes, strict, text, texts } from './schema-words.ts'

/** Public keys as they are written in the file. */
const keySet = (description: string) =>
  Type.Object(
    {
      keys: Type.Array(Type.Object({}, { expected: 'a public JWK' }), {
        minItems: 1,
        expected: 'a list of public JWKs',
      }),
    },
    { ...strict, description },
  )

/** An OAuth client. */
export const client = Type.Object(
  {
    public: Type.Optional(flag('It keeps no secret: an app in a browser or on a phone', false)),
    first_party: Type.Optional(
      flag('It is one’s own: it may use /login, and tokens tell it roles. Needs `public: true`', false),
    ),
    secret: Type.Optional(text('Its secret; take it from the environment: `${WEB_SECRET}`')),
    secret_previous: Type.Optional(text('The secret that it had before, which counts too as long as it stands here')),
    auth_method: Type.Optional(
      oneOf(authMethods, {
        description: 'How it proves itself. Left out: by its secret, or by its keys where it has no secret',
      }),
    ),
    jwks: Type.Optional(keySet('Its public keys: for what it signs, and for what is encrypted to it')),
    grant_types: Type.Optional(
      Type.Array(oneOf(grantTypes, {}), {
        description:
          'Left out: authorization_code and refresh_token where there are redirect_uris, else client_credentials, or refresh_token for a public client',
        expected: 'a list of grant types',
      }),
    ),
    scopes: Type.Optional(scopes('What it may be granted at the most')),
    audiences: Type.Optional(texts('Audiences that it may ask for beside the default one; `*` is every service’s')),
    introspects: Type.Optional(texts('Audiences whose tokens it may introspect beside its own tokens')),
    consent: Type.Optional(
      Type.Union([Type.Literal('ask'), Type.Literal('skip')], {
        default: 'ask',
        description: 'Whether people are asked before it gets tokens; `skip` is for one’s own apps',
        expected: 'ask or skip',
      }),
    ),
    access_token_format: Type.Optional(
      Type.Union([Type.Literal('jwt'), Type.Literal('opaque')], {
        description: 'Left out: jwt, or opaque for a client with pairwise subjects',
        expected: 'jwt or opaque',
      }),
    ),
    profile: Type.Optional(
      Type.Literal('fapi2', {
        description: 'Everything that the FAPI 2.0 Security Profile demands, and nothing that it forbids',
        expected: 'fapi2',
      }),
    ),
    private_network: privateNetwork,
    token_exchange: Type.Optional(
      Type.Object(
        {
          audiences: texts('Audiences that it may ask for', { minItems: 1 }),
          impersonation: Type.Optional(flag('Whether it may act as a user without being named as the actor', false)),
        },
        { ...strict, description: 'What it may exchange tokens for (RFC 8693). Left out: nothing' },
      ),
    ),
    insecure: Type.Optional(
      Type.Object(
        {
          pkce_optional: Type.Optional(flag('Let a confidential client without PKCE through', false)),
          hybrid: Type.Optional(flag('Allow the response type `code id_token`', false)),
        },
        { ...strict, description: 'What is weaker than it should be, for clients that cannot do better' },
      ),
    ),
    ...clientMetadataMembers,
  },
  strict,
)

/** An issuer whose workloads sign in by what it says of them. */
export const trustedIssuer = Type.Object(
  {
    issuer: text('Its `iss`, letter for letter'),
    jwks_uri: Type.Optional(text('Where its public keys are: an https URL that everybody can reach')),
    jwks: Type.Optional(keySet('Its public keys, where they are not published')),
    audience: Type.Optional(text('Whom its assertions must be for. Left out: the issuer of Gatehouse')),
    longest_lifetime: Type.Optional(duration('For how long an assertion may still be valid; at most 24h', '1h')),
    reusable: Type.Optional(
      flag(
        'Whether an assertion may be shown more than once: for Kubernetes, which gives a workload one for an hour',
        false,
      ),
    ),
    clients: Type.Array(
      Type.Object(
        {
          subject: Type.String({
            pattern: '^([^*]+|[^*]*[:/]\\*)$',
            description: 'The assertion’s `sub`; or its beginning, up to a colon or slash, and then `*`',
            expected: 'a subject such as system:serviceaccount:shop:web, or system:serviceaccount:shop:*',
          }),
          claims: Type.Optional(
            Type.Record(Type.String({ pattern: '^.+$' }), text('The text that this claim must be'), {
              description: 'Claims that the assertion must have beside it, such as `{ ref: refs/heads/main }`',
              expected: 'texts by the name of their claim',
            }),
          ),
          client: text('The client as which it acts: one of `clients` that has the grant type jwt-bearer'),
        },
        { ...strict, expected: '{ subject, client }' },
      ),
      {
        minItems: 1,
        description: 'Which of its workloads act as which client',
        expected: 'a list of { subject, client }',
      },
    ),
  },
  strict,
)
