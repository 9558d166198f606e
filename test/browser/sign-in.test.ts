import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { postForm } from '../flows/running-program.ts'
import { isMissing, patience, startBrowser } from './browser.ts'
import { type BrowserSite, startBrowserSite } from './site.ts'
import { Visitor } from './visitor.ts'

const cibaGrantType = 'urn:openid:params:grant-type:ciba'

describe.skipIf(isMissing).each([
  ['with scripts', true],
  ['without scripts', false],
])('in a real browser %s', patience, (_name, javaScriptEnabled) => {
  let browser: Browser
  let started: BrowserSite
  let visitors: Visitor[] = []
  beforeAll(async () => {
    ;[browser, started] = await Promise.all([startBrowser(), startBrowserSite()])
    for (const name of ['carol', 'dave', 'erin']) await started.addUser(name)
  })
  afterEach(async () => {
    await Promise.all(visitors.map((visitor) => visitor.leave()))
    visitors = []
  })
  afterAll(async () => {
    await Promise.all([browser.close(), started.remove()])
  })

  const arrive = async (): Promise<Visitor> => {
    const visitor = await Visitor.arrive(browser, started.issuer, { javaScriptEnabled })
    visitors.push(visitor)
    return visitor
  }

  it('one signs in, agrees once, and is asked again after having withdrawn that', async () => {
    const visitor = await arrive()
    await visitor.goTo(started.authorize('flowers'))
    expect(await visitor.textOf('#client-name')).toBe('Flower shop')
    await visitor.signIn('carol', 'not the password')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.signIn('carol')
    await visitor.press('#allow')
    expect(visitor.callback.get('code')).toMatch(/^ghc_/)
    await visitor.goTo(started.authorize('flowers'))
    expect(visitor.callback.has('code')).toBe(true)
    await visitor.goTo('/account/applications')
    await visitor.press('.withdraw')
    expect(await visitor.has('#no-applications')).toBe(true)
    await visitor.goTo(started.authorize('flowers'))
    await visitor.press('#deny')
    expect(visitor.callback.get('error')).toBe('access_denied')
  })

  it('two tabs sign in for two apps at once, and neither gets what is the other’s', async () => {
    const first = await arrive()
    const second = await first.openTab()
    await first.goTo(started.authorize('flowers', { state: 'of-flowers' }))
    await second.goTo(started.authorize('books', { state: 'of-books' }))
    await first.signIn('dave')
    await second.signIn('dave')
    await first.press('#allow')
    await second.press('#allow')
    expect([first, second].map(({ callback }) => [callback.has('code'), callback.get('state')])).toEqual([
      [true, 'of-flowers'],
      [true, 'of-books'],
    ])
  })

  it('a session is ended from another device', async () => {
    const [here, there] = [await arrive(), await arrive()]
    for (const visitor of [here, there]) {
      await visitor.goTo('/account/sessions')
      await visitor.signIn('carol')
    }
    await here.goTo('/account/requests')
    expect(await here.has('#nothing')).toBe(true)
    await here.goTo('/account/sessions')
    await here.press('#end-others')
    expect(await here.has('#this-session')).toBe(true)
    await there.goTo('/account')
    expect(await there.has('#password')).toBe(true)
  })

  it('a device is let in by its code', async () => {
    const { json } = await postForm(`${started.issuer}/oauth/device`, { client_id: 'tv', scope: 'openid orders:read' })
    const visitor = await arrive()
    await visitor.goTo('/device')
    await visitor.fill('#user_code', 'WRONG-CODE')
    await visitor.press('#continue')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.fill('#user_code', String(json.user_code))
    await visitor.press('#continue')
    await visitor.signIn('carol')
    await visitor.press('#allow')
    expect(await visitor.has('#done')).toBe(true)
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
    const form = { client_id: 'tv', grant_type, device_code: String(json.device_code) }
    expect((await postForm(`${started.issuer}/oauth/token`, form)).json).toHaveProperty('access_token')
  })

  it('what a counter asks is found in the account, and decided on', async () => {
    const proof = { client_id: 'counter', client_secret: 'counter-secret' }
    const form = { ...proof, scope: 'openid orders:read', login_hint: 'carol', binding_message: 'Window 4' }
    const asked = [1, 2].map(() => postForm(`${started.issuer}/oauth/backchannel`, form))
    const ids = (await Promise.all(asked)).map(({ json }) => String(json.auth_req_id))
    const visitor = await arrive()
    await visitor.goTo('/account')
    await visitor.signIn('carol')
    await visitor.press('#waiting a')
    await visitor.press('#requests a')
    await visitor.press('#allow')
    await visitor.press('#more')
    await visitor.press('#deny')
    await visitor.press('#more')
    expect(await visitor.has('#nothing')).toBe(true)
    await visitor.goTo('/account')
    expect(await visitor.has('#waiting')).toBe(false)
    const polls = ids.map((auth_req_id) =>
      postForm(`${started.issuer}/oauth/token`, { ...proof, grant_type: cibaGrantType, auth_req_id }),
    )
    // Both are of the same second: either may have been the first on the list.
    const answers = (await Promise.all(polls)).map(({ json }) => json.error ?? json.token_type)
    expect(answers.sort()).toEqual(['Bearer', 'access_denied'])
  })

  it('one looks at what has happened, and deletes the account', async () => {
    const visitor = await arrive()
    await visitor.goTo('/account/history')
    await visitor.signIn('erin')
    expect(await visitor.has('#events li')).toBe(true)
    await visitor.goTo('/account/data')
    await visitor.fill('#confirm-username', 'somebody else')
    await visitor.press('#delete-account')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.fill('#confirm-username', 'erin')
    await visitor.press('#delete-account')
    expect(await visitor.has('#deleted')).toBe(true)
    await visitor.goTo('/account')
    await visitor.signIn('erin')
    expect(await visitor.has('#error')).toBe(true)
  })

  it('one changes the language', async () => {
    const visitor = await arrive()
    await visitor.goTo('/login')
    await visitor.page.selectOption('#locale', 'de')
    await visitor.press('#change-language')
    expect(await visitor.page.getAttribute('html', 'lang')).toBe('de')
    expect(await visitor.has('#password')).toBe(true)
  })

  it('one changes the password, and signs out', async () => {
    const visitor = await arrive()
    await visitor.goTo('/account/password')
    await visitor.signIn('dave')
    await visitor.fill('#current', 'not the password')
    await visitor.fill('#new', 'croquet with flamingos')
    await visitor.press('#change')
    expect(await visitor.has('#error')).toBe(true)
    await visitor.fill('#current', 'wonderland-tea-party')
    await visitor.fill('#new', 'croquet with flamingos')
    await visitor.press('#change')
    await visitor.press('#continue')
    await visitor.signIn('dave', 'croquet with flamingos')
    expect(await visitor.textOf('#username')).toBe('dave')
    await visitor.goTo('/account')
    await visitor.press('#sign-out-link')
    await visitor.press('#sign-out')
    expect(await visitor.has('#signed-out')).toBe(true)
    await visitor.goTo('/login?flow=gone')
    expect(await visitor.has('#error')).toBe(true)
  })
})
