import * as Type from 'typebox'
import { observed, requirement } from './schema-rules.ts'
import { count, duration, flag, path, strict, text, texts } from './schema-words.ts'

const rate = Type.Object(
  {
    per: Type.Union(
      [Type.Literal('address'), Type.Literal('client'), Type.Literal('principal'), Type.Literal('route')],
      {
        description:
          'Whose requests are counted together. `address`: counted before anybody is authenticated. `client`, `principal`: who calls by the token; without one the address. `route`: everybody’s that the rule let through',
        expected: 'one of address, client, principal, route',
      },
    ),
    requests: count('So many requests', { minimum: 1, maximum: 1_000_000_000 }),
    in: duration('in so long'),
    burst: Type.Optional(
      count('How many may come at once, after a pause. Left out: as many as `requests`', {
        minimum: 1,
        maximum: 1_000_000_000,
      }),
    ),
  },
  { ...strict, expected: 'a rate limit such as { per: principal, requests: 100, in: 1m }' },
)

const byteCount = (description: string, fallback?: number) =>
  count(description, { minimum: 0, maximum: 1_099_511_627_776 }, fallback)

const limits = (of: 'service' | 'route') =>
  Type.Optional(
    Type.Object(
      {
        body: Type.Optional(
          of === 'service'
            ? byteCount('Greatest request body, in bytes', 10_485_760)
            : byteCount('Greatest request body, in bytes. Left out: as for the service'),
        ),
        response: Type.Optional(
          byteCount(
            of === 'service'
              ? 'Greatest body of an answer, in bytes: 502 where it is announced to be longer, broken off where it turns out so. Left out: any'
              : 'Greatest body of an answer, in bytes. Left out: as for the service',
          ),
        ),
        concurrency: Type.Optional(
          count(
            of === 'service'
              ? 'How many requests it has at once, by all of its routes together, open WebSockets among them: 503 beyond. Workers, and replicas on one Postgres, share it within a quarter of a second'
              : 'How many requests this route has at once, beside the limit of its service',
            { minimum: 1, maximum: 1_000_000 },
          ),
        ),
        rate: Type.Optional(
          Type.Array(rate, {
            description:
              of === 'service'
                ? 'How often it may be asked, by all of its routes together: 429 beyond. Workers, and replicas on one Postgres, share it within a quarter of a second'
                : 'How often this route may be asked, beside the limits of its service',
            expected: 'a list of rate limits such as [{ per: principal, requests: 100, in: 1m }]',
          }),
        ),
      },
      strict,
    ),
  )

const stripPrefix = (more = '') =>
  Type.Optional(
    text(
      `The beginning that is taken off a path before the service gets it, such as \`/orders\`; it is told in X-Forwarded-Prefix. Redirects and cookies of the service stay as they are${more}`,
    ),
  )
const addPrefix = (more = '') => Type.Optional(text(`The beginning that is put on instead, such as \`/v2\`${more}`))

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
    observe: Type.Optional(observed),
    limits: limits('route'),
    strip_prefix: stripPrefix('. A route that says one of the two says both, in place of its service'),
    add_prefix: addPrefix('. A route that says one of the two says both, in place of its service'),
    identity: Type.Optional(
      Type.Object(
        {
          bind: Type.Literal('request', {
            description: 'The identity is good for the method, path and query of this very request, and no other',
            expected: 'request',
          }),
        },
        {
          ...strict,
          description:
            'What the service is told of who calls. Left out: an identity that is good for any request to it, for two minutes at most. `{ bind: request }` costs a signature a request',
          expected: '{ bind: request }',
        },
      ),
    ),
    streams: Type.Optional(
      Type.Object(
        {
          until: Type.Union([Type.Literal('session'), Type.Literal('token'), Type.Literal('revoked')], {
            description:
              '`session`: until the session, or the grant that its client refreshes, has expired; without one until an hour after the token. `token`: until the token expires. `revoked`: only a logout, a ban or another revocation ends it',
            expected: 'session, token or revoked',
          }),
        },
        {
          ...strict,
          description:
            'How long a WebSocket, an event stream, a call of gRPC or another answer of unknown length may stay open. Left out: until the session ends',
          expected: '{ until: token }',
        },
      ),
    ),
  },
  { ...strict, expected: 'a route: { path, methods, require }' },
)

const cors = Type.Object(
  {
    origins: texts('Origins exactly as browsers say them, such as `https://app.example.com`; or `*` alone: any', {
      minItems: 1,
      expected: 'a list of origins such as [https://app.example.com]',
    }),
    methods: Type.Optional(texts('Methods that scripts may use. Left out: those that the routes have')),
    headers: Type.Optional(
      texts('Headers that scripts may set', { default: ['Authorization', 'Content-Type', 'DPoP'] }),
    ),
    credentials: Type.Optional(flag('Whether browsers may send cookies along; never together with `*`', false)),
    expose: Type.Optional(
      texts(
        'Headers of answers that scripts may read, such as `ETag`, beside those that they always may, and `WWW-Authenticate`, `DPoP-Nonce` and `Retry-After`',
      ),
    ),
    max_age: Type.Optional(duration('How long a browser remembers what a preflight said', '10m')),
  },
  strict,
)

const responseHeaders = Type.Object(
  {
    set: Type.Optional(
      Type.Record(Type.String(), Type.String({ expected: 'a text' }), {
        description: 'Headers that every answer gets, in place of the service’s own',
        expected: 'headers such as { x-robots-tag: noindex }',
      }),
    ),
    remove: Type.Optional(texts('Headers of the service that are left out, such as `x-powered-by`')),
  },
  strict,
)

/** A service behind the gateway. */
export const service = Type.Object(
  {
    upstream: Type.Optional(
      Type.Union([text('An origin'), texts('Origins', { minItems: 1 })], {
        description:
          'Where the service listens: one origin such as `http://orders:4001`, or a list that requests are spread over. `h2c://orders:4001` is asked over HTTP/2 without TLS, `h2://…` over HTTP/2 with it, as gRPC needs',
        expected: 'an origin such as http://orders:4001, or a list of them',
      }),
    ),
    connections: Type.Optional(
      count(
        'Connections to each of its upstreams at the most. An open stream, such as server-sent events, holds one; a request that finds none waits up to ten seconds, then 503. Not for upstreams at h2 and h2c, where one connection carries many requests',
        { minimum: 1, maximum: 65_535 },
        1024,
      ),
    ),
    balance: Type.Optional(
      Type.Union([Type.Literal('round_robin'), Type.Literal('least_loaded'), Type.Literal('sticky')], {
        description:
          'Which of several upstreams gets a request: each in turn, the one with least under way, or the same for each caller (by the token, without one by address)',
        default: 'round_robin',
        expected: 'one of round_robin, least_loaded, sticky',
      }),
    ),
    upstream_tls: Type.Optional(
      Type.Object(
        {
          ca: Type.Optional(path('A PEM file: whose certificates are believed, in place of the usual authorities')),
          cert: Type.Optional(path('A PEM file: the certificate that Gatehouse shows (mTLS), with `key`')),
          key: Type.Optional(path('A PEM file: its key, without a passphrase')),
          server_name: Type.Optional(text('The name that its certificate must be for. Left out: the upstream’s own')),
        },
        {
          ...strict,
          description: 'How connections to its https and h2 upstreams are proven. Read anew at each reload',
        },
      ),
    ),
    health: Type.Optional(
      Type.Object(
        {
          path: text('A GET of it must be answered with 2xx, which services of gRPC alone do not do'),
          every: Type.Optional(duration('Between two questions', '10s')),
          timeout: Type.Optional(duration('For the whole answer', '2s')),
        },
        {
          ...strict,
          description:
            'Asks each upstream whether it is well. After two failures in a row the others are preferred, as long as there are any',
        },
      ),
    ),
    forward_auth: Type.Optional(
      flag(
        'Another proxy forwards to the service and asks /gateway/check: it may be without `upstream`, and then without what has to do with forwarding and with answers, which is set at that proxy',
        false,
      ),
    ),
    host: Type.Optional(text('The host that its routes are on. Left out: the issuer’s')),
    session: Type.Optional(
      Type.Literal('cookie', {
        description:
          'The service is an app for browsers, and Gatehouse holds its sessions: pages lead to sign in and back, the browser has a cookie and no token. On a host of its own',
        expected: 'cookie',
      }),
    ),
    signed_out: Type.Optional(
      Type.String({
        pattern: '^/(?!/)',
        description: 'With `session: cookie`: the path that browsers are led to that have signed out. Default: `/`',
        expected: 'a path such as /goodbye',
      }),
    ),
    audience: Type.Optional(text('Whom its tokens are for. Left out: the public URL of its first route’s fixed part')),
    client: Type.Optional(
      Type.Object(
        {
          secret: text(
            'The secret of the client `service:<name>`, by which the service introspects tokens and follows the revocation feed',
          ),
          secret_previous: Type.Optional(
            text('The secret that it had before, which counts too as long as it stands here'),
          ),
        },
        strict,
      ),
    ),
    calls: Type.Optional(
      texts(
        'Services that it may call for whoever called it, by their names in this file: it exchanges the identity that it got for a token (RFC 8693), by its `client`',
        { minItems: 1, uniqueItems: true },
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
    limits: limits('service'),
    strip_prefix: stripPrefix(),
    add_prefix: addPrefix(),
    cors: Type.Optional({
      ...cors,
      description:
        'Which pages of other origins may call it. Preflights are answered here by the origin alone, and what the service says of CORS itself is left out',
    }),
    response_headers: Type.Optional({ ...responseHeaders, description: 'What becomes of the headers of its answers' }),
    security_headers: Type.Optional(
      flag(
        'Its answers get X-Content-Type-Options, X-Frame-Options, Referrer-Policy and, where the issuer is https, Strict-Transport-Security; `response_headers.set` has the last word',
        false,
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
