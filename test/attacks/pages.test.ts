import type { Endpoint } from '@gatehouse/auth/http/endpoint'
import { issuer } from '@gatehouse/auth/testing/start-auth'
import type { TSchema } from 'typebox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Provider, redirectUri, startProvider, web } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'

/** Attacks by way of the pages: frames, scripts in what strangers supply, forged forms, borrowed cookies, places to go on to. */

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'\``
let provider: Provider
beforeEach(async () => {
  const metadata = {
    ...web.metadata,
    client_name: hostile,
    logo_uri: 'https://app.example.com/logo.svg#"><script>',
    post_logout_redirect_uris: ['https://app.example.com/bye'],
  }
  provider = await startProvider({}, [
    { ...web, id: 'asking', metadata, permissions: { ...web.permissions, skipConsent: false } },
  ])
})
afterEach(() => provider.close())

const alice = { username: 'alice', password: 'correct horse battery' }
const session = '__Host-gatehouse_session'
const asking = (given: Record<string, string> = {}) =>
  provider.browser.get(provider.authorizePath({ client_id: 'asking', ...given }))
/** Every page, as it is shown to somebody. */
const pages: Record<
  string,
  () => Promise<{ readonly text: string; readonly headers: Headers; readonly status: number }>
> = {
  'sign-in': () => asking({ login_hint: hostile }),
  'sign-in after a wrong password': async () =>
    provider.browser.submit(await asking(), { username: hostile, password: 'wrong' }),
  consent: async () => provider.browser.submit(await asking({ state: hostile }), alice),
  device: () => provider.browser.get(`/device?user_code=${encodeURIComponent(hostile)}`),
  'a form that posts itself': async () => {
    await provider.authorize()
    return provider.browser.get(provider.authorizePath({ response_mode: 'form_post', state: hostile }))
  },
  'an unknown client': () => provider.browser.get(provider.authorizePath({ client_id: hostile })),
  'an unregistered redirect_uri': () => provider.browser.get(provider.authorizePath({ redirect_uri: hostile })),
  'a flow that is none': () => provider.browser.get(`/login?flow=${encodeURIComponent(hostile)}`),
  'sign-out': async () => {
    await provider.authorize()
    return provider.browser.get(`/oauth/logout?state=${encodeURIComponent(hostile)}`)
  },
}

describe('a page', () => {
  it.each(Object.keys(pages))(
    'is in no frame, in no cache, and runs nothing that a stranger wrote: %s',
    async (name) => {
      const page = await pages[name]?.()
      if (!page) throw new Error('no such page')
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
      const policy = page.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).toContain("base-uri 'none'")
      expect(policy).not.toMatch(/unsafe|\*|data:/)
      expect(page.headers.get('x-frame-options')).toBe('DENY')
      expect(page.headers.get('x-content-type-options')).toBe('nosniff')
      expect(page.headers.get('referrer-policy')).toBe('no-referrer')
      expect(page.headers.get('cache-control')).toBe('no-store')
      expect(page.text).not.toContain('<script>alert')
      const withoutOwn = page.text.replaceAll(/<(?:img|link)\b[^>]*"\/_gatehouse\/assets\/[\w.]+\?v=[\w-]+"[^>]*>/g, '')
      expect(withoutOwn).not.toMatch(/<(img|link|iframe|object|embed|base|style)\b|@import|url\(/)
      // One of them chooses a language.
      expect(page.text.match(/<form\b/g)?.length ?? 0).toBeLessThanOrEqual(3)
    },
  )
})

describe('a form that another site sends', () => {
  const foreign: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.test' },
    { origin: 'https://auth.example.com.evil.test' },
    { origin: 'http://auth.example.com' },
  ]

  it('signs nobody in, also not as the attacker', async () => {
    const page = await asking()
    for (const headers of foreign) {
      const fields = { ...page.form.fields, ...alice }
      expect((await refusing(provider, () => provider.browser.post(page.form.action, fields, headers))).status).toBe(
        403,
      )
    }
    expect(provider.browser.cookies.has(session)).toBe(false)
  })

  it('agrees to nothing', async () => {
    const consent = await provider.browser.submit(await asking(), alice)
    for (const headers of foreign) {
      const fields = { ...consent.form.fields, decision: 'allow' }
      expect((await refusing(provider, () => provider.browser.post('/consent', fields, headers))).status).toBe(403)
    }
    expect((await asking({ prompt: 'none' })).callback.get('error')).toBe('consent_required')
  })

  it('cannot carry a flow of the attacker’s into the victim’s browser', async () => {
    const theirs = provider.newBrowser()
    const flow = (await theirs.get(provider.authorizePath({ client_id: 'asking' }))).form.fields.flow ?? ''
    await asking()
    for (const path of ['/login/password', '/consent', '/oauth/logout', '/device']) {
      const fields = { flow, session: 'x', decision: 'allow', ...alice }
      const answer = await refusing(provider, () => provider.browser.post(path, fields))
      expect([400, 404], path).toContain(answer.status)
    }
    expect(provider.browser.cookies.has(session)).toBe(false)
  })
})

describe('every form of the pages', () => {
  /** Forms that come from elsewhere by their very purpose: an app's request, and what a provider sends. */
  const fromElsewhere: ReadonlySet<string> = new Set(['/oauth/authorize', '/federation/{provider}/callback'])
  /** What a form has in a field, where that must be one of some texts. */
  const sample = (name: string, schema: TSchema, flow: string): string => {
    const [choice] = ((schema as { anyOf?: unknown }).anyOf ?? [schema]) as readonly { const?: string }[] // as TypeBox writes them
    return name === 'flow' ? flow : (choice?.const ?? 'x')
  }
  const forms = () =>
    provider.auth.endpoints.filter(
      ({ method, bodyKind, errorPage, path }) =>
        method === 'POST' && bodyKind === 'form' && errorPage && !fromElsewhere.has(path),
    )
  const fieldsOf = ({ body }: Pick<Endpoint, 'body'>, flow: string): Record<string, string> => {
    const { properties = {} } = (body ?? {}) as { properties?: Record<string, TSchema> } // of an object
    return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, sample(name, schema, flow)]))
  }
  const byOthers = 'This form was sent by another site'

  it('is refused where another site sends it, before anything else is looked at', async () => {
    await provider.authorize()
    const flow = (await provider.browser.get('/account/profile')).form.fields.flow ?? ''
    expect(forms().length).toBeGreaterThan(30)
    for (const form of forms()) {
      const fields = fieldsOf(form, flow)
      for (const headers of [
        { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' },
        { 'sec-fetch-site': 'same-site', origin: 'https://shop.example.com' },
        { origin: 'https://evil.test' },
      ]) {
        const page = await provider.browser.post(form.path, fields, headers)
        expect([page.status, page.text.includes(byOthers)], form.path).toEqual([403, true])
      }
      const foreign = 'flow' in fields ? await provider.newBrowser().post(form.path, fields) : undefined
      expect([undefined, 400, 403, 404], form.path).toContain(foreign?.status)
      const own = await provider.browser.post(form.path, fields, { 'sec-fetch-site': 'same-origin', origin: issuer })
      expect(own.text, form.path).not.toContain(byOthers)
    }
  })
})

describe('a cookie that was set beforehand', () => {
  it('is never taken over: a sign-in makes its own session', async () => {
    for (const planted of ['A'.repeat(43), 'x', '', 'A'.repeat(5000)]) {
      const browser = provider.newBrowser()
      browser.cookies.set(session, planted)
      const answer = await provider.authorize({}, browser)
      expect(answer.callback.has('code')).toBe(true)
      expect(browser.cookies.get(session)).not.toBe(planted)
    }
  })

  it('of before a sign-in is worth nothing after it, and none is worth anything after a logout', async () => {
    await provider.authorize()
    const first = provider.browser.cookies.get(session) ?? ''
    await provider.browser.submit(await provider.browser.get(provider.authorizePath({ prompt: 'login' })), alice)
    const second = provider.browser.cookies.get(session) ?? ''
    await provider.browser.submit(await provider.browser.get('/oauth/logout'), {})
    for (const old of [first, second]) {
      const thief = provider.newBrowser()
      thief.cookies.set(session, old)
      const answer = await thief.get(provider.authorizePath({ prompt: 'none' }))
      expect(answer.callback.get('error')).toBe('login_required')
    }
  })

  it('has the attributes that keep it where it belongs', async () => {
    const page = await asking()
    const answer = await fetch(`${provider.url}${page.form.action}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ ...page.form.fields, ...alice }),
      headers: { cookie: [...provider.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    const cookies = [...page.headers.getSetCookie(), ...answer.headers.getSetCookie()]
    expect(cookies.length).toBeGreaterThan(0)
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^__Host-gatehouse_\w+=[\w-]{43}; /)
      expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
      expect(cookie).not.toMatch(/domain/i)
      expect(cookie.length).toBeLessThan(4096)
    }
  })
})

describe('where a sign-in leads', () => {
  const places = [
    '/\\evil.test',
    '//evil.test',
    '/%09/evil.test',
    '/\t/evil.test',
    'https:evil.test',
    'https://evil.test',
    'https://auth.example.com.evil.test',
    '%2f%2fevil.test',
    'javascript:alert(1)',
  ]

  it.each(places)('is never said by the address: %s', async (place) => {
    const names = ['return_to', 'redirect', 'next', 'continue', 'url', 'rd', 'RelayState', 'post_logout_redirect_uri']
    const query = names.map((name) => `${name}=${encodeURIComponent(place)}`).join('&')
    for (const path of ['/login', '/device', '/oauth/logout']) {
      const browser = provider.newBrowser()
      const page = await browser.get(`${path}?${query}`)
      expect(page.headers.get('location') ?? '').not.toContain('evil')
      const after = page.has('password')
        ? await browser.submit(page, { ...alice, return_to: place, next: place })
        : page
      expect(after.headers.get('location') ?? '').not.toMatch(/evil|javascript/)
      expect(after.text).not.toMatch(/evil|javascript:/)
    }
  })

  it('a redirect after a form is 303, so that the password is not sent on', async () => {
    const answer = await provider.authorize()
    expect([answer.status, answer.headers.get('location')?.startsWith(redirectUri)]).toEqual([303, true])
  })
})
