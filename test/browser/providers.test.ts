import { startOpenIdProvider, type TestOpenIdProvider } from '@gatehouse/auth/testing/openid-provider'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isMissing, patience, startBrowser } from './browser.ts'
import { type BrowserSite, startBrowserSite } from './site.ts'
import { Visitor } from './visitor.ts'

const secret = 'k3J9x-Qz71_Lm02vPs84TtYw5-RrBnHd'
/** What is answered, with a code, to whoever is sent to a provider: a page with a link back. */
const pageOfProvider = (back: string): string =>
  `<!doctype html><html lang="en"><title>Provider</title><main><a id="back" href="${back.replaceAll('&', '&amp;')}">Back</a></main></html>`

describe.skipIf(isMissing).each([
  ['with scripts', true],
  ['without scripts', false],
])('providers in a real browser %s', patience, (_name, javaScriptEnabled) => {
  let browser: Browser
  let started: BrowserSite
  let upstream: TestOpenIdProvider
  let visitors: Visitor[] = []
  /** Who comes back from the provider. */
  let subject = 'nobody'
  beforeAll(async () => {
    upstream = await startOpenIdProvider(() => Math.floor(Date.now() / 1000))
    upstream.onVisit = async (asked, response) => {
      const nonce = asked.get('nonce') ?? ''
      const claims = { sub: subject, email: `${subject}@corp.example`, email_verified: true, name: `The ${subject}` }
      const auth_time = Math.floor(Date.now() / 1000)
      const id_token = await upstream.signIdToken({ nonce, auth_time, preferred_username: subject, ...claims })
      upstream.giveTokens({ access_token: 'at-1', token_type: 'Bearer', expires_in: 60, id_token })
      const back = new URL(asked.get('redirect_uri') ?? '')
      back.search = new URLSearchParams({ code: 'code-1', state: asked.get('state') ?? '' }).toString()
      response.writeHead(200, { 'content-type': 'text/html' }).end(pageOfProvider(back.href))
    }
    const provider = (name: string, issuer: string) =>
      `  ${name}: { kind: oidc, title: ${name[0]?.toUpperCase()}${name.slice(1)}, issuer: ${issuer}, client_id: gatehouse, client_secret: ${secret}, userinfo: false }\n`
    // Nothing listens at port 1.
    const providers = `providers:\n${provider('corp', upstream.issuer)}${provider('away', 'http://127.0.0.1:1')}`
    ;[browser, started] = await Promise.all([startBrowser(), startBrowserSite(providers)])
    for (const name of ['fay', 'gus']) await started.addUser(name)
  })
  afterEach(async () => {
    await Promise.all(visitors.map((visitor) => visitor.leave()))
    visitors = []
  })
  afterAll(async () => {
    await Promise.all([browser.close(), started.remove(), upstream.close()])
  })

  const arrive = async (): Promise<Visitor> => {
    const visitor = await Visitor.arrive(browser, started.issuer, { javaScriptEnabled })
    visitors.push(visitor)
    return visitor
  }

  it('one signs in for an app by the button of one', async () => {
    subject = 'hana'
    const visitor = await arrive()
    await visitor.goTo(started.authorize('flowers'))
    expect(await visitor.textOf('#provider-corp')).toContain('Corp')
    await visitor.press('#provider-corp')
    await visitor.press('#back')
    await visitor.press('#allow')
    expect(visitor.callback.get('code')).toMatch(/^ghc_/)
  })

  it('one links an account there, and takes that back', async () => {
    subject = 'fay-there'
    const visitor = await arrive()
    await visitor.goTo('/account/linked')
    await visitor.signIn('fay')
    expect(await visitor.has('#no-linked')).toBe(true)
    await visitor.press('#link-corp')
    await visitor.press('#back')
    expect(await visitor.textOf('#linked li')).toContain('fay-there@corp.example')
    const elsewhere = await arrive()
    await elsewhere.goTo('/login')
    await elsewhere.press('#provider-corp')
    await elsewhere.press('#back')
    expect(await elsewhere.textOf('#username')).toBe('fay')
    await visitor.press('.unlink')
    expect(await visitor.has('#no-linked')).toBe(true)
  })

  it('the last way in stays', async () => {
    subject = 'ivo'
    const visitor = await arrive()
    await visitor.goTo('/login')
    await visitor.press('#provider-corp')
    await visitor.press('#back')
    await visitor.goTo('/account/linked')
    await visitor.press('.unlink')
    expect(await visitor.has('#error')).toBe(true)
    expect(await visitor.has('.unlink')).toBe(true)
  })

  it('one that is away is shown as such, and the others work', async () => {
    const visitor = await arrive()
    await visitor.goTo('/login')
    for (let time = 0; time < 3 && (await visitor.has('a#provider-away')); time += 1) {
      await visitor.press('#provider-away')
      expect(await visitor.has('#error')).toBe(true)
    }
    expect(await visitor.has('p#provider-away')).toBe(true)
    expect(await visitor.has('a#provider-corp')).toBe(true)
    await visitor.signIn('gus')
    expect(await visitor.textOf('#username')).toBe('gus')
  })
})
