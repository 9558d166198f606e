import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { pageSecurity } from './page-security.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const [hsts, corp, coop] = [
  'strict-transport-security',
  'cross-origin-resource-policy',
  'cross-origin-opener-policy',
] as const
const headersAt = async (path: string, init: RequestInit = {}): Promise<Readonly<Record<string, string | null>>> => {
  const { headers } = await fetch(`${started.url}${path}`, { redirect: 'manual', ...init })
  return Object.fromEntries([hsts, corp, coop].map((name) => [name, headers.get(name)]))
}
const year = 'max-age=31536000'
const none = { [hsts]: null, [corp]: null, [coop]: null }

describe('headers of pages', () => {
  it('are for pages of signing in, which keep their tie to who opened them', async () => {
    for (const path of ['/login', '/signup', '/recover', '/oauth/authorize', '/oauth/logout', '/device'])
      expect(await headersAt(path)).toMatchObject({ [hsts]: year, [coop]: null })
    const asked = { method: 'POST', body: new URLSearchParams({ flow: 'none', username: 'x', password: 'y' }) }
    expect(await headersAt('/login/password', asked)).toMatchObject({ [coop]: null })
    expect((await headersAt('/oauth/authorize'))[corp]).toBe('same-origin')
  })

  it('cut the tie of the account’s own', async () => {
    const browser = new TestBrowser(started.url, issuer)
    await browser.signIn(await browser.get('/account/security'), 'alice', goodPassword)
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    for (const path of ['/account', '/account/security', '/account/sessions'])
      expect(await headersAt(path, { headers: { cookie } })).toEqual({
        ...{ [hsts]: year, [corp]: 'same-origin', [coop]: 'same-origin' },
      })
    // Who is not signed in is sent on to a page that keeps it.
    expect(await headersAt('/account')).toEqual({ ...none, [hsts]: year })
  })

  it('keep what pages load for themselves, and leave what others load', async () => {
    for (const path of ['/_gatehouse/assets/page.css', '/_gatehouse/assets/logo'])
      expect((await headersAt(path))[corp]).toBe('same-origin')
    for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/oauth/userinfo'])
      expect(await headersAt(path, { headers: { origin: 'https://app.example.com' } })).toEqual(none)
  })

  it('say nothing of https where the issuer is http', () => {
    const shown = { path: '/account', status: 200, type: 'text/html; charset=utf-8' }
    expect(pageSecurity({ ...shown, httpsFor: undefined })).not.toHaveProperty(hsts)
    expect(pageSecurity({ ...shown, httpsFor: 0 })[hsts]).toBe('max-age=0')
    expect(pageSecurity({ ...shown, path: '/accounts', httpsFor: 0 })).not.toHaveProperty(coop)
  })
})
