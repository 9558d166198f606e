import { authMethods, clientMetadataMembers, grantTypes, oneOf } from '@gatehouse/auth/domain/client-metadata'
import type { JsonObject } from '@gatehouse/core/json'
import type { Static } from 'typebox'
import * as Type from 'typebox'

/**
 * The configuration file as a schema: what is checked at the start, what editors complete by, and what
 * docs/configuration.md is made of. `expected` is said when a value does not fit.
 */

const duration = (description: string, fallback?: string) =>
  Type.String({
    pattern: '^\\d{1,9}[smhd]$',
    description,
    expected: 'a duration such as 30s, 5m, 12h or 90d',
    ...(fallback === undefined ? {} : { default: fallback }),
  })

const address = (description: string, fallback?: string) =>
  Type.String({
    pattern: '^(\\[[0-9a-fA-F:.]+\\]|[\\w.-]+):\\d{1,5}$',
    description,
    expected: 'host:port, such as 0.0.0.0:8080 or [::1]:8080',
    ...(fallback === undefined ? {} : { default: fallback }),
  })

const strict = { additionalProperties: false } as const
const text = (description: string, options: object = {}) =>
  Type.String({ minLength: 1, expected: 'a text', description, ...options })
const texts = (description: string, options: object = {}) =>
  Type.Array(Type.String({ minLength: 1, expected: 'a text' }), {
    description,
    expected: 'a list of texts',
    ...options,
  })
const scopes = (description: string, options: object = {}) =>
  Type.Array(
    Type.String({
      pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$',
      expected: 'one scope, without a space, such as orders:read',
    }),
    { description, expected: 'a list of scopes such as [orders:read, orders:write]', ...options },
  )
const flag = (description: string, fallback: boolean) =>
  Type.Boolean({ description, default: fallback, expected: 'true or false' })
const count = (description: string, limits: { minimum: number; maximum: number }, fallback?: number) =>
  Type.Integer({
    ...limits,
    description,
    expected: `a whole number from ${limits.minimum} to ${limits.maximum}`,
    ...(fallback === undefined ? {} : { default: fallback }),
  })
const addressRanges = (description: string) =>
  texts(description, { expected: 'a list of addresses or ranges such as 10.0.0.0/8' })

const requirement = Type.Union(
  [
    Type.Literal('signed-in'),
    Type.Literal('token'),
    Type.Literal('optional'),
    Type.Literal('nothing'),
    Type.Object(
      {
        scopes: Type.Optional(scopes('All of these must be granted', { minItems: 1 })),
        roles: Type.Optional(texts('The user must have any of these', { minItems: 1 })),
        acr: Type.Optional(
          texts('How the user must have signed in: any of these classes, the one to ask for first', { minItems: 1 }),
        ),
        max_age: Type.Optional(duration('How long ago the sign-in may be at the most')),
      },
      { ...strict, minProperties: 1 },
    ),
  ],
  {
    description:
      'What a request must bring: `signed-in` (a user’s token), `token` (any valid one), `optional` (identity if present; an invalid token is refused), `nothing` (credentials are not looked at), or `{ scopes: [all of these], roles: [any of these], acr: [any of these], max_age: 5m }`; keys together mean and',
    expected: 'one of signed-in, token, optional, nothing, or { scopes: […], roles: […], acr: […], max_age: 5m }',
  },
)

const route = Type.Object(
  {
    path: text(
      'A pattern: literal segments, `{name}` for one segment, `**` at the end for the rest. `/orders/**` also matches `/orders`',
    ),
    methods: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z]+$', expected: 'a method in capitals, such as GET' }), {
        minItems: 1,
        description: 'Left out: every method. GET includes HEAD',
        expected: 'a list of methods such as [GET, POST]',
      }),
    ),
    require: requirement,
  },
  { ...strict, expected: 'a route: { path, methods, require }' },
)

const service = Type.Object(
  {
    upstream: Type.Union([text('An origin'), texts('Origins', { minItems: 1 })], {
      description:
        'Where the service listens: one origin such as `http://orders:4001`, or a list that requests are spread over',
      expected: 'an origin such as http://orders:4001, or a list of them',
    }),
    host: Type.Optional(text('The host that its routes are on. Left out: the issuer’s')),
    audience: Type.Optional(text('Whom its tokens are for. Left out: the public URL of its first route’s fixed part')),
    client: Type.Optional(
      Type.Object(
        { secret: text('The secret of the client `service:<name>`, by which the service introspects tokens') },
        strict,
      ),
    ),
    timeouts: Type.Optional(
      Type.Object(
        {
          connect: Type.Optional(duration('To connect to it', '5s')),
          headers: Type.Optional(duration('Until its answer begins', '30s')),
          idle: Type.Optional(duration('Between two parts of a body, in either direction', '120s')),
        },
        strict,
      ),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          body: Type.Optional(
            count('Greatest request body, in bytes', { minimum: 0, maximum: 1_099_511_627_776 }, 10_485_760),
          ),
        },
        strict,
      ),
    ),
    routes: Type.Array(route, {
      minItems: 1,
      description: 'Which requests go to it, and what each must bring',
      expected: 'a list of routes',
    }),
  },
  strict,
)

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

const client = Type.Object(
  {
    public: Type.Optional(flag('It keeps no secret: an app in a browser or on a phone', false)),
    first_party: Type.Optional(
      flag('It is one’s own: it may use /login, and tokens tell it roles. Needs `public: true`', false),
    ),
    secret: Type.Optional(text('Its secret; take it from the environment: `${WEB_SECRET}`')),
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

const trustedIssuer = Type.Object(
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

export const configurationSchema = Type.Object(
  {
    issuer: text('The public URL of Gatehouse, as it stands in every token: https, no path, no slash at the end', {
      expected: 'an https URL without a path, such as https://auth.example.com',
    }),
    listen: Type.Optional(address('Where Gatehouse listens', '127.0.0.1:8080')),
    database: Type.Optional(
      text('A file for SQLite, or `postgres://user:password@host/database`', { default: './data/gatehouse.db' }),
    ),
    audience: Type.Optional(text('The top-level audience, which every service accepts. Left out: the issuer')),
    master_key: Type.Optional(
      text(
        '32 bytes as base64 or hexadecimal that wrap every key in the database; from the environment: `${GATEHOUSE_KEY}`',
      ),
    ),
    master_key_file: Type.Optional(text('A file that holds the master key and that nobody else can read')),
    master_key_previous: Type.Optional(text('The old master key, while it is being replaced')),
    tls: Type.Optional(
      Type.Object(
        {
          cert: text('A PEM file: the certificate of the listener, followed by those that vouch for it'),
          key: text('A PEM file: its private key, without a passphrase'),
        },
        {
          ...strict,
          description:
            'Makes the listener speak TLS (1.2 and newer). Changed files are taken up within a minute, for new connections',
          expected: '{ cert, key }',
        },
      ),
    ),
    client_certificates: Type.Optional(
      Type.Object(
        {
          authorities: Type.Optional(
            text(
              'A PEM file: who may issue certificates for clients that use tls_client_auth; intermediate ones included',
            ),
          ),
          header: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z][A-Za-z0-9-]*$',
              description:
                'The header in which trusted proxies hand on the certificate that their client has shown, as nginx’s `$ssl_client_escaped_cert` or by RFC 9440',
              expected: 'the name of a header, such as Client-Cert',
            }),
          ),
          ask: Type.Optional(flag('Whether the TLS listener asks clients for a certificate', true)),
        },
        { ...strict, description: 'Certificates by which clients prove themselves (RFC 8705)' },
      ),
    ),
    dpop: Type.Optional(
      Type.Object(
        {
          require_nonce: Type.Optional(
            flag('Whether DPoP proofs must carry a nonce that Gatehouse has given out in the last ten minutes', true),
          ),
        },
        { ...strict, description: 'Proof of possession (RFC 9449)' },
      ),
    ),
    trusted_proxies: Type.Optional(addressRanges('Proxies in front whose X-Forwarded-For is believed')),
    first_party_origins: Type.Optional(
      texts('Origins whose pages may call /login, /token/refresh and /logout', {
        expected: 'a list of origins such as https://app.example.com',
      }),
    ),
    login_api: Type.Optional(flag('Whether /login, /token/refresh and /logout exist', true)),
    pid_file: Type.Optional(
      text('Where the process id is written, for `gatehouse reload`. Left out: beside a SQLite database, else none'),
    ),
    tokens: Type.Optional(
      Type.Object(
        { access_token_lifetime: Type.Optional(duration('How long an access token is valid; at most 24h', '5m')) },
        strict,
      ),
    ),
    sessions: Type.Optional(
      Type.Object(
        {
          absolute_lifetime: Type.Optional(
            duration('A session is over after this, however often it is refreshed', '30d'),
          ),
          idle_lifetime: Type.Optional(duration('A session that is not refreshed for this long is over', '14d')),
          replay_window: Type.Optional(
            duration('For so long a public client may present its previous refresh token again; at most 60s', '30s'),
          ),
        },
        strict,
      ),
    ),
    passwords: Type.Optional(
      Type.Object(
        {
          minimum_length: Type.Optional(count('Least number of characters', { minimum: 8, maximum: 64 }, 15)),
          memory_kib: Type.Optional(count('argon2id memory, in KiB', { minimum: 19_456, maximum: 4_194_304 }, 19_456)),
          passes: Type.Optional(count('argon2id passes', { minimum: 2, maximum: 100 }, 2)),
          hashes_at_a_time: Type.Optional(
            count('Hashes that run at a time. Left out: one per core, divided by the workers', {
              minimum: 1,
              maximum: 64,
            }),
          ),
          hashes_waiting: Type.Optional(
            count('Hashes that may wait; past that, sign-ins are answered 503', { minimum: 0, maximum: 10_000 }, 100),
          ),
        },
        strict,
      ),
    ),
    audit: Type.Optional(
      Type.Object({ keep: Type.Optional(duration('For how long audit events are kept', '400d')) }, strict),
    ),
    keys: Type.Optional(
      Type.Object({ rotate_every: Type.Optional(duration('How often the signing key changes', '90d')) }, strict),
    ),
    validate: Type.Optional(
      Type.Object(
        { require_client: Type.Optional(flag('Whether callers of /validate must authenticate as clients', false)) },
        strict,
      ),
    ),
    metrics: Type.Optional(
      Type.Object(
        {
          allow: Type.Optional(addressRanges('Who may read /metrics beside this machine')),
          listen: Type.Optional(address('A second listener that has /metrics alone; then the first has it no more')),
        },
        strict,
      ),
    ),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Optional(
            Type.Union(
              ['debug', 'info', 'warn', 'error'].map((level) => Type.Literal(level)),
              { default: 'info', description: 'What is logged', expected: 'debug, info, warn or error' },
            ),
          ),
        },
        strict,
      ),
    ),
    workers: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1, maximum: 64 }), Type.Literal('auto')], {
        default: 1,
        description: 'How many processes serve; `auto` is one per core',
        expected: 'a whole number from 1 to 64, or auto',
      }),
    ),
    registration: Type.Optional(
      Type.Object(
        {
          mode: Type.Optional(
            oneOf(['off', 'token', 'open'], {
              default: 'off',
              description:
                'Who may register clients: nobody, who brings a token of `gatehouse client invite`, or everybody',
            }),
          ),
          client_id_metadata_documents: Type.Optional(
            flag('Whether a client id may be the https address of a document that describes the client', false),
          ),
          scopes: Type.Optional(scopes('What such clients may be granted, beside the scopes of OpenID Connect')),
          audiences: Type.Optional(texts('Audiences that such clients may ask for; `*` is every service’s')),
          grant_types: Type.Optional(
            Type.Array(oneOf(grantTypes, {}), {
              description: 'Left out: authorization_code, refresh_token and device_code',
              expected: 'a list of grant types',
            }),
          ),
          limit: Type.Optional(count('Clients that there may be', { minimum: 1, maximum: 1_000_000 }, 1000)),
          unused_for: Type.Optional(duration('A client that is not used for this long is removed', '90d')),
          per_minute: Type.Optional(
            count('Registrations of one address in a minute', { minimum: 1, maximum: 10_000 }, 10),
          ),
        },
        { ...strict, description: 'Clients that register themselves (RFC 7591). Open in development' },
      ),
    ),
    authorization_details: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[!-~]{1,200}$' }),
        Type.Object(
          {
            description: text('What people are told when they are asked to agree'),
            schema: Type.Unsafe<JsonObject>({
              type: 'object',
              description: 'JSON Schema of its members beside `type`',
              expected: 'a JSON Schema of an object',
            }),
          },
          strict,
        ),
        {
          ...strict,
          description: 'Types of rich authorization requests (RFC 9396), by name',
          expected: 'types by name, each with description and schema',
        },
      ),
    ),
    trusted_issuers: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), trustedIssuer, {
        ...strict,
        description:
          'Platforms whose word for their workloads is taken (RFC 7523), by name: a workload shows what its cluster or CI system says of it, and needs no secret here',
        expected: 'issuers by name; a name has small letters, digits and dashes',
      }),
    ),
    services: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), service, {
        ...strict,
        description: 'The services behind the gateway, by name',
        expected: 'services by name; a name has small letters, digits and dashes',
      }),
    ),
    clients: Type.Optional(
      Type.Record(Type.String({ pattern: '^(?!usr_)(?!service:)[\\w.~:-]{1,100}$' }), client, {
        ...strict,
        description: 'OAuth clients, by id',
        expected: 'clients by id; an id does not begin with usr_ or service:',
      }),
    ),
  },
  { ...strict, title: 'Gatehouse configuration', description: 'gatehouse.yaml' },
)

/** The configuration file, once checked. */
export type ConfigurationFile = Static<typeof configurationSchema>
