import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addAuthenticator, isMissing, patience, startBrowser, type VirtualAuthenticator } from './browser.ts'
import { type BrowserSite, startBrowserSite } from './site.ts'
import { Visitor } from './visitor.ts'

describe.skipIf(isMissing)('passkeys in a real browser', patience, () => {
  let browser: Browser
  let started: BrowserSite
  let visitor: Visitor
  let authenticator: VirtualAuthenticator
  beforeAll(async () => {
    ;[browser, started] = await Promise.all([startBrowser(), startBrowserSite()])
    for (const name of ['carol', 'dave', 'fay', 'gus']) await started.addUser(name)
    await started.addUser('erin', 'treasurer')
  })
  afterEach(() => visitor.leave())
  afterAll(async () => {
    await Promise.all([browser.close(), started.remove()])
  })

  const arrive = async (): Promise<void> => {
    visitor = await Visitor.arrive(browser, started.issuer)
    authenticator = await addAuthenticator(visitor.page)
  }
  /** Signs in by the password, and makes a passkey. */
  const makePasskey = async (username: string): Promise<void> => {
    await arrive()
    await visitor.goTo('/account/security')
    await visitor.signIn(username)
    await visitor.press('#add-passkey')
    await visitor.fill('#factor-name', `The laptop of ${username}`)
    await visitor.press('#create-passkey')
    expect(await visitor.has('#recovery-codes')).toBe(true)
    await visitor.press('#continue')
    expect(await visitor.textOf('#passkeys .who')).toBe(`The laptop of ${username}`)
  }
  /** Forgets who has signed in; the authenticator stays. */
  const forget = (): Promise<void> => visitor.context.clearCookies()

  it('one is made, named anew, signs in by a button, and is removed', async () => {
    await makePasskey('carol')
    expect(await authenticator.countPasskeys()).toBe(1)
    await visitor.page.click('#passkeys summary')
    await visitor.fill('#passkeys input[name=name]', 'My laptop')
    await visitor.press('#passkeys .rename')
    expect(await visitor.textOf('#passkeys .who')).toBe('My laptop')

    await forget()
    await authenticator.setTouched(false)
    await visitor.goTo(started.authorize('flowers', { acr_values: '2' }))
    await authenticator.setTouched(true)
    await visitor.press('#use-passkey')
    await visitor.press('#allow')
    expect(visitor.callback.has('code')).toBe(true)

    await visitor.goTo('/account/security')
    await visitor.press('#passkeys .remove')
    expect(await visitor.has('#no-passkeys')).toBe(true)
    await forget()
    await authenticator.setTouched(false)
    await visitor.goTo('/login')
    await authenticator.setTouched(true)
    // Each page that follows asks as well, and is answered at once; this one too, it may be, before there is anything to press.
    const error = visitor.page.waitForSelector('#error')
    await Promise.race([error, visitor.page.click('#use-passkey', { timeout: 5000 }).catch(() => undefined)])
    await error
  })

  it('one is chosen beside the user name, where the browser offers it there', async () => {
    await makePasskey('dave')
    await forget()
    // There is nobody here who chooses: the page is answered as soon as it asks, and cannot be looked at.
    await visitor.page.goto(`${started.issuer}/login`, { waitUntil: 'commit' })
    await visitor.waitFor('body[data-page=signed-in]')
    expect(await visitor.textOf('#username')).toBe('dave')
  })

  it('one is asked for after the password, and tells what to do when nobody answers', async () => {
    await makePasskey('fay')
    await forget()
    await authenticator.setTouched(false)
    await visitor.goTo('/login')
    await visitor.signIn('fay')
    expect(await visitor.has('#code')).toBe(false)
    await authenticator.setVerified(false)
    await authenticator.setTouched(true)
    await visitor.page.click('#show-passkey')
    await visitor.waitFor('form.passkey .error')
    expect(await visitor.textOf('form.passkey .error')).toContain('Try again')
    await authenticator.setVerified(true)
    await visitor.press('#show-passkey')
    expect(await visitor.textOf('#username')).toBe('fay')
  })

  it('who cannot have one is told why, and signs in as ever', async () => {
    await arrive()
    await visitor.page.addInitScript('delete window.PublicKeyCredential')
    await visitor.goTo('/login')
    expect(await visitor.has('#use-passkey')).toBe(false)
    await visitor.goTo('/account/security')
    await visitor.signIn('gus')
    await visitor.press('#add-passkey')
    expect([await visitor.has('#passkey-unsupported'), await visitor.has('#create-passkey')]).toEqual([true, false])
    await visitor.leave()
    visitor = await Visitor.arrive(browser, started.issuer, { javaScriptEnabled: false })
    await visitor.goTo('/account/security')
    expect(await visitor.has('#use-passkey')).toBe(false)
    await visitor.signIn('gus')
    await visitor.press('#add-passkey')
    expect([await visitor.has('noscript .error'), await visitor.has('#create-passkey')]).toEqual([true, false])
  })

  it('one is enough for who must have a second factor', async () => {
    await arrive()
    await visitor.goTo(started.authorize('flowers'))
    await visitor.signIn('erin')
    await visitor.press('#passkey-instead')
    await visitor.press('#create-passkey')
    await visitor.press('#continue')
    await visitor.press('#allow')
    expect(visitor.callback.has('code')).toBe(true)
  })
})
