import { grantTypes, oneOf } from '@gatehouse/auth/domain/client-metadata'
import type { JsonObject } from '@gatehouse/core/json'
import type { Static } from 'typebox'
import * as Type from 'typebox'
import { client, trustedIssuer } from './schema-clients.ts'
import { listenersBeside } from './schema-listeners.ts'
import { delivery, mail } from './schema-mail.ts'
import { brand } from './schema-pages.ts'
import { providers } from './schema-providers.ts'
import { organisations, roles } from './schema-roles.ts'
import { service } from './schema-services.ts'
import { breached, signIn, signUp } from './schema-sign-in.ts'
import { address, addressRanges, count, duration, flag, path, scopes, strict, text, texts } from './schema-words.ts'

/**
 * The configuration file as a schema: what is checked at the start, what editors complete by, and what
 * docs/configuration.md is made of.
 */
export const configurationSchema = Type.Object(
  {
    issuer: text('The public URL of Gatehouse, as it stands in every token: https, no path, no slash at the end', {
      expected: 'an https URL without a path, such as https://auth.example.com',
    }),
    listen: Type.Optional(address('Where Gatehouse listens', '127.0.0.1:8080')),
    database: Type.Optional(
      path(
        'A file for SQLite, or `postgres://user:password@host/database`. With `?sslmode=verify-full` (or `require`, which is taken as the same) the connection is encrypted, and the certificate of the server has to be for that host and by an authority that Node knows, or one of the PEM file in `&sslrootcert=`; with `no-verify` it is encrypted, to whoever answers; without `sslmode` it is not encrypted. Postgres itself, and no pooler such as PgBouncer before it, which a start refuses: each process has its own pool, of at most ten connections and one that listens',
        { default: './data/gatehouse.db' },
      ),
    ),
    audience: Type.Optional(text('The top-level audience, which every service accepts. Left out: the issuer')),
    master_key: Type.Optional(
      text(
        '32 bytes as base64 or hexadecimal that wrap every key in the database; from the environment: `${GATEHOUSE_KEY}`',
      ),
    ),
    master_key_file: Type.Optional(path('A file that holds the master key and that nobody else can read')),
    master_key_previous: Type.Optional(text('The old master key, while it is being replaced')),
    tls: Type.Optional(
      Type.Object(
        {
          cert: path('A PEM file: the certificate of the listener, followed by those that vouch for it'),
          key: path('A PEM file: its private key, without a passphrase'),
          http2: Type.Optional(
            flag('Whether the listener also speaks HTTP/2, with clients that offer it (ALPN). gRPC needs it', true),
          ),
        },
        {
          ...strict,
          description:
            'Makes the listener speak TLS (1.2 and newer). Changed files are taken up within a minute, for new connections',
          expected: '{ cert, key }',
        },
      ),
    ),
    strict_transport_security: Type.Optional(
      duration(
        'For how long browsers that have seen a page of the issuer come to its host by https alone, where the issuer is https; subdomains are left alone, and so are hosts of apps, names of this machine, and development mode. 0s: they forget it',
        '365d',
      ),
    ),
    client_certificates: Type.Optional(
      Type.Object(
        {
          authorities: Type.Optional(
            path(
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
    require_pushed_authorization_requests: Type.Optional(
      flag(
        'Whether every client must push its authorization requests (RFC 9126); browser apps, for which Gatehouse asks itself, need not',
        false,
      ),
    ),
    trusted_proxies: Type.Optional(
      addressRanges('Proxies that are believed: their X-Forwarded-* and what they ask about'),
    ),
    first_party_origins: Type.Optional(
      texts('Origins whose pages may call /login, /token/refresh and /logout', {
        expected: 'a list of origins such as https://app.example.com',
      }),
    ),
    login_api: Type.Optional(flag('Whether /login, /token/refresh and /logout exist', true)),
    pid_file: Type.Optional(
      path(
        'Where the process id is written and beside it, in a file that ends in `.json`, what became of the last reload; for `gatehouse reload`. Left out: beside a SQLite database, else none',
      ),
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
          browser_idle_lifetime: Type.Optional(
            duration('A browser that asks for nothing for this long has to sign in again', '7d'),
          ),
          per_user: Type.Optional(
            count(
              'Sessions of one user; the oldest end where there would be more',
              { minimum: 1, maximum: 10_000 },
              100,
            ),
          ),
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
          breached: Type.Optional(breached),
          hashes_waiting: Type.Optional(
            count('Hashes that may wait; past that, sign-ins are answered 503', { minimum: 0, maximum: 10_000 }, 100),
          ),
        },
        strict,
      ),
    ),
    second_factor: Type.Optional(
      Type.Object(
        {
          required_for_roles: Type.Optional(
            texts(
              'Roles that count only for who has proven a second factor; others show it, or set one up, before the next tokens (`prompt=none`: `login_required`)',
            ),
          ),
          valid_for: Type.Optional(
            duration(
              'For how long it counts; then the session is worth one factor (`acr` 1) until it is shown again',
              '24h',
            ),
          ),
          idle: Type.Optional(
            duration(
              'After so long without a use it counts no longer: the session, and what it has granted, is worth one factor (`acr` 1) until it is shown again; at least 5m; 0s: however long that is',
              '1h',
            ),
          ),
          remember_for: Type.Optional(
            duration('For how long a browser can be told not to ask again; 0s: never', '30d'),
          ),
        },
        { ...strict, description: 'Who has a second factor is always asked for it' },
      ),
    ),
    sign_up: Type.Optional(signUp),
    sign_in: Type.Optional(signIn),
    mail: Type.Optional(mail),
    delivery: Type.Optional(delivery),
    providers: Type.Optional(providers),
    roles: Type.Optional(roles),
    organisations: Type.Optional(organisations),
    audit: Type.Optional(
      Type.Object(
        {
          keep: Type.Optional(duration('For how long audit events are kept', '400d')),
          keep_refusals: Type.Optional(
            duration('For how long `gatehouse explain` knows what the gateway refused; 0s: not at all', '7d'),
          ),
        },
        strict,
      ),
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
    ...listenersBeside,
    insecure: Type.Optional(
      Type.Object(
        {
          apps_on_issuer_host: Type.Optional(
            flag(
              'Allows `session: cookie` on the issuer’s host, where script of the app could act on the sign-in pages',
              false,
            ),
          ),
        },
        { ...strict, description: 'What is unsafe, and meant all the same', expected: '{ apps_on_issuer_host: true }' },
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
    brand: Type.Optional(brand),
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
      Type.Record(Type.String({ pattern: '^(?!usr_)(?!service:)(?!app:)[\\w.~:-]{1,100}$' }), client, {
        ...strict,
        description: 'OAuth clients, by id',
        expected: 'clients by id; an id does not begin with usr_, service: or app:',
      }),
    ),
  },
  { ...strict, title: 'Gatehouse configuration', description: 'gatehouse.yaml' },
)

/** The configuration file, once checked. */
export type ConfigurationFile = Static<typeof configurationSchema>
