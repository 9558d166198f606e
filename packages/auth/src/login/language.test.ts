import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestBrowser } from '../testing/browser.ts'
import { issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { parseOwnPath } from './language.ts'

let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth()
  browser = new TestBrowser(started.url, issuer)
})
afterEach(() => started.close())

describe('the language of the pages', () => {
  it('can be chosen, and stays', async () => {
    const page = await browser.get('/login')
    expect(page.text).toContain('<html lang="en">')
    const german = await browser.post('/_gatehouse/language', { locale: 'de', back: new URL(page.url).pathname })
    expect(german.text).toContain('<html lang="de">')
    expect((await browser.get('/account')).text).toContain('Anmelden')
  })

  it('is the browser’s own, also for errors', async () => {
    const response = await fetch(`${started.url}/login?flow=gone`, { headers: { 'accept-language': 'fr-CA' } })
    expect(await response.text()).toContain('Cette page a expiré')
  })

  it('is what an app asks for', async () => {
    const query = 'client_id=web&redirect_uri=x&ui_locales=es'
    await browser.get(`/oauth/authorize?${query}`)
    expect(started.auth.looks.remember('es')[0]).toContain('gatehouse_locale=es')
  })

  it('is not chosen by another site', async () => {
    const foreign = await browser.post(
      '/_gatehouse/language',
      { locale: 'de', back: '/login' },
      { 'sec-fetch-site': 'cross-site' },
    )
    expect(foreign.status).toBe(403)
  })
})

describe('the way back', () => {
  it.each(['/login?flow=x', '/account', '/'])('is kept: %s', (path) => {
    expect(parseOwnPath(path, issuer)).toBe(path)
  })

  it.each([
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/%09/../\\evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    'https:evil.example',
    'https://evil.example',
    'https://auth.example.com.evil.example',
    'javascript:alert(1)',
    '\n//evil.example',
    'login',
    '',
  ])('leads nowhere else: %j', (path) => {
    let led: string | undefined
    try {
      led = parseOwnPath(path, issuer)
    } catch {
      return
    }
    // What is let through is a path of ours to every reader of addresses.
    expect(new URL(led, issuer).origin).toBe(issuer)
    expect(led).toMatch(/^\/(?![/\\])/)
  })
})
