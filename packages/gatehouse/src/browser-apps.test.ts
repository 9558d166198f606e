import type { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { goodPassword } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type BrowserSite, startBrowserSite } from './testing/browser-site.ts'

let site: BrowserSite
beforeAll(async () => {
  site = await startBrowserSite()
})
afterAll(() => site.close())

let browser: HostBrowser
beforeEach(() => {
  browser = site.newBrowser()
  site.received.length = 0
})

const signIn = (path = '/') => site.signIn(browser, site.app + path)
const subject = () => site.received.at(-1)?.headers['x-gatehouse-subject']
const appCookie = () => browser.jars.get('shop.localhost:8080')?.get('gatehouse_app')

describe('a page without a session', () => {
  it('leads to sign in and back to where it was, with its query', async () => {
    const page = await signIn('/orders/42?tab=lines&x=%2F')
    expect(page.url).toBe(`${site.app}/orders/42?tab=lines&x=%2F`)
    expect(JSON.parse(page.text)).toMatchObject({ url: '/orders/42?tab=lines&x=%2F' })
    expect(subject()).toMatch(/^usr_/)
    expect(browser.trail.map((address) => new URL(address).pathname)).toEqual([
      '/login/password',
      '/_gatehouse/callback',
      '/orders/42',
    ])
  })

  it('leads there by whatever the browser says of itself, and frames and pictures do not', async () => {
    const { status } = await browser.send(`${site.app}/`, { headers: { accept: 'text/html' } })
    expect(status).toBe(303)
    for (const dest of ['iframe', 'image', 'script']) {
      const mode = dest === 'iframe' ? 'navigate' : 'no-cors'
      const headers = { accept: 'text/html', 'sec-fetch-mode': mode, 'sec-fetch-dest': dest }
      expect((await browser.send(`${site.app}/`, { headers })).status).toBe(401)
    }
  })

  it('leaves nothing in the database', async () => {
    site.clock.advance(86_400)
    while ((await site.store.removeExpired()) > 0);
    for (const path of ['/a', '/b']) await browser.send(site.app + path, { headers: { accept: 'text/html' } })
    site.clock.advance(86_400)
    expect(await site.store.removeExpired()).toBe(0)
    site.clock.advance(-2 * 86_400)
  })
})

describe('a person who is refused', () => {
  it('is led to where a second factor is added, on the issuer’s host, where a route asks for one', async () => {
    const page = await signIn('/strong/box')
    expect([page.status, page.url.startsWith(`${site.app}/_gatehouse/callback`)]).toEqual([403, true])
    expect(page.text).toContain(`id="add-factor" class="button primary" href="${site.issuer}/account/security"`)
    expect(page.text).not.toContain('lacks-cookies')
  })

  it('hears that cookies are needed where the browser keeps none of the app’s host', async () => {
    browser.stopsBefore = '/_gatehouse/callback'
    const callback = (await signIn('/mine')).headers.get('location') ?? ''
    const page = await site.newBrowser().visit(callback)
    expect([page.status, page.text.includes('lacks-cookies'), page.text.includes('start-again')]).toEqual([
      400,
      true,
      true,
    ])
  })

  it('sees a page in their language, with the id that finds it, and a script hears JSON', async () => {
    await signIn()
    const page = await browser.visit(`${site.app}/api/secrets`, { 'accept-language': 'de' })
    expect([page.status, page.headers.get('content-type')]).toEqual([403, 'text/html; charset=utf-8'])
    expect(page.text).toContain('Das ist nicht erlaubt.')
    expect(page.text).toMatch(/<code id="request-id">dec_[\w-]+</)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const style = /href="(\/_gatehouse\/[^"]+\.css[^"]*)"/.exec(page.text)?.[1] ?? ''
    expect((await browser.call(site.app + style)).status).toBe(200)
    expect(JSON.parse((await browser.call(`${site.app}/api/secrets`)).text)).toMatchObject({
      error: 'insufficient_scope',
    })
    const form = await browser.post(`${site.app}/orders`, 'a=1', { 'sec-fetch-site': 'cross-site' })
    expect([form.status, form.headers.get('content-type')]).toEqual([403, 'text/html; charset=utf-8'])
  })
})

describe('a script without a session', () => {
  it('is answered 401 as JSON, never by a redirect', async () => {
    const answer = await browser.call(`${site.app}/api/orders`)
    expect([answer.status, answer.headers.get('location')]).toEqual([401, null])
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'credentials_required' })
    expect(site.received).toEqual([])
  })
})

describe('a session', () => {
  it('is one opaque cookie, and no token reaches the browser or the cookie the service', async () => {
    await signIn()
    expect(appCookie()).toMatch(/^[\w-]{22}\.[\w-]{43}\.[\w-]{8,64}\.[\w-]{40,100}$/)
    expect(site.received.at(-1)?.headers.cookie).toBeUndefined()
    expect(site.received.at(-1)?.headers.authorization).toMatch(/^Bearer ey/)
    for (const jar of browser.jars.values()) for (const value of jar.values()) expect(value).not.toMatch(/^ey|^gh[ar]_/)
  })

  it('is asked for scopes and roles like a token', async () => {
    await signIn()
    expect((await browser.call(`${site.app}/api/orders`)).status).toBe(200)
    expect(site.received.at(-1)?.headers).toMatchObject({
      'x-gatehouse-roles': 'clerk',
      'x-gatehouse-scope': 'orders:read',
    })
    expect((await browser.call(`${site.app}/api/secrets`)).status).toBe(403)
  })

  it('is of one host: its cookie opens nothing at another, and nothing where a letter of it was changed', async () => {
    await signIn()
    const cookie = `gatehouse_app=${appCookie()}`
    const at = (app: string, value: string) =>
      site
        .newBrowser()
        .send(`${app}/`, { headers: { cookie: value, accept: '*/*' } })
        .then(({ status }) => status)
    expect(await at(site.app, cookie)).toBe(200)
    expect(await at(site.otherApp, cookie)).toBe(401)
    const parts = cookie.split('.')
    for (const index of parts.keys()) {
      const changed = parts.map((part, at) => {
        const letter = part.at(-2) === 'A' ? 'B' : 'A'
        return at === index ? part.slice(0, -2) + letter + part.at(-1) : part
      })
      expect(await at(site.app, changed.join('.')), `part ${index}`).toBe(401)
    }
    expect(await at(site.app, cookie.replace('=', '=x'))).toBe(401)
    expect(await at(site.app, parts.slice(0, 2).join('.'))).toBe(401)
  })

  it('signs in at a second app without a question', async () => {
    await signIn()
    const page = await browser.visit(`${site.otherApp}/there`)
    expect([page.status, page.url]).toEqual([200, `${site.otherApp}/there`])
  })

  it('goes on when what is remembered of it is too old, and tabs that ask together do not disturb each other', async () => {
    await signIn()
    for (let round = 0; round < 5; round += 1) {
      site.clock.advance(301)
      const answers = await Promise.all(Array.from({ length: 20 }, () => browser.call(`${site.app}/api/orders`)))
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    }
    site.clock.advance(-5 * 301)
  })

  it('is answered for who asks, where the app wants to know', async () => {
    const none = await browser.call(`${site.app}/_gatehouse/session`)
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="gatehouse"'])
    await signIn()
    const answer = await browser.call(`${site.app}/_gatehouse/session`)
    expect(JSON.parse(answer.text)).toMatchObject({ sub: subject(), scope: 'orders:read', roles: ['clerk'] })
    expect((await browser.call(`${site.issuer}/_gatehouse/session`)).status).toBe(404)
  })

  it('ends for everyone at once who signs out elsewhere, and the next page leads to sign in', async () => {
    await signIn()
    const user = await site.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('alice is gone')
    const out = await browser.visit(`${site.issuer}/oauth/logout`)
    await browser.submit(out)
    expect((await browser.call(`${site.app}/api/orders`)).status).toBe(401)
    expect((await browser.visit(`${site.app}/`)).url).toContain('/login?')
  })
})

describe('a request that could change something', () => {
  const post = (headers: Record<string, string>, path = '/api/orders') =>
    browser.send(site.app + path, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', ...headers },
    })

  it('counts only where a page of the very app has sent it', async () => {
    await signIn()
    site.received.length = 0
    const good = [
      { 'sec-fetch-site': 'same-origin' },
      { origin: site.app },
      // A form of a page with Referrer-Policy: no-referrer, which Gatehouse’s own are.
      { origin: 'null', 'sec-fetch-site': 'same-origin' },
    ] as Record<string, string>[]
    for (const headers of good) expect((await post(headers)).status).toBe(200)
    expect(site.received).toHaveLength(3)
    const bad = [
      {},
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'null' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': 'same-site' },
      { origin: site.otherApp },
      { origin: site.app.replace('http', 'https') },
      { origin: site.app, 'sec-fetch-site': 'cross-site' },
      { origin: site.otherApp, 'sec-fetch-site': 'same-origin' },
    ] as Record<string, string>[]
    for (const headers of bad) expect((await post(headers)).status, JSON.stringify(headers)).toBe(403)
    for (const headers of bad) expect((await post(headers, '/open/x')).status, JSON.stringify(headers)).toBe(403)
    expect(site.received).toHaveLength(3)
  })
})

describe('a WebSocket', () => {
  it('opens by a session only where a page of the very app opens it', async () => {
    await signIn()
    const handshake = {
      ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    }
    const status = async (headers: Record<string, string>) =>
      (await browser.send(`${site.app}/live`, { headers: { ...handshake, ...headers } })).status
    expect(await status({})).toBe(403)
    expect(await status({ origin: 'https://evil.example' })).toBe(403)
    expect(await status({ origin: site.otherApp })).toBe(403)
    site.received.length = 0
    // This service knows no WebSocket, and answers as it would anybody.
    expect(await status({ origin: site.app })).toBe(200)
    expect(site.received[0]?.headers).toMatchObject({ upgrade: 'websocket', origin: site.app })
  })
})

describe('what comes back', () => {
  it('counts in the browser that was sent, and nowhere else', async () => {
    const thief = site.newBrowser()
    thief.stopsBefore = '/_gatehouse/callback'
    const stopped = await site.signIn(thief, `${site.app}/theirs`)
    const callback = stopped.headers.get('location') ?? ''
    await browser.visit(`${site.app}/mine`)
    const refused = await browser.visit(callback)
    expect([refused.status, appCookie()]).toEqual([400, undefined])
    // As for several tabs that began at once: what was wanted is not lost.
    expect(/id="start-again"[^>]*href="([^"]*)"/.exec(refused.text)?.[1]).toBe('/theirs')
    // It was the thief's own, and is good there.
    expect((await thief.visit(callback)).status).toBe(200)
  })

  it('counts at the host that it was begun at, once, and for half an hour', async () => {
    browser.stopsBefore = '/_gatehouse/callback'
    const callback = (await site.signIn(browser, `${site.app}/mine`)).headers.get('location') ?? ''
    browser.stopsBefore = undefined
    await browser.visit(`${site.otherApp}/`)
    expect((await browser.visit(callback.replace(site.app, site.otherApp))).status).toBe(400)
    expect((await browser.visit(callback.replace('iss=', 'iss=x'))).status).toBe(400)
    expect((await browser.visit(callback)).status).toBe(200)
    expect((await browser.visit(callback)).status).toBe(400)
    browser.stopsBefore = '/_gatehouse/callback'
    const late = (await browser.visit(`${site.app}/_gatehouse/sign-in?to=/late`)).headers.get('location') ?? ''
    site.clock.advance(1801)
    const tooLate = await browser.visit(late)
    expect([
      tooLate.status,
      /href="([^"]*)"/.exec(tooLate.text.slice(tooLate.text.indexOf('start-again')))?.[1],
    ]).toEqual([400, '/late'])
    site.clock.advance(-1801)
  })

  it('that took too long is begun again at the app alone, whatever was asked for', async () => {
    await signIn()
    for (const to of ['/.//evil.example', '/a/..//evil.example', '/%2e//evil.example']) {
      const address = `${site.app}/_gatehouse/sign-in?to=${encodeURIComponent(to)}`
      await browser.visit(address)
      const late = browser.trail.find((at) => at.includes('/_gatehouse/callback')) ?? ''
      site.clock.advance(1801)
      const page = await browser.visit(late)
      site.clock.advance(-1801)
      const link = /id="start-again"[^>]*href="([^"]*)"/.exec(page.text)?.[1] ?? 'none'
      expect(new URL(link, late).origin, to).toBe(site.app)
      expect(link, to).not.toBe('none')
    }
  })

  it('leads to the app alone, whatever was asked for', async () => {
    await signIn()
    for (const to of [
      '//evil.example/',
      'https://evil.example/',
      '/\\evil.example',
      '/%0d%0aX: y',
      'javascript:alert(1)',
    ]) {
      const page = await browser.visit(`${site.app}/_gatehouse/sign-in?to=${encodeURIComponent(to)}`)
      expect(new URL(page.url).origin, to).toBe(site.app)
    }
  })

  it('that is refused for the sign-in leads nowhere in circles: who cannot sign in more strongly is told', async () => {
    await signIn()
    const page = await browser.visit(`${site.app}/strong/vault`)
    expect(page.status).toBe(403)
    expect(page.text).toContain('second factor')
    expect(browser.trail.length).toBeLessThan(5)
  })
})

describe('signing out at the app', () => {
  it('ends the session everywhere, for pages of the app alone', async () => {
    await signIn()
    const logout = `${site.app}/_gatehouse/logout`
    const said = { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, said]) {
      expect((await browser.call(logout, { method: 'POST', headers })).status).toBe(403)
    }
    expect((await browser.call(`${site.app}/api/orders`)).status).toBe(200)
    const page = await browser.post(logout, {})
    expect([page.status, page.url, appCookie()]).toEqual([200, `${site.app}/goodbye`, undefined])
    expect((await browser.visit(`${site.issuer}/account`)).url).toContain('/login')
  })

  it('answers a script without a page', async () => {
    await signIn()
    const stolen = `gatehouse_app=${appCookie()}`
    expect((await browser.call(`${site.app}/_gatehouse/logout`, { method: 'POST' })).status).toBe(204)
    expect(appCookie()).toBeUndefined()
    expect((await site.newBrowser().send(`${site.app}/`, { headers: { cookie: stolen } })).status).toBe(401)
  })
})

describe('what stands in the file', () => {
  it('makes the app a client that nobody can be over the network', async () => {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: `ghc_${'a'.repeat(43)}`,
      client_id: 'app:shop.localhost:8080',
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await browser.send(`${site.issuer}/oauth/token`, { method: 'POST', body: body.toString(), headers })
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([401, 'invalid_client'])
    const login = JSON.stringify({ username: 'alice', password: goodPassword, client_id: 'app:shop.localhost:8080' })
    const direct = await browser.send(`${site.issuer}/login`, {
      method: 'POST',
      body: login,
      headers: { 'content-type': 'application/json' },
    })
    expect(direct.status).toBe(401)
  })
})
