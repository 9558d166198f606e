import { afterEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { newPkce, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
afterEach(() => started.close())

const pkce = newPkce()
const request = {
  client_id: 'web',
  redirect_uri: 'https://app.example.com/cb',
  response_type: 'code',
  scope: 'openid',
  code_challenge: pkce.challenge,
  code_challenge_method: 'S256',
}
/** As a browser sends a form of another site: without the cookies that it has. */
const postFromElsewhere = (path: string, form: Record<string, string>): Promise<Response> =>
  fetch(started.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site' },
    body: new URLSearchParams(form),
  })
const start = async (): Promise<TestBrowser> => {
  const permissions = { ...noPermissions, skipConsent: true }
  const metadata = { redirect_uris: [request.redirect_uri] }
  started = await startAuth({ clients: [{ id: 'web', grantTypes: ['authorization_code'], permissions, metadata }] })
  const browser = new TestBrowser(started.url, issuer)
  const page = await browser.get(`/oauth/authorize?${new URLSearchParams(request)}`)
  await browser.signIn(page, 'alice', goodPassword)
  return browser
}

describe('a form that another site sends', () => {
  it('begins an authorization in the session that the browser has, and leaves its other tabs alone', async () => {
    const browser = await start()
    const otherTab = await browser.get('/login')
    const answer = await postFromElsewhere('/oauth/authorize', { ...request, state: 'é &' })
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([303, []])
    const granted = await browser.get(answer.headers.get('location') ?? '')
    expect(granted.callback.get('state')).toBe('é &')
    expect(granted.callback.get('code')).toMatch(/^ghc_/)
    expect((await browser.signIn(otherTab, 'alice', goodPassword)).has('username')).toBe(true)
  })

  it('asks whether to sign out of the session that the browser has', async () => {
    const browser = await start()
    const answer = await postFromElsewhere('/oauth/logout', { client_id: 'web' })
    expect((await browser.get(answer.headers.get('location') ?? '')).has('sign-out')).toBe(true)
  })

  it('is taken as it is where it is too long for an address', async () => {
    await start()
    const answer = await postFromElsewhere('/oauth/authorize', { ...request, state: 'x'.repeat(7000) })
    expect(answer.headers.get('location')).toMatch(/^\/login\?flow=/)
  })
})
