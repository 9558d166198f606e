import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Configuration } from './configuration.ts'
import { checkConfiguration } from './load.ts'
import { readConfigurationText } from './read-file.ts'
import { type ResolvedConfiguration, resolveConfiguration } from './resolve.ts'
import { loadForProviders } from './resolve-providers.ts'
import { fixedKeys, planReload } from './restart.ts'
import { type ConfigurationFile, configurationSchema } from './schema.ts'

const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const secret = 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4'

function load(more: string): Configuration {
  const text = `issuer: https://auth.example.com\nmaster_key: ${key}\n${more}`
  const resolved = checkConfiguration(readConfigurationText(text, '/etc/gatehouse.yaml', {}), {
    development: false,
    environment: {},
  })
  const { masterKey, routes } = resolved
  if (!masterKey || !routes) throw new Error('incomplete')
  return { ...resolved, masterKey, routes }
}

const mail = "mail: { from: no-reply@example.com, smtp: 'smtps://u:p@mail.example.com' }\n"

describe('a reload of a process that has no way to send mails', () => {
  const started = load('')

  it('leaves sign-in and sign-up as they were where the new ones need mails, and says so', () => {
    const next = load(`${mail}sign_up: { mode: open }\nsign_in: { methods: [email_code] }\naudience: https://api\n`)
    const { taken, waiting } = planReload({ started, current: started, next })
    expect(waiting).toEqual(['mail', 'sign_up', 'sign_in'])
    expect([...taken.auth.signInMethods]).toEqual(['password', 'passkey'])
    expect(taken.auth.signUp.mode).toBe('off')
    expect(taken.auth.audience).toBe('https://api')
  })

  it('leaves them as the last reload did, and takes what needs none', () => {
    const current = load('sign_in: { methods: [password] }\n')
    expect(planReload({ started, current: started, next: current })).toEqual({ taken: current, waiting: [] })
    const next = load(`${mail}sign_in: { methods: [password, email_link] }\nsign_up: { scopes: [a] }\n`)
    const { taken, waiting } = planReload({ started, current, next })
    expect(waiting).toEqual(['mail', 'sign_in'])
    expect([...taken.auth.signInMethods]).toEqual(['password'])
    expect(taken.auth.signUp.scopes).toEqual(['a'])
  })

  it('takes both where the process can send, although it goes on to do so by the old server', () => {
    const next = load(`${mail.replace('mail.', 'new.')}sign_up: { mode: open }\nsign_in: { methods: [email_code] }\n`)
    const sending = load(mail)
    expect(planReload({ started: sending, current: sending, next })).toEqual({ taken: next, waiting: ['mail'] })
  })
})

describe('a reload of a process whose webhook takes some messages alone', () => {
  const hook = (kinds: string, more: string) =>
    load(
      `delivery: { webhook: { url: 'https://messages.example.com/', secret: ${secret}, kinds: [${kinds}] } }\n${more}`,
    )
  const started = hook('sign_in_code', 'sign_in: { methods: [email_code] }\n')

  it('leaves as it was what people are mailed for otherwise', () => {
    const more = 'sign_in: { methods: [email_link] }\nsign_up: { mode: open }\n'
    const next = hook('sign_in_code, sign_in_link, sign_up', more)
    const { taken, waiting } = planReload({ started, current: started, next })
    expect(waiting).toEqual(['delivery', 'sign_up', 'sign_in'])
    expect([...taken.auth.signInMethods, taken.auth.signUp.mode]).toEqual(['email_code', 'off'])
  })

  it('is warned of what nobody is sent', () => {
    expect(started.warnings).toEqual([expect.stringMatching(/kinds: without mail nobody is sent sign_up, .*recovery/)])
    expect(load(mail).warnings).toEqual([])
  })
})

describe('a reload of a process that reads certificates from a header', () => {
  const behind = (proxies: string, header: string) =>
    load(`trusted_proxies: [${proxies}]\nclient_certificates: { header: ${header} }\n`)
  const started = behind('10.0.0.1', 'x-old')

  it('takes other proxies, which write the same header', () => {
    const next = behind('10.0.0.2', 'x-old')
    expect(planReload({ started, current: started, next })).toEqual({ taken: next, waiting: [] })
  })

  it.each([
    ['another header', behind('10.0.0.2', 'x-new')],
    ['none', load('trusted_proxies: [10.0.0.2]\n')],
  ])('keeps the proxies that write it where the file has %s', (_, next) => {
    const { taken, waiting } = planReload({ started, current: started, next })
    expect(taken.trustedProxies).toEqual(started.trustedProxies)
    expect(waiting).toEqual(['client_certificates', 'trusted_proxies'])
    const current = behind('10.0.0.3', 'x-old')
    expect(planReload({ started, current, next }).taken.trustedProxies).toEqual(current.trustedProxies)
  })
})

describe('a reload of a process that sees no certificates of clients', () => {
  const certificates = 'trusted_proxies: [10.0.0.1]\nclient_certificates: { header: client-cert }\n'
  const web = `clients: { web: { secret: ${secret} } }\n`
  const byCertificate = `clients: { web: { auth_method: self_signed_tls_client_auth, jwks: { keys: [{ kty: EC, crv: P-256, x: MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, y: 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM }] } }, other: { auth_method: self_signed_tls_client_auth, jwks_uri: https://other.example.com/keys }, plain: { public: true } }\n`

  it('leaves clients as they were that would prove themselves by one', () => {
    const started = load(web)
    const { taken, waiting } = planReload({ started, current: started, next: load(certificates + byCertificate) })
    expect(waiting).toEqual(expect.arrayContaining(['client_certificates', 'clients.web', 'clients.other']))
    expect(taken.auth.clients).toEqual([started.auth.clients[0], expect.objectContaining({ id: 'plain' })])
  })

  it('takes them where it sees certificates', () => {
    const started = load(certificates + web)
    const next = load(certificates + byCertificate)
    expect(planReload({ started, current: started, next })).toEqual({ taken: next, waiting: [] })
  })
})

const withMail = { from: 'no-reply@example.com', smtp: 'smtps://u:p@mail.example.com' }
const withWebhook = { webhook: { url: 'https://messages.example.com/', secret } }

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-restart-'))
afterAll(() => rmSync(folder, { recursive: true }))
for (const name of ['logo.svg', 'style.css', 'layout.eta', 'master.key']) {
  writeFileSync(join(folder, name), name === 'master.key' ? key : 'x', { mode: 0o600 })
}
writeFileSync(join(folder, 'en.yaml'), 'signIn: Come in')

/** For each key of the file a value that it does not have before, with what else stands in the file before and after. */
const changes: Readonly<Record<string, readonly [value: unknown, beside?: Record<string, unknown>]>> = {
  listen: ['127.0.0.1:9000'],
  database: ['/var/lib/other.db'],
  audience: ['https://api.example.com'],
  master_key: [Buffer.from(key, 'base64').reverse().toString('base64')],
  master_key_file: [join(folder, 'master.key'), { master_key: undefined }],
  master_key_previous: [Buffer.from(key, 'base64').reverse().toString('base64')],
  'tls.cert': ['/etc/cert.pem'],
  'tls.key': ['/etc/key.pem'],
  'tls.http2': [false],
  'client_certificates.authorities': ['/etc/authorities.pem'],
  'client_certificates.header': ['client-cert'],
  'client_certificates.ask': [false],
  strict_transport_security: ['0s'],
  'dpop.require_nonce': [false],
  require_pushed_authorization_requests: [true],
  trusted_proxies: [['10.0.0.0/8']],
  first_party_origins: [['https://app.example.com']],
  login_api: [false],
  pid_file: ['/run/gatehouse.pid'],
  'tokens.access_token_lifetime': ['1m'],
  'sessions.absolute_lifetime': ['29d'],
  'sessions.idle_lifetime': ['13d'],
  'sessions.browser_idle_lifetime': ['6d'],
  'sessions.per_user': [5],
  'sessions.replay_window': ['5s'],
  'passwords.minimum_length': [20],
  'passwords.memory_kib': [40_000],
  'passwords.passes': [3],
  'passwords.hashes_at_a_time': [7],
  'passwords.hashes_waiting': [7],
  'passwords.breached.file': ['/etc/breached.txt'],
  'passwords.breached.url': ['https://breached.example.com/range'],
  'second_factor.required_for_roles': [['admin']],
  'second_factor.valid_for': ['1h'],
  'second_factor.idle': ['0s'],
  'second_factor.remember_for': ['1h'],
  'sign_up.mode': ['open'],
  'sign_up.domains': [['example.com']],
  'sign_up.scopes': [['a']],
  'sign_up.roles': [['clerk']],
  'sign_up.terms': ['https://example.com/terms'],
  'sign_in.methods': [['password']],
  'mail.from': ['new@example.com', { mail: withMail }],
  'mail.smtp': ['smtps://u:p@new.example.com', { mail: withMail }],
  'mail.most': [50, { mail: withMail }],
  'mail.per_recipient': [50, { mail: withMail }],
  'mail.insecure.without_tls': [true, { mail: withMail }],
  'delivery.webhook.url': ['https://new.example.com/', { delivery: withWebhook }],
  'delivery.webhook.secret': [`${secret}!`, { delivery: withWebhook }],
  'delivery.webhook.kinds': [['sign_in_code'], { delivery: withWebhook, mail: withMail }],
  providers: [{ hook: { kind: 'webhook', url: 'https://people.example.com/', secret } }],
  roles: [{ clerk: { scopes: ['a'] } }],
  'organisations.enabled': [true],
  'organisations.administrator_role': ['head', { organisations: { enabled: true } }],
  'organisations.roles': [['clerk'], { organisations: { enabled: true }, roles: { clerk: {} } }],
  'organisations.invitation_lifetime': ['1d', { organisations: { enabled: true } }],
  'audit.keep': ['30d'],
  'audit.keep_refusals': ['1d'],
  'keys.rotate_every': ['30d'],
  'validate.require_client': [true],
  'metrics.allow': [['10.0.0.0/8']],
  'metrics.listen': ['127.0.0.1:9090'],
  'ext_authz.listen': ['127.0.0.1:9191'],
  'log.level': ['debug'],
  workers: [2],
  'brand.name': ['Example'],
  'brand.logo': [join(folder, 'logo.svg')],
  'brand.colors.accent': ['#112233'],
  'brand.colors.accent_dark': ['#112233'],
  'brand.links.terms': ['https://example.com/terms'],
  'brand.links.privacy': ['https://example.com/privacy'],
  'brand.links.support': ['https://example.com/support'],
  'brand.css': [join(folder, 'style.css')],
  'brand.messages': [folder],
  'brand.templates': [folder],
  'registration.mode': ['open'],
  'registration.client_id_metadata_documents': [true],
  'registration.scopes': [['a']],
  'registration.audiences': [['*']],
  'registration.grant_types': [['client_credentials']],
  'registration.limit': [5],
  'registration.unused_for': ['5d'],
  'registration.per_minute': [5],
  authorization_details: [{ payment: { description: 'A payment', schema: { type: 'object' } } }],
  trusted_issuers: [{ ci: { issuer: 'https://ci.example.com', jwks_uri: 'https://ci.example.com/keys', clients: [] } }],
  services: [{ orders: { upstream: 'http://orders:1', routes: [{ path: '/orders', require: 'token' }] } }],
  clients: [{ web: { public: true } }],
}

/** What no reload takes: it refuses another issuer, and the other only lets a mistake pass. */
const noSettings = ['issuer', 'insecure.apps_on_issuer_host']

/** What a reload swaps: `Program.reload` in compose.ts. */
const swapped = ({ auth, routes, resources, auditKept, refusalsKept, ...rest }: ResolvedConfiguration) => ({
  ...{ auth, routes, resources, auditKept, refusalsKept },
  ...{ trustedProxies: rest.trustedProxies, firstPartyOrigins: rest.firstPartyOrigins, httpsFor: rest.httpsFor },
})

function resolve(content: object): Configuration {
  // Each value is right by itself; what it lacks around it is not looked at here.
  const context = { file: '/etc/gatehouse.yaml', development: false, report: () => {}, warn: () => {} }
  return resolveConfiguration(content as ConfigurationFile, context) as Configuration
}

const withValue = (content: Record<string, unknown>, [name = '', ...below]: string[], value: unknown): object => ({
  ...content,
  [name]: below.length === 0 ? value : withValue((content[name] ?? {}) as Record<string, unknown>, below, value),
})

describe('each key of the file', () => {
  it('is one that is tried here', () => {
    const leaves = ({ properties }: { readonly properties?: object }, at: string): string[] =>
      properties
        ? Object.entries(properties).flatMap(([name, below]) => leaves(below, at === '' ? name : `${at}.${name}`))
        : [at]
    expect([...Object.keys(changes), ...noSettings].sort()).toEqual(leaves(configurationSchema, '').sort())
  })

  beforeAll(() => loadForProviders(changes.providers?.[0]))

  it.each(Object.entries(changes))(
    'is taken by a reload, or said to wait for a restart: %s',
    (name, [value, beside]) => {
      const before = { issuer: 'https://auth.example.com', master_key: key, ...beside }
      const started = resolve(before)
      const next = resolve(withValue(before, name.split('.'), value))
      const { waiting } = planReload({ started, current: started, next })
      // How many hashes run at a time follows from how many processes there are.
      const fixed = waiting.filter(
        (one) => fixedKeys.includes(one) && !(name === 'workers' && one.startsWith('passwords')),
      )
      if (isDeepStrictEqual(swapped(started), swapped(next))) {
        expect(fixed.length).toBeGreaterThan(0)
        for (const one of fixed) expect(name.startsWith(one), `${one} for ${name}`).toBe(true)
      } else expect(fixed).toEqual([])
    },
  )
})
