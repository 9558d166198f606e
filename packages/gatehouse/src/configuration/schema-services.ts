import * as Type from 'typebox'
import { addressRanges, count, duration, flag, scopes, strict, text, texts } from './schema-words.ts'

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
        org: Type.Optional(
          Type.Union([Type.Literal('required'), texts('Organisations by id', { minItems: 1 })], {
            description:
              'The organisation that the token is for, as its claim `org` says: any of these ids, or `required` for any organisation at all',
            expected: 'required, or a list of organisations such as [org_…]',
          }),
        ),
        clients: Type.Optional(texts('The token must be that of any of these clients, by id', { minItems: 1 })),
        addresses: Type.Optional(
          addressRanges(
            'The request must come from any of these: the peer or, where `trusted_proxies` has the peer, whom it names',
          ),
        ),
        when: Type.Optional(
          Type.Union([text('A condition'), texts('Conditions', { minItems: 1 })], {
            description:
              'A condition in CEL over `request` (method, host, path, query, address), `path` (the `{name}` segments), `principal` (sub, client_id, scopes, roles, org, sid, acr, amr, auth_time, claims) and `now`, such as `principal.org == path.org`; of a list all must be true. What has no value is a no',
            expected: 'a condition such as principal.org == path.org, or a list of them',
          }),
        ),
        caller: Type.Optional(
          Type.Union(
            [Type.Literal('signed-in'), Type.Literal('token'), Type.Literal('optional'), Type.Literal('nothing')],
            {
              description: 'Who may call at all, as the words alone say it',
              default: 'token',
              expected: 'one of signed-in, token, optional, nothing',
            },
          ),
        ),
      },
      { ...strict, minProperties: 1 },
    ),
  ],
  {
    description:
      'What a request must bring: `signed-in` (a user’s token), `token` (any valid one), `optional` (identity if present; an invalid token is refused), `nothing` (credentials are not looked at), or keys, of which all must hold, such as `{ scopes: [all of these], roles: [any of these], when: a condition }`',
    expected:
      'one of signed-in, token, optional, nothing, or { scopes: […], roles: […], acr: […], max_age: 5m, org: …, clients: […], addresses: […], when: … }',
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

/** A service behind the gateway. */
export const service = Type.Object(
  {
    upstream: Type.Optional(
      Type.Union([text('An origin'), texts('Origins', { minItems: 1 })], {
        description:
          'Where the service listens: one origin such as `http://orders:4001`, or a list that requests are spread over',
        expected: 'an origin such as http://orders:4001, or a list of them',
      }),
    ),
    forward_auth: Type.Optional(
      flag('Another proxy forwards to the service and asks /gateway/check: it may be without `upstream`', false),
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
