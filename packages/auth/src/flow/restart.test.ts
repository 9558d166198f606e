import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'

let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth({
    clients: [{ id: 'web', grantTypes: ['authorization_code'], metadata: { redirect_uris: [redirectUri] } }],
  })
  browser = new TestBrowser(started.url, issuer)
})
afterEach(() => started.close())

const visit = (): Promise<ShownPage> =>
  browser.get(
    `/oauth/authorize?${new URLSearchParams({
      client_id: 'web',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      state: 'st',
      prompt: 'login',
      code_challenge: newPkce().challenge,
      code_challenge_method: 'S256',
    })}`,
  )

const startAgain = (page: ShownPage): string => /id="start-again"[^>]*href="([^"]+)"/.exec(page.text)?.[1] ?? ''

describe('a page that was left open for too long', () => {
  it('offers to start again, and leads to where one was going', async () => {
    const page = await visit()
    started.clock.advance(1801)
    const late = await browser.signIn(page, 'alice', goodPassword)
    expect([late.status, late.has('start-again')]).toEqual([404, true])
    const again = await browser.get(startAgain(late))
    expect(again.has('password')).toBe(true)
    const consent = await browser.signIn(again, 'alice', goodPassword)
    const { callback } = await browser.submit(consent, { decision: 'allow' })
    expect([callback.get('state'), callback.has('code')]).toEqual(['st', true])
  })

  it('keeps nothing of what was proven: a new sign-in that was asked for is still asked for', async () => {
    const consent = await browser.signIn(await visit(), 'alice', goodPassword)
    expect(consent.has('allow')).toBe(true)
    started.clock.advance(1801)
    const late = await browser.submit(consent, { decision: 'allow' })
    expect(late.callback.has('code')).toBe(false)
    expect((await browser.get(startAgain(late))).has('password')).toBe(true)
  })

  it('is gone after half a day', async () => {
    const page = await visit()
    started.clock.advance(43_200)
    expect((await browser.signIn(page, 'alice', goodPassword)).has('start-again')).toBe(false)
  })
})

describe('a page of another browser, as those of several tabs are that were opened at once', () => {
  it('signs nobody in, and leads to what was asked for in this one', async () => {
    const page = await visit()
    const other = new TestBrowser(started.url, issuer)
    // It has no cookie yet, and what would begin anew were of no browser.
    const without = await other.signIn(page, 'alice', goodPassword)
    expect([without.has('start-again'), without.text.includes('lacks-cookies')]).toEqual([false, true])
    await other.get('/login')
    const refused = await other.signIn(page, 'alice', goodPassword)
    expect([refused.status, refused.has('start-again')]).toEqual([404, true])
    expect(refused.text).not.toContain('lacks-cookies')
    const again = await other.get(startAgain(refused))
    expect(again.has('password')).toBe(true)
    const consent = await other.signIn(again, 'alice', goodPassword)
    expect((await other.submit(consent, { decision: 'allow' })).callback.get('state')).toBe('st')
    // The first one goes on where it is.
    expect((await browser.signIn(page, 'alice', goodPassword)).callback.get('state')).toBe('st')
  })

  it('brings nothing of what was proven in it', async () => {
    const consent = await browser.signIn(await visit(), 'alice', goodPassword)
    const other = new TestBrowser(started.url, issuer)
    await other.get('/login')
    const refused = await other.submit(consent, { decision: 'allow' })
    expect(refused.callback.has('code')).toBe(false)
    expect((await other.get(startAgain(refused))).has('password')).toBe(true)
  })
})
