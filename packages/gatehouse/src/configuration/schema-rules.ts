import * as Type from 'typebox'
import { addressRanges, duration, scopes, strict, text, texts } from './schema-words.ts'

const remote = Type.Object(
  {
    url: text('Where the question is posted as JSON, such as `http://opa:8181/v1/data/shop/allow`'),
    kind: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('opa'), Type.Literal('openfga'), Type.Literal('cedar')], {
        description:
          'How it is spoken to: `json` (`{ request, principal, path }`, answered by `{ "allow": true }`), `opa` (the same as `input`), `openfga` (Check), `cedar` (is_authorized of cedar-agent)',
        default: 'json',
        expected: 'one of json, opa, openfga, cedar',
      }),
    ),
    ask: Type.Optional(
      Type.Record(Type.String(), text('A text as an expression in CEL'), {
        description:
          'For `openfga`: `user`, `relation` and `object`; for `cedar`: `principal`, `action` and `resource`; each an expression in CEL that makes a text, such as `"order:" + path.id`',
        expected: 'expressions by name',
      }),
    ),
    token: Type.Optional(text('A bearer token for it')),
    timeout: Type.Optional(duration('For its answer; none in time is a no', '1s')),
    cache: Type.Optional(duration('For how long an answer counts for the same question; 0s: for that one alone', '2s')),
  },
  {
    ...strict,
    description:
      'Asks somebody outside once all else holds. What gives no answer refuses (503), and is left alone for a while when it fails again and again',
    expected: 'a decider: { url, kind, … }',
  },
)

const keys = Type.Object(
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
    remote: Type.Optional(remote),
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
)

const rule = (description: string) =>
  Type.Union(
    [Type.Literal('signed-in'), Type.Literal('token'), Type.Literal('optional'), Type.Literal('nothing'), keys],
    {
      description,
      expected:
        'one of signed-in, token, optional, nothing, or { scopes: […], roles: […], acr: […], max_age: 5m, org: …, clients: […], addresses: […], when: … }',
    },
  )

/** What a route asks. */
export const requirement = rule(
  'What a request must bring: `signed-in` (a user’s token), `token` (any valid one), `optional` (identity if present; an invalid token is refused), `nothing` (credentials are not looked at), or keys, of which all must hold, such as `{ scopes: [all of these], roles: [any of these], when: a condition }`',
)

/** What a route might ask one day. */
export const observed = rule(
  'A rule on trial beside `require`, and written like it: what it would refuse is logged and counted, and let through',
)
