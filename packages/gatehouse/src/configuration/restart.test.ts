import { describe, expect, it } from 'vitest'
import type { Configuration } from './configuration.ts'
import { checkConfiguration } from './load.ts'
import { readConfigurationText } from './read-file.ts'
import { planReload } from './restart.ts'

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
