import { type MailServer, startMailServer } from '@gatehouse/auth/testing/mail-server'
import { Secret, TOTP } from 'otpauth'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isMissing, patience, startBrowser } from './browser.ts'
import { type BrowserSite, password, startBrowserSite } from './site.ts'
import { Visitor } from './visitor.ts'

const codeOf = (secret: string, stepsAhead = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + stepsAhead * 30_000 })

describe.skipIf(isMissing).each([
  ['with scripts', true],
  ['without scripts', false],
])('what is proven by mail, in a real browser %s', patience, (_name, javaScriptEnabled) => {
  let browser: Browser
  let started: BrowserSite
  let mails: MailServer
  let visitor: Visitor
  beforeAll(async () => {
    mails = await startMailServer()
    const { port } = mails.settings
    const configuration = `mail:
  from: Wonderland <no-reply@wonderland.example>
  smtp: { host: 127.0.0.1, port: ${port} }
  insecure: { without_tls: true }
sign_up: { mode: open, scopes: [orders:read] }
`
    ;[browser, started] = await Promise.all([startBrowser(), startBrowserSite(configuration)])
  })
  const arrive = (): Promise<Visitor> => Visitor.arrive(browser, started.issuer, { javaScriptEnabled })
  beforeEach(async () => {
    visitor = await arrive()
  })
  afterEach(() => visitor.leave())
  afterAll(async () => {
    await Promise.all([browser.close(), started.remove(), mails.close()])
  })

  /** The newest mail to an address, once there are so many. */
  const mailTo = async (address: string, count: number): Promise<string> => {
    const own = () => mails.received.filter(({ to }) => to === address)
    while (own().length < count) await mails.waitFor(mails.received.length + 1)
    return own()[count - 1]?.text ?? ''
  }
  const linkIn = (text: string): string => /https?:\/\/\S+/.exec(text)?.[0] ?? ''

  /** Signs up on the way to an app, and confirms by the mail. Leads back to the app's question. */
  const signUp = async (email: string): Promise<void> => {
    await visitor.goTo(started.authorize('flowers'))
    await visitor.press('#sign-up')
    await visitor.fill('#email', email)
    await visitor.fill('#password', password)
    await visitor.press('#create')
    expect(await visitor.has('#sent')).toBe(true)
    await visitor.goTo(linkIn(await mailTo(email, 1)))
    await visitor.press('#confirm')
  }

  it('one signs up on the way to an app, and arrives there', async () => {
    await signUp('mary@example.com')
    expect(await visitor.textOf('#client-name')).toBe('Flower shop')
    await visitor.press('#allow')
    expect(visitor.callback.has('code')).toBe(true)
    await visitor.goTo('/account/profile')
    expect(await visitor.textOf('#email')).toContain('mary@example.com')
  })

  it('a forgotten password is set anew, and the second factor is still asked for', async () => {
    await signUp('nora@example.com')
    await visitor.goTo('/account/security')
    await visitor.press('#add-totp')
    const secret = await visitor.textOf('#secret')
    await visitor.fill('#code', codeOf(secret))
    await visitor.press('#confirm')
    await mailTo('nora@example.com', 2)
    await visitor.leave()

    visitor = await arrive()
    await visitor.goTo('/login')
    await visitor.press('#forgot')
    await visitor.fill('#username', 'nora@example.com')
    await visitor.press('#recover')
    expect(await visitor.has('#sent')).toBe(true)
    const link = linkIn(await mailTo('nora@example.com', 3))
    await visitor.goTo(link)
    await visitor.fill('#password', 'a passphrase that is new')
    await visitor.press('#set')
    expect(await visitor.has('#recovered')).toBe(true)
    await visitor.press('#continue')
    await visitor.signIn('nora@example.com', 'a passphrase that is new')
    await visitor.fill('#code', codeOf(secret, 1))
    await visitor.press('#verify')
    expect(await visitor.has('#account')).toBe(true)
    await visitor.goTo(link)
    expect(await visitor.has('#link-gone')).toBe(true)
  })

  it('a link signs in where it was asked for, and in no other browser', async () => {
    await signUp('olga@example.com')
    await visitor.leave()
    visitor = await arrive()
    await visitor.goTo(started.authorize('books'))
    await visitor.press('#by-mail')
    await visitor.fill('#username', 'olga@example.com')
    await visitor.press('#email_link')
    const link = linkIn(await mailTo('olga@example.com', 2))
    const other = await arrive()
    await other.goTo(link)
    expect(await other.has('#other-browser')).toBe(true)
    await other.leave()
    await visitor.goTo(link)
    await visitor.press('#sign-in')
    expect(await visitor.textOf('#client-name')).toBe('Book shop')
  })

  it('a code signs in where it was asked for', async () => {
    await signUp('pam@example.com')
    await visitor.leave()
    visitor = await arrive()
    await visitor.goTo('/login')
    await visitor.press('#by-mail')
    await visitor.fill('#username', 'pam@example.com')
    await visitor.press('#email_code')
    const [code = ''] = /\b\d{4} \d{4}\b/.exec(await mailTo('pam@example.com', 2)) ?? []
    await visitor.fill('#code', '000000')
    await visitor.press('#verify')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.fill('#code', code)
    await visitor.press('#verify')
    expect(await visitor.has('#account')).toBe(true)
  })
})
