import { Secret, TOTP } from 'otpauth'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isMissing, patience, startBrowser } from './browser.ts'
import { type BrowserSite, startBrowserSite } from './site.ts'
import { Visitor } from './visitor.ts'

/** What an app shows now, or in so many time steps: each code is good once, and one step ahead counts. */
const codeOf = (secret: string, stepsAhead = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + stepsAhead * 30_000 })

describe.skipIf(isMissing).each([
  ['with scripts', true],
  ['without scripts', false],
])('second factors in a real browser %s', patience, (_name, javaScriptEnabled) => {
  let browser: Browser
  let started: BrowserSite
  let visitor: Visitor
  beforeAll(async () => {
    ;[browser, started] = await Promise.all([startBrowser(), startBrowserSite()])
    await started.addUser('carol')
    await started.addUser('erin', 'treasurer')
  })
  afterEach(() => visitor.leave())
  afterAll(async () => {
    await Promise.all([browser.close(), started.remove()])
  })
  const arrive = async (): Promise<void> => {
    visitor = await Visitor.arrive(browser, started.issuer, { javaScriptEnabled })
  }
  const signInAgain = async (username: string): Promise<void> => {
    await visitor.leave()
    await arrive()
    await visitor.goTo('/login')
    await visitor.signIn(username)
  }

  it('one sets up an authenticator app, signs in with it and with a recovery code, and removes it', async () => {
    await arrive()
    await visitor.goTo('/account/security')
    await visitor.signIn('carol')
    expect(await visitor.has('#no-factors')).toBe(true)
    await visitor.press('#add-totp')
    expect(await visitor.has('#qr svg')).toBe(true)
    const secret = await visitor.textOf('#secret')
    await visitor.fill('#code', '000000')
    await visitor.press('#confirm')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.fill('#code', codeOf(secret))
    await visitor.press('#confirm')
    const code = await visitor.textOf('#recovery-codes li')
    await visitor.press('#continue')
    expect(await visitor.has('#factors li')).toBe(true)

    await signInAgain('carol')
    await visitor.fill('#code', '000000')
    await visitor.press('#verify')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.fill('#code', codeOf(secret, 1))
    await visitor.press('#verify')
    expect(await visitor.textOf('#username')).toBe('carol')

    await signInAgain('carol')
    await visitor.page.click('#use-recovery-code')
    await visitor.fill('#recovery-code', code)
    await visitor.press('#verify-recovery-code')
    await visitor.goTo('/account/security')
    expect(await visitor.textOf('#codes-left')).toBe('9')
    await visitor.press('.remove')
    expect(await visitor.has('#no-factors')).toBe(true)
  })

  it('who must have one sets it up before anything else', async () => {
    await arrive()
    await visitor.goTo(started.authorize('flowers'))
    await visitor.signIn('erin')
    await visitor.fill('#code', codeOf(await visitor.textOf('#secret')))
    await visitor.press('#confirm')
    await visitor.press('#continue')
    await visitor.press('#allow')
    expect(visitor.callback.has('code')).toBe(true)
  })
})
