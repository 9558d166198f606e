import { describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'

const masterKey = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const secret = 'k3J9x-Qz71_Lm02vPs84TtYw5-RrBnHd'
const load = (text: string, { development = false, environment = {} } = {}) => {
  const issuer = development ? 'http://localhost:8080' : 'https://auth.example.com'
  const file = `issuer: ${issuer}\nmaster_key: ${masterKey}\n${text}`
  return checkConfiguration(readConfigurationText(file, 'gatehouse.yaml', environment), { development, environment })
}
const problems = (text: string, options = {}): readonly string[] => {
  try {
    load(text, options)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}
const mail = (smtp: string, more = ''): string =>
  `mail:\n  from: Example <no-reply@example.com>\n  smtp: ${smtp}\n${more}`

describe('mail', () => {
  it.each([
    ['smtps://mail.example.com', { port: 465, security: 'tls', user: undefined, password: undefined }],
    ['smtp://mail.example.com', { port: 587, security: 'starttls', user: undefined, password: undefined }],
    ['smtp://me:p%40ss%2Fword@mail.example.com:2525', { port: 2525, user: 'me', password: 'p@ss/word' }],
    ['{ host: mail.example.com, tls: implicit }', { port: 465, security: 'tls' }],
    ['{ host: mail.example.com, user: me, password: "p@s/s" }', { port: 587, security: 'starttls', password: 'p@s/s' }],
  ])('is sent by %s', (smtp, expected) => {
    expect(load(mail(smtp)).mail.smtp).toMatchObject({
      host: 'mail.example.com',
      from: 'Example <no-reply@example.com>',
      ...expected,
    })
  })

  it('takes its password from the environment', () => {
    const environment = { SMTP_PASSWORD: 'hidden' }
    const { smtp } = load(mail('smtps://me:${SMTP_PASSWORD}@mail.example.com'), { environment }).mail
    expect(smtp).toMatchObject({ user: 'me', password: 'hidden' })
  })

  it('goes in clear only where that is said, or to this very machine in development', () => {
    const security = (text: string, development = false) => load(text, { development }).mail.smtp?.security
    expect(security(mail('smtp://127.0.0.1:1025'))).toBe('starttls')
    expect(security(mail('smtp://127.0.0.1:1025', '  insecure: { without_tls: true }\n'))).toBe('none')
    expect(security(mail('smtp://127.0.0.1:1025'), true)).toBe('none')
    expect(security(mail('smtp://mail.example.com'), true)).toBe('starttls')
  })

  it('can be read in the inbox in development alone', () => {
    expect(load('', { development: true }).mail).toMatchObject({ inbox: true, smtp: undefined })
    expect(load(mail('smtps://mail.example.com')).mail.inbox).toBe(false)
  })

  it.each([
    ['another scheme', mail('https://mail.example.com'), /mail\.smtp: expected smtps:/],
    ['a path', mail('smtps://mail.example.com/box'), /mail\.smtp: expected smtps:/],
    [
      'a password without a user',
      mail('{ host: mail.example.com, password: x }'),
      /mail\.smtp: a password needs a user/,
    ],
    ['an unknown key', mail('{ host: mail.example.com, ssl: true }'), /mail\.smtp/],
    ['no sender', 'mail:\n  smtp: smtps://mail.example.com\n', /mail\.from: missing/],
    [
      'a sender that is none',
      'mail:\n  smtp: smtps://mail.example.com\n  from: nobody\n',
      /mail\.from: expected an address/,
    ],
    [
      'a sender with a line break',
      'mail:\n  smtp: smtps://mail.example.com\n  from: "A\\r\\nBcc: b <no-reply@example.com>"\n',
      /mail\.from: expected an address/,
    ],
    ['a port that is none', mail('{ host: mail.example.com, port: 70000 }'), /mail\.smtp/],
  ])('is refused with %s', (_, text, expected) => {
    expect(problems(text).join('\n')).toMatch(expected)
  })
})

describe('the webhook', () => {
  const webhook = (members: string): string => `delivery: { webhook: { ${members} } }\n`

  it('takes the kinds that it is given', () => {
    const { webhook: settings } = load(
      'sign_in: { methods: [email_code] }\n' +
        webhook(`url: https://sms.example/send, secret: ${secret}, kinds: [sign_in_code]`),
    ).mail
    expect(settings).toEqual({ url: 'https://sms.example/send', secret, kinds: ['sign_in_code'] })
  })

  it.each([
    ['plain http', webhook(`url: http://sms.example, secret: ${secret}`), /webhook\.url: expected an https URL/],
    ['a password in the URL', webhook(`url: "https://a:b@sms.example", secret: ${secret}`), /webhook\.url/],
    ['a weak secret', webhook('url: https://sms.example, secret: short'), /webhook\.secret: can be guessed/],
    [
      'an unknown kind',
      webhook(`url: https://sms.example, secret: ${secret}, kinds: [letters]`),
      /kinds\[0\]: expected one of/,
    ],
    [
      'some kinds alone where the others could not leave',
      `sign_in: { methods: [password, email_link] }\nsign_up: { mode: open }\n${webhook(
        `url: https://sms.example, secret: ${secret}, kinds: [sign_in_code]`,
      )}`,
      /kinds: leaves out sign_in_link, sign_up, which would go by mail: add mail/,
    ],
  ])('is refused with %s', (_, text, expected) => {
    expect(problems(text).join('\n')).toMatch(expected)
  })
})

describe('a client that asks people by CIBA', () => {
  const desk = (id: string): string =>
    `  ${id}: { secret: ${secret}, grant_types: ['urn:openid:params:grant-type:ciba'] }\n`
  const clients = `clients:\n${desk('bank-desk')}${desk('call-centre')}`
  const webhook = (kinds: string): string =>
    `delivery: { webhook: { url: https://push.example/, secret: ${secret}${kinds} } }\n`
  const untold = /^clients: bank-desk, call-centre may ask people by CIBA.*\/account\/requests/

  it('is warned of once where nobody is told', () => {
    expect(load(clients).warnings).toEqual([expect.stringMatching(untold)])
    const others = load(clients + webhook(', kinds: [recovery]')).warnings
    expect(others.filter((warning) => untold.test(warning))).toHaveLength(1)
  })

  it.each([
    ['by mail', clients + mail('smtps://mail.example.com'), {}],
    ['by a webhook', clients + webhook(''), {}],
    ['by a webhook and mail', clients + webhook(', kinds: [recovery]') + mail('smtps://mail.example.com'), {}],
    ['in the inbox of development', clients, { development: true }],
  ])('is not where they are told %s', (_, text, options) => {
    expect(load(text, options).warnings).toEqual([])
  })

  it('is not where the webhook takes that kind', () => {
    const { warnings } = load(clients + webhook(', kinds: [approval_request]'))
    expect(warnings.filter((warning) => warning.startsWith('clients'))).toEqual([])
  })
})

describe('what is proven by mail', () => {
  it.each([
    ['sign_up: { mode: open }\n', /sign_up\.mode: people are mailed a link.*add mail/],
    ['sign_in: { methods: [password, email_link] }\n', /sign_in\.methods\[1\]: .*add mail/],
    ['sign_in: { methods: [email_code] }\n', /sign_in\.methods\[0\]: .*add mail/],
  ])('needs a way to send it: %s', (text, expected) => {
    expect(problems(text).join('\n')).toMatch(expected)
    expect(problems(text + mail('smtps://mail.example.com'))).toEqual([])
    expect(problems(text, { development: true })).toEqual([])
  })

  it('is off unless the file says so, and on in development', () => {
    expect(load('').auth).toMatchObject({ signUp: { mode: 'off' }, signInMethods: new Set(['password', 'passkey']) })
    const methods = new Set(['password', 'passkey', 'email_link', 'email_code'])
    expect(load('', { development: true }).auth).toMatchObject({ signUp: { mode: 'open' }, signInMethods: methods })
  })

  it.each([
    ['sign_up: { mode: domains }\n', /sign_up\.domains: expected a list/],
    ['sign_up: { mode: open, domains: [example.com] }\n', /domains: counts with/],
    ['sign_up: { mode: domains, domains: ["@example.com"] }\n', /domains\[0\]: expected a domain/],
    ['sign_in: { methods: [] }\n', /sign_in\.methods/],
    ['sign_in: { methods: [sms] }\n', /sign_in\.methods\[0\]/],
  ])('is refused where it cannot be meant: %s', (text, expected) => {
    expect(problems(text + mail('smtps://mail.example.com')).join('\n')).toMatch(expected)
  })
})

describe('the list of breached passwords', () => {
  it.each([
    ['passwords: { breached: { file: /nowhere.txt } }\n', /breached\.file: \/nowhere\.txt cannot be read/],
    ['passwords: { breached: { url: "http://pwned.example" } }\n', /breached\.url: expected an https URL/],
    ['passwords: { breached: { url: "https://pwned.example", file: package.json } }\n', /give file or url, not both/],
  ])('is refused where it cannot be meant: %s', (text, expected) => {
    expect(problems(text).join('\n')).toMatch(expected)
  })
})
