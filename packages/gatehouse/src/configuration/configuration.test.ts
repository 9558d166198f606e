import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { developmentBase } from '../development/demo-data.ts'
import { environmentKeys } from './environment.ts'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'
import type { ResolvedConfiguration } from './resolve.ts'
import { loadRuleCompiler } from './rule-compiler.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-configuration-'))
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(loadRuleCompiler)

const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const secret = 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4'

interface Options {
  readonly development?: boolean
  readonly environment?: Record<string, string>
}

const load = (text: string, { development = false, environment = {} }: Options = {}): ResolvedConfiguration => {
  const all = { KEY: key, ...environment }
  return checkConfiguration(readConfigurationText(text, 'gatehouse.yaml', all), {
    development,
    environment: all,
    ...(development ? { base: developmentBase } : {}),
  })
}

/** The problems of a text, one line each. */
const problems = (text: string, options: Options = {}): string[] => {
  try {
    load(text, options)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}

const strong = 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4'
const base = 'issuer: https://auth.example.com\nmaster_key: ${KEY}\n'
const service = (route: string): string =>
  `${base}services:\n  orders:\n    upstream: http://orders:4001\n    routes:\n      - ${route}\n`

describe('services that call each other', () => {
  const file = (orders: string) => `${base}services:
  orders:
    upstream: http://orders:1
${orders}    routes: [{ path: /orders/**, require: token, identity: { bind: request } }]
  inventory:
    upstream: http://inventory:1
    routes: [{ path: /inventory/**, require: token }]
`
  const client = `    client: { secret: ${secret} }\n`

  it('name whom they call, by a client of their own', () => {
    const { auth, routes } = load(file(`${client}    calls: [inventory]\n`))
    expect(auth.services.map(({ calls }) => calls)).toEqual([['https://auth.example.com/inventory'], []])
    expect(routes?.services).toHaveLength(2)
  })

  it.each([
    ['    calls: [inventory]\n', /services\.orders\.calls: needs client/],
    [
      `${client}    calls: [pricing]\n`,
      /services\.orders\.calls\[0\]: there is no service pricing; there are orders, inv/,
    ],
    [`${client}    calls: [orders]\n`, /services\.orders\.calls\[0\]: a service does not call itself/],
    [`${client}    calls: []\n`, /services\.orders\.calls/],
  ])('is refused with %j', (lines, message) => {
    expect(problems(file(lines))[0]).toMatch(message)
  })
})

describe('a configuration file', () => {
  it('becomes what the program runs on', () => {
    const loaded = load(`${base}listen: 0.0.0.0:9000
tokens: { access_token_lifetime: 10m }
services:
  orders:
    upstream: [http://orders-1:4001, http://orders-2:4001]
    routes:
      - { path: /orders/**, methods: [GET], require: { scopes: [orders:read] } }
      - { path: /orders/**, methods: [POST], require: { scopes: [orders:write], roles: [clerk] } }
  shop:
    host: shop.example.com
    upstream: http://shop:4000
    routes: [{ path: /**, require: nothing }]
clients:
  billing: { secret: ${secret}, scopes: [orders:read] }
  app: { public: true, first_party: true }
`)
    expect(loaded.listen).toEqual({ host: '0.0.0.0', port: 9000 })
    expect(loaded.auth.lifetimes.accessToken).toBe(600)
    expect(loaded.auth.services.map(({ audience }) => audience)).toEqual([
      'https://auth.example.com/orders',
      'https://shop.example.com',
    ])
    expect(loaded.auth.routeScopes).toEqual(['orders:read', 'orders:write'])
    expect(loaded.auth.clients.map(({ authMethod }) => authMethod)).toEqual(['client_secret_basic', 'none'])
    expect(loaded.masterKey?.key.toString('base64')).toBe(key)
  })

  const refused: Record<string, [text: string, problem: RegExp]> = {
    'an unknown key': [`${base}lisen: 0.0.0.0:80\n`, /^gatehouse\.yaml:3: lisen: unknown key; did you mean listen\?$/],
    'an unknown key inside': [
      `${base}tokens:\n  lifetime: 5m\n`,
      /^gatehouse\.yaml:4: tokens\.lifetime: unknown key; possible here: access_token_lifetime$/,
    ],
    'an unknown key of a route': [
      service('{ path: /a, require: token, scope: x }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.scope: unknown key/,
    ],
    'a condition that can never be evaluated': [
      service('{ path: "/a/{id}", require: { when: principal.org == path.org } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.require\.when: cannot be used: No such key: org$/,
    ],
    'the second condition of a list': [
      service('{ path: /a, require: { when: ["true", principal.sub] } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.require\.when\[1\]: .*only true or false decides$/,
    ],
    'a condition that is only observed': [
      service('{ path: /a, require: token, observe: { when: principal.sub == 1 } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.observe\.when: cannot be used: no such overload/,
    ],
    'a decider without what it is asked': [
      service('{ path: /a, require: { remote: { url: "http://fga:8080/check", kind: openfga } } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.require\.remote\.ask: kind: openfga is asked user, relation, object$/,
    ],
    'a decider that is asked more than it can be': [
      service(
        '{ path: /a, require: { remote: { url: "http://opa:8181/", kind: opa, ask: { user: "principal.sub" } } } }',
      ),
      /require\.remote\.ask: kind: opa is asked nothing$/,
    ],
    'a decider at no URL': [
      service('{ path: /a, require: { remote: { url: "http://me:secret@opa/" } } }'),
      /require\.remote\.url: expected an http or https URL without a password/,
    ],
    'a decider that is asked what is no text': [
      service(
        '{ path: /a, require: { remote: { url: "http://c/", kind: cedar, ask: { principal: "1 == 1", action: request.method, resource: request.path } } } }',
      ),
      /require\.remote\.ask\.principal: cannot be used: it is a bool, and only a text can be asked$/,
    ],
    'a decider that may take too long': [
      service('{ path: /a, require: { remote: { url: "http://c/", timeout: 5m } } }'),
      /require\.remote\.timeout: expected 1s to 30s$/,
    ],
    'an answer that counts too long': [
      service('{ path: /a, require: { remote: { url: "http://c/", cache: 1h } } }'),
      /require\.remote\.cache: expected at most 5m/,
    ],
    'an address that is none in a rule': [
      service('{ path: /a, require: { caller: nothing, addresses: [localhost] } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]: require\.addresses has "localhost", which is no address and no range/,
    ],
    'a rule about tokens where none is asked for': [
      service('{ path: /a, require: { caller: optional, org: required } }'),
      /require\.org needs a token, and caller: optional asks for none$/,
    ],
    'a duration that is none': [
      `${base}tokens:\n  access_token_lifetime: five minutes\n`,
      /^gatehouse\.yaml:4: tokens\.access_token_lifetime: expected a duration such as 30s/,
    ],
    'a duration over the limit': [
      `${base}tokens: { access_token_lifetime: 25h }\n`,
      /^gatehouse\.yaml:3: tokens\.access_token_lifetime: expected at most 86400s$/,
    ],
    'a replay window over a minute': [
      `${base}sessions: { replay_window: 61s }\n`,
      /sessions\.replay_window: expected at most 60s/,
    ],
    'a second factor that goes while it is used': [
      `${base}second_factor: { idle: 4m }\n`,
      /second_factor\.idle: expected 0s or at least 300s$/,
    ],
    'a service of several whose audience would be everybody’s': [
      `${base}services:\n  web: { upstream: http://o:1, routes: [{ path: /**, require: token }] }\n  b: { upstream: http://o:1, routes: [{ path: /b, require: token }] }\n`,
      /services\.web\.audience: https:\/\/auth\.example\.com is the top-level audience/,
    ],
    'a listener for Envoys of which none is trusted': [
      `${base}ext_authz: { listen: 10.0.0.1:9191 }\n`,
      /ext_authz: answers trusted_proxies alone, and there are none/,
    ],
    'a token that outlives every session': [
      `${base}tokens: { access_token_lifetime: 2h }\nsessions: { absolute_lifetime: 1h }\n`,
      /^gatehouse\.yaml:3: tokens\.access_token_lifetime: expected at most sessions\.absolute_lifetime$/,
    ],
    'a number for a text': [`${base}audience: 7\n`, /^gatehouse\.yaml:3: audience: expected a text$/],
    'an http issuer': [
      'issuer: http://auth.example.com\nmaster_key: ${KEY}\n',
      /^gatehouse\.yaml:1: issuer: expected https outside development: https:\/\/auth\.example\.com$/,
    ],
    'an issuer with a path': [
      'issuer: https://example.com/auth\nmaster_key: ${KEY}\n',
      /issuer: expected no path.*: https:\/\/example\.com$/,
    ],
    'an issuer with a slash at the end': [
      'issuer: https://example.com/\nmaster_key: ${KEY}\n',
      /issuer: expected no path/,
    ],
    'no issuer': ['master_key: ${KEY}\n', /^gatehouse\.yaml: issuer: missing; expected an https URL/],
    'a secret whose variable is not set': [
      `${base}clients:\n  web:\n    secret: \${WEB_SECRET}\n`,
      /^gatehouse\.yaml:5: clients\.web\.secret: the environment variable WEB_SECRET is not set$/,
    ],
    'no master key': [
      'issuer: https://auth.example.com\n',
      /^gatehouse\.yaml: master_key: missing; it wraps every key.*openssl rand -base64 32$/,
    ],
    'a master key that is too short': [
      'issuer: https://auth.example.com\nmaster_key: c2hvcnQ=\n',
      /^gatehouse\.yaml:2: master_key: expected 32 random bytes/,
    ],
    'a weak client secret': [
      `${base}clients:\n  web: { secret: demo-service-secret }\n`,
      /^gatehouse\.yaml:4: clients\.web\.secret: too weak/,
    ],
    'a weak secret from before': [
      `${base}clients:\n  web: { secret: ${strong}, secret_previous: demo-service-secret }\n`,
      /^gatehouse\.yaml:4: clients\.web\.secret_previous: too weak/,
    ],
    'an old secret that is the new one': [
      `${base}clients:\n  web: { secret: ${strong}, secret_previous: ${strong} }\n`,
      /^gatehouse\.yaml:4: clients\.web\.secret_previous: is the same as secret/,
    ],
    'an old secret alone': [
      `${base}clients:\n  web: { jwks_uri: https://a.example/keys, secret_previous: ${strong} }\n`,
      /^gatehouse\.yaml:4: clients\.web\.secret_previous: goes with secret/,
    ],
    'a route that shadows a path of Gatehouse': [
      service('{ path: /login, require: token }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]: .*Gatehouse/,
    ],
    'a route below such a path': [service('{ path: /oauth/**, require: token }'), /services\.orders\.routes\[0\]/],
    'a route without a rule': [
      service('{ path: /orders/** }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.require: missing; expected one of signed-in/,
    ],
    'a rule that asks for nothing in particular': [
      service('{ path: /orders/**, require: {} }'),
      /services\.orders\.routes\[0\]\.require: expected one of/,
    ],
    'a rule that does not exist': [
      service('{ path: /orders/**, require: everybody }'),
      /services\.orders\.routes\[0\]\.require: expected one of signed-in, token/,
    ],
    'a service without routes': [
      `${base}services:\n  orders: { upstream: http://o:1 }\n`,
      /^gatehouse\.yaml:4: services\.orders\.routes: missing; expected a list of routes$/,
    ],
    'a key of a rule that is almost right': [
      service('{ path: /a, require: { scopes: [a], rolse: [b] } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.require\.rolse: unknown key; did you mean roles\?$/,
    ],
    'another key of a rule that is on trial': [
      service('{ path: /a, require: token, observe: { scope: [a] } }'),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.observe\.scope: unknown key; did you mean scopes\?$/,
    ],
    'a variable without braces': [
      'issuer: https://auth.example.com\nmaster_key: $GATEHOUSE_KEY\n',
      /^gatehouse\.yaml:2: master_key: is no variable without braces; expected \$\{GATEHOUSE_KEY\}$/,
    ],
    'the same route twice': [
      service('{ path: /a, methods: [GET], require: token }\n      - { path: /a, methods: [GET], require: nothing }'),
      /^gatehouse\.yaml:8: services\.orders\.routes\[1\]: .*twice/,
    ],
    'a bad upstream': [
      `${base}services:\n  orders: { upstream: orders:4001, routes: [{ path: /a, require: token }] }\n`,
      /services\.orders: "orders:4001" is no origin of http, https, h2c or h2/,
    ],
    'a bad service name': [
      `${base}services:\n  Orders_1: { upstream: http://o:1, routes: [{ path: /a, require: token }] }\n`,
      /^gatehouse\.yaml:4: services\.Orders_1: /,
    ],
    'two services of one audience': [
      `${base}services:\n  a: { upstream: http://o:1, audience: x, routes: [{ path: /a, require: token }] }\n  b: { upstream: http://o:1, audience: x, routes: [{ path: /b, require: token }] }\n`,
      /^gatehouse\.yaml:5: services\.b\.audience: x is the audience of a too/,
    ],
    'a client that could be taken for a user': [
      `${base}clients:\n  usr_x: { public: true }\n`,
      /^gatehouse\.yaml:4: clients\.usr_x: not a possible name/,
    ],
    'a client that could be taken for a browser app of ours': [
      `${base}clients:\n  'app:shop.example.com': { public: true }\n`,
      /^gatehouse\.yaml:4: clients\.app:shop\.example\.com: not a possible name/,
    ],
    'a client that proves nothing and is not public': [
      `${base}clients:\n  web: { scopes: [a] }\n`,
      /clients\.web: expected secret, jwks, jwks_uri, auth_method or public: true/,
    ],
    'an address that could not be asked for': [
      `${base}clients:\n  web: { secret: ${secret}, backchannel_logout_uri: http://127.0.0.1:4000/out }\n`,
      /clients\.web\.backchannel_logout_uri: an https URL is expected/,
    ],
    'a public client with a secret': [
      `${base}clients:\n  web: { public: true, secret: ${secret} }\n`,
      /clients\.web\.public: a public client proves nothing/,
    ],
    'a private key in a key set': [
      `${base}clients:\n  web: { jwks: { keys: [{ kty: EC, d: x }] } }\n`,
      /clients\.web\.jwks: Key 1 of the key set has private members/,
    ],
    'a trusted proxy that is no address': [
      `${base}trusted_proxies: [everywhere]\n`,
      /trusted_proxies\[0\]: expected an address or a range/,
    ],
    'an origin with a path': [
      `${base}first_party_origins: [https://app.example.com/]\n`,
      /first_party_origins\[0\]: expected an origin/,
    ],
    'a port that does not exist': [`${base}listen: 0.0.0.0:70000\n`, /listen: expected a port of at most 65535/],
    'a key that stands twice': [`${base}issuer: https://other.example.com\n`, /^gatehouse\.yaml:3: not valid YAML: /],
    'an alias': ['issuer: &a https://auth.example.com\naudience: *a\n', /^gatehouse\.yaml:2: aliases/],
    'a variable between braces that no quotes hold': [
      `${base}clients: { web: { secret: \${SECRET} } }\n`,
      /^gatehouse\.yaml:3: not valid YAML: .*stands in quotes/,
    ],
    'two scopes in one text': [
      `${base}clients:\n  web: { secret: ${secret}, scopes: [orders:read orders:write] }\n`,
      /^gatehouse\.yaml:4: clients\.web\.scopes\[0\]: expected one scope, without a space/,
    ],
    'a route that asks for two scopes in one text': [
      service("{ path: /a, require: { scopes: ['a b'] } }"),
      /^gatehouse\.yaml:7: services\.orders\.routes\[0\]\.require.*: expected one/,
    ],
    'a database of another kind': [
      `${base}database: mysql://gatehouse:hunter2@host/db\n`,
      /^gatehouse\.yaml:3: database: expected a file, or postgres:\/\/user:password@host\/database$/,
    ],
    'a database URL that is none': [`${base}database: postgres://u:p@h:99999/db\n`, /database: expected a file, or/],
    'a database that is gone with the process': [`${base}database: ':memory:'\n`, /database: nothing of it would/],
    'an upstream with a password, which is not repeated': [
      `${base}services:\n  orders: { upstream: http://u:hunter2@orders:4001, routes: [{ path: /a, require: token }] }\n`,
      /services\.orders: "http:\/\/…@orders:4001" is no origin of http, https, h2c or h2/,
    ],
    'YAML that is none': ['issuer: [\n', /^gatehouse\.yaml:\d: not valid YAML/],
    'a list': ['- issuer\n', /expected keys and values/],
  }
  for (const [name, [text, problem]] of Object.entries(refused)) {
    it(`is refused for ${name}, with file, line, key and what would be right`, () => {
      const found = problems(text)
      expect(found).toHaveLength(1)
      expect(found[0]).toMatch(problem)
    })
  }

  it('is told of all its wrong keys and all its routes that cannot be meant, however many', () => {
    const names = Array.from({ length: 30 }, (_, index) => `wrong_${index}`)
    expect(problems(`${base}${names.map((name) => `${name}: 1\n`).join('')}`)).toHaveLength(30)
    const bad = (path: string) => `  s${path}:\n    upstream: s:1\n    routes: [{ path: /${path}*, require: token }]\n`
    expect(problems(`${base}services:\n${['a', 'b', 'c'].map(bad).join('')}`)).toEqual(
      ['a', 'b', 'c'].flatMap((name, index) => [
        expect.stringMatching(`^gatehouse.yaml:${4 + 3 * index}: services.s${name}: "s:1" is no origin`),
        expect.stringMatching(`^gatehouse.yaml:${6 + 3 * index}: services.s${name}.routes\\[0\\]: `),
      ]),
    )
  })

  it('is told of every problem at once', () => {
    expect(problems(`${base}lisen: x\nworkers: 0\ntokens: { access_token_lifetime: 5 }\n`)).toHaveLength(3)
  })

  it('is told beside an unknown key of what cannot be meant, as if the key had the name that is close to it', () => {
    const file = (more: string) => `issuer: http://auth.example.com
master_key: \${KEY}
sign_up: { mode: open }
${more}
services:
  orders:
    upstream: ftp://orders
    routes: [{ path: orders, require: token }]
`
    const others = [
      expect.stringMatching(/^gatehouse\.yaml:1: issuer: expected https/),
      expect.stringMatching(/^gatehouse\.yaml:6: services\.orders: "ftp:\/\/orders" is no origin/),
      expect.stringMatching(/^gatehouse\.yaml:8: services\.orders\.routes\[0\]: /),
    ]
    expect(problems(file("mial: { from: me@example.com, smtp: 'smtps://mail.example.com' }"))).toEqual([
      'gatehouse.yaml:4: mial: unknown key; did you mean mail?',
      ...others,
    ])
    expect(problems(file('nonsense: 1'))).toEqual([
      expect.stringMatching(/^gatehouse\.yaml:4: nonsense: unknown key; possible here: /),
      ...others,
      expect.stringMatching(/sign_up\.mode: .*add mail$/),
    ])
  })

  it('is told of unknown keys alone where the rest could not be looked at', () => {
    const unknown = (text: string) => problems(text).map((line) => line.replace(/; .*/, ''))
    expect(unknown(service('{ path: orders, require: { whn: principal.sub == 1 } }'))).toEqual([
      'gatehouse.yaml:7: services.orders.routes[0].require.whn: unknown key',
    ])
    expect(unknown('issuer: http://auth.example.com\nmaster_key: ${KEY}\nprovidrs: { a: { kind: google } }\n')).toEqual(
      ['gatehouse.yaml:3: providrs: unknown key'],
    )
    expect(unknown('issuer: http://auth.example.com\nmaster_key: ${KEY}\nlisen: 1\n')).toEqual([
      'gatehouse.yaml:3: lisen: unknown key',
    ])
  })

  it('may take its master key from a file that nobody else can read', () => {
    const file = join(folder, 'master.key')
    writeFileSync(file, `${key}\n`)
    const text = `issuer: https://auth.example.com\nmaster_key_file: ${file}\n`
    chmodSync(file, 0o644)
    expect(problems(text)[0]).toMatch(/master_key_file: .* can be read by others.*chmod 600/)
    chmodSync(file, 0o600)
    expect(problems(text)).toEqual([])
    expect(problems(`${text}master_key: \${KEY}\n`)[0]).toMatch(/not both/)
  })
})

describe('the environment', () => {
  it('sets every scalar key', () => {
    const names = environmentKeys().map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining([
        'GATEHOUSE_ISSUER',
        'GATEHOUSE_TOKENS_ACCESS_TOKEN_LIFETIME',
        'GATEHOUSE_LOGIN_API',
        'GATEHOUSE_WORKERS',
      ]),
    )
    const loaded = load(base, {
      environment: {
        GATEHOUSE_TOKENS_ACCESS_TOKEN_LIFETIME: '1h',
        GATEHOUSE_LOGIN_API: 'false',
        GATEHOUSE_WORKERS: '2',
        GATEHOUSE_PASSWORDS_MINIMUM_LENGTH: '20',
      },
    })
    expect([
      loaded.auth.lifetimes.accessToken,
      loaded.loginApi,
      loaded.workers,
      loaded.auth.minimumPasswordLength,
    ]).toEqual([3600, false, 2, 20])
  })

  it('sets what is one of some words, and texts of digits alone', () => {
    const { auth } = load(base, {
      environment: {
        GATEHOUSE_REGISTRATION_MODE: 'token',
        GATEHOUSE_BRAND_NAME: '42',
        GATEHOUSE_LOG_LEVEL: 'debug',
      },
    })
    expect([auth.registration.mode, auth.brand.name]).toEqual(['token', '42'])
    expect(problems(base, { environment: { GATEHOUSE_SIGN_UP_MODE: 'of' } })).toEqual([
      'environment variable GATEHOUSE_SIGN_UP_MODE: sign_up.mode: expected off, open, invitation, domains',
    ])
    expect(load(base, { environment: { GATEHOUSE_WORKERS: 'auto' } }).workers).toBeGreaterThan(0)
  })

  it('is warned of where it looks as if it set a key and sets none', () => {
    const { warnings } = load(`${base}audience: \${GATEHOUSE_AUDIENCE_OF_MINE}\n`, {
      environment: {
        GATEHOUSE_AUDIENCE_OF_MINE: 'https://api.example.com',
        GATEHOUSE_CONFIG: 'gatehouse.yaml',
        GATEHOUSE_LISEN: '0.0.0.0:80',
        GATEHOUSE_TRUSTED_PROXIES: '10.0.0.0/8',
        // As Kubernetes sets them beside a service `gatehouse`.
        GATEHOUSE_SERVICE_HOST: '10.0.0.1',
        GATEHOUSE_SERVICE_PORT_HTTP: '8080',
        GATEHOUSE_PORT: 'tcp://10.0.0.1:8080',
        GATEHOUSE_PORT_8080_TCP_ADDR: '10.0.0.1',
      },
    })
    expect(warnings).toEqual([
      'environment variable GATEHOUSE_LISEN: sets no key; did you mean GATEHOUSE_LISTEN?',
      'environment variable GATEHOUSE_TRUSTED_PROXIES: sets no key; lists, and what has a name of yours, stand in the file alone',
    ])
  })

  it('says for how long browsers come by https alone, where the issuer is https', () => {
    expect(load(base).httpsFor).toBe(31_536_000)
    expect(load(`${base}strict_transport_security: 0s\n`).httpsFor).toBe(0)
    const http = base.replace('https://auth.example.com', 'http://localhost:8080')
    expect(load(http, { development: true }).httpsFor).toBeUndefined()
    // What is developed on this machine is come to by the same names, or by http the next time.
    expect(load(base, { development: true }).httpsFor).toBeUndefined()
    for (const host of ['localhost:8443', 'auth.localhost', '127.0.0.1', '[::1]'])
      expect(load(base.replace('auth.example.com', host)).httpsFor).toBeUndefined()
  })

  it('is warned of where apps tell too seldom that somebody uses a second factor', () => {
    const seldom = (more: string) => load(`${base}${more}`).warnings
    const warned = (key: string) => [expect.stringMatching(new RegExp(`${key}: apps refresh every .* at least twice`))]
    expect(seldom('tokens: { access_token_lifetime: 1h }\n')).toEqual(warned('3: tokens.access_token_lifetime'))
    expect(seldom('second_factor: { idle: 9m }\n')).toEqual(warned('3: second_factor.idle'))
    expect(seldom('tokens: { access_token_lifetime: 30m }\n')).toEqual([])
    expect(seldom('tokens: { access_token_lifetime: 1h }\nsecond_factor: { idle: 0s }\n')).toEqual([])
  })

  it('gives numbers, and true or false, also where the file names a variable', () => {
    const file = (limit: string) => `${base}workers: \${TWO}
login_api: "\${NO}"
brand: { name: "\${TWO}" }
trusted_proxies: ["\${PROXY}"]
services:
  orders:
    upstream: http://orders:1
    connections: "${limit}"
    routes: [{ path: /orders, require: token }]
`
    const environment = { TWO: '2', NO: 'false', PROXY: '10.0.0.1' }
    const loaded = load(file('${TWO}'), { environment })
    expect([loaded.workers, loaded.loginApi, loaded.auth.brand.name]).toEqual([2, false, '2'])
    expect(loaded.trustedProxies).toEqual(['10.0.0.1'])
    expect(problems(file('${NO}'), { environment })).toEqual([
      expect.stringMatching(/^gatehouse\.yaml:10: services\.orders\.connections: expected a whole number/),
    ])
    expect(problems(file('2'), { environment })).toEqual([
      expect.stringMatching(/connections: expected a whole number/),
    ])
    expect(problems(file('${TWO}'), { environment: { TWO: '2', NO: 'false' } })).toEqual([
      'gatehouse.yaml:6: trusted_proxies[0]: the environment variable PROXY is not set',
    ])
  })

  it('is named where a value of it is wrong', () => {
    expect(problems(base, { environment: { GATEHOUSE_LOGIN_API: 'perhaps' } })).toEqual([
      'environment variable GATEHOUSE_LOGIN_API: login_api: expected true or false',
    ])
  })

  it('leaves $${ alone', () => {
    expect(load(`${base}audience: "$\${NOT_A_VARIABLE}"\n`).auth.audience).toBe('${NOT_A_VARIABLE}')
  })
})

describe('development mode', () => {
  it('needs no file content, allows http on this machine, and brings a client', () => {
    const loaded = load('', { development: true })
    expect([loaded.issuer, loaded.auth.clients.map(({ id }) => id)]).toEqual([
      'http://localhost:8080',
      ['demo-service', 'demo-web', 'demo-spa'],
    ])
  })

  it('listens on this machine alone, and has no http issuer elsewhere', () => {
    expect(problems('listen: 0.0.0.0:8080\n', { development: true })[0]).toMatch(
      /listen: development mode listens on this machine alone/,
    )
    expect(problems('metrics: { listen: 0.0.0.0:9090 }\n', { development: true })[0]).toMatch(
      /metrics\.listen: development mode listens on this machine alone/,
    )
    const envoy = 'trusted_proxies: [127.0.0.1]\next_authz: { listen: 0.0.0.0:9191 }\n'
    expect(problems(envoy, { development: true })[0]).toMatch(/ext_authz\.listen: development mode listens on this/)
    expect(problems('issuer: http://auth.example.com\n', { development: true })[0]).toMatch(
      /issuer: an http issuer is for this machine alone/,
    )
  })
})
