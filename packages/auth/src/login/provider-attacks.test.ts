import { describe, expect, it } from 'vitest'
import { useProviderVisits } from '../testing/provider-visit.ts'
import { goodPassword, issuer } from '../testing/start-auth.ts'

const visits = useProviderVisits()

/** Two providers, of which the second is elsewhere. */
const two = () => [visits.provider(), visits.provider({ name: 'other', title: 'Other' })]

describe('what comes back without a sign-in that is under way is refused before the provider is asked', () => {
  it('with no state, a wrong one, or one that was never given out', async () => {
    await visits.start()
    const browser = visits.newBrowser()
    await visits.leave(browser)
    for (const state of [null, 'short', 'A'.repeat(43), 'é'.repeat(43)]) {
      const page = await visits.comeBack(browser, state)
      expect([page.status, page.has('sign-in')]).toEqual([400, true])
    }
    expect(visits.asked('/token')).toBe(0)
    const [event] = await visits.events('provider_failed')
    expect(event).toMatchObject({ result: 'invalid_answer', target: 'corp' })
  })

  it('a second time', async () => {
    await visits.start()
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    await visits.give(sent.get('nonce'))
    expect((await visits.comeBack(browser, sent.get('state'))).status).toBe(200)
    expect((await visits.comeBack(browser, sent.get('state'))).status).toBe(400)
    expect(visits.asked('/token')).toBe(1)
  })

  it('but in whatever encoding its provider says what is wrong, by a form or in the address', async () => {
    const { url } = await visits.start()
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    const said = `error=access_denied&error_description=f%FCr&state=${sent.get('state')}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const at = `${url}/federation/corp/callback`
    const posted = await fetch(at, { method: 'POST', body: said, headers, redirect: 'manual' })
    expect(posted.status).toBe(303)
    const page = await browser.get(`/federation/corp/callback?${said}`)
    expect([page.has('sign-in'), page.text.includes('not UTF-8')]).toEqual([true, false])
  })

  it('in another browser, where it signs nobody in (login CSRF)', async () => {
    await visits.start()
    const sent = await visits.leave(visits.newBrowser())
    await visits.give(sent.get('nonce'))
    const victim = visits.newBrowser()
    await visits.leave(victim)
    expect((await visits.comeBack(victim, sent.get('state'))).status).toBe(400)
    expect((await visits.comeBack(visits.newBrowser(), sent.get('state'))).status).toBe(400)
    expect(await visits.sessionIn(victim)).toBeUndefined()
    expect(visits.asked('/token')).toBe(0)
  })

  it('at another provider than it was begun at (mix-up)', async () => {
    await visits.start(two())
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    await visits.give(sent.get('nonce'))
    expect((await visits.comeBack(browser, sent.get('state'), 'other')).status).toBe(400)
    expect(visits.asked('/token')).toBe(0)
    // The attempt has not used up the sign-in of the right provider.
    expect((await visits.comeBack(browser, sent.get('state'))).status).toBe(200)
  })

  it('after ten minutes', async () => {
    const { clock } = await visits.start()
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    clock.advance(601)
    expect((await visits.comeBack(browser, sent.get('state'))).status).toBe(400)
    expect(visits.asked('/token')).toBe(0)
  })

  it('posted twice, or for another provider', async () => {
    const { postForm } = await visits.start(two())
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    const form = { code: 'first', state: sent.get('state') ?? '' }
    expect((await postForm('/federation/other/callback', form)).status).toBe(400)
    await visits.give(sent.get('nonce'))
    const kept = await fetch(`${visits.auth.url}/federation/corp/callback`, {
      ...{ method: 'POST', body: new URLSearchParams(form), redirect: 'manual' },
    })
    expect(kept.headers.get('location')).toBe(`/federation/corp/callback?state=${sent.get('state')}`)
    expect((await postForm('/federation/corp/callback', { ...form, code: 'second' })).status).toBe(400)
    await visits.comeBack(browser, sent.get('state'))
    expect(
      visits.upstream.requests.filter(({ path }) => path === '/token').map(({ form: sentOn }) => sentOn.get('code')),
    ).toEqual(['first'])
  })
})

describe('what was begun for one thing does not do another', () => {
  it('a sign-in that comes back to the address of signing out', async () => {
    await visits.start()
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    const page = await browser.get(`/federation/corp/logout?state=${sent.get('state')}`)
    expect(new URL(page.url).pathname).toBe('/oauth/logout')
    expect(await visits.sessionIn(browser)).toBeUndefined()
  })

  it('an answer to signing out that comes back to the address of signing in', async () => {
    await visits.start([visits.provider({ singleLogout: true })])
    const browser = visits.newBrowser()
    await visits.signIn({}, browser)
    const page = await browser.get('/oauth/logout')
    const gone = await browser.submit(page, {})
    expect(gone.headers.get('location')).toMatch(`${visits.upstream.issuer}/logout`)
    expect((await visits.comeBack(browser, gone.callback.get('state'))).status).toBe(400)
    expect(visits.asked('/token')).toBe(1)
  })

  it('a link that comes back after somebody else has signed in in that browser', async () => {
    await visits.start()
    const browser = visits.newBrowser()
    await browser.signIn(await browser.get('/account/linked'), 'alice', goodPassword)
    const sent = await visits.leaveToLink(browser)
    await visits.signIn({ sub: 'mallory' }, browser)
    await visits.give(sent.get('nonce'), { sub: 'person-1' })
    const page = await visits.comeBack(browser, sent.get('state'))
    expect(page.status).toBe(403)
    expect(await visits.auth.store.linkedIdentities.find({ provider: 'corp', subject: 'person-1' })).toBeUndefined()
  })

  it('a link whose session has ended meanwhile', async () => {
    await visits.start()
    const browser = visits.newBrowser()
    await browser.signIn(await browser.get('/account/linked'), 'alice', goodPassword)
    const sent = await visits.leaveToLink(browser)
    await browser.submit(await browser.get('/oauth/logout'), {})
    await visits.give(sent.get('nonce'))
    const page = await visits.comeBack(browser, sent.get('state'))
    expect(new URL(page.url).pathname).toBe('/login')
    expect(await visits.auth.store.linkedIdentities.find({ provider: 'corp', subject: 'person-1' })).toBeUndefined()
  })
})

describe('sessions', () => {
  it('have a new cookie after each sign-in at a provider (fixation)', async () => {
    await visits.start()
    const browser = visits.newBrowser()
    browser.cookies.set('__Host-gatehouse_session', 'F'.repeat(43))
    await visits.signIn({}, browser)
    const first = browser.cookies.get('__Host-gatehouse_session')
    expect(first).not.toBe('F'.repeat(43))
    await visits.signIn({}, browser)
    expect(browser.cookies.get('__Host-gatehouse_session')).not.toBe(first)
  })

  it('of a provider that a reload has removed meanwhile do not begin', async () => {
    const { auth, settings } = await visits.start()
    const browser = visits.newBrowser()
    const sent = await visits.leave(browser)
    auth.replaceSettings({ ...settings, providers: [] })
    expect((await visits.comeBack(browser, sent.get('state'))).status).toBe(404)
    expect(visits.asked('/token')).toBe(0)
    // The page of signing in is there without it.
    const page = await browser.get('/login')
    expect([page.status, page.text.includes('Corp')]).toEqual([200, false])
  })

  it('do not begin for a disabled user', async () => {
    const { store, clock } = await visits.start()
    const browser = visits.newBrowser()
    await visits.signIn({ preferred_username: 'bob' }, browser)
    const found = await visits.sessionIn(browser)
    await store.users.setStatus({ id: found?.user.id as never, status: 'disabled', at: clock.now() })
    const page = await visits.signIn({ preferred_username: 'bob' })
    expect(page.status).toBe(401)
    expect(page.has('sign-in') || page.has('error')).toBe(true)
    expect((await visits.events('sign_in'))[0]).toMatchObject({ result: 'account_disabled' })
  })
})

it('tells nobody a secret, a code, a token or a claim of a sign-in', async () => {
  await visits.start()
  const browser = visits.newBrowser()
  await visits.signIn({ canary: 'canary-claim' }, browser)
  const sent = await visits.leave(browser)
  await visits.give('another nonce', { canary: 'canary-claim' })
  const failed = await visits.comeBack(browser, sent.get('state'))
  expect(failed.status).toBe(400)
  const told = JSON.stringify([await visits.auth.store.audit.list({ limit: 1000 }), visits.auth.refusals.map(String)])
  const caused = visits.auth.refusals.map(({ cause }) => String((cause as Error | undefined)?.message))
  for (const text of [told, caused.join(), failed.text, failed.url.replace('code=canary-code', '')]) {
    expect(text).not.toMatch(/canary|eyJ/)
  }
})

it('shows titles and labels as text', async () => {
  const title = '"><script>alert(1)</script>'
  await visits.start([visits.provider({ title })])
  const browser = visits.newBrowser()
  const shown = await browser.get('/login')
  await visits.signIn({ preferred_username: '<img src=x onerror=1>', name: '<b>n' }, browser)
  const linked = await browser.get('/account/linked')
  const failed = await browser.get(`/federation/corp/callback?${new URLSearchParams({ error: '<u>', state: '<u>' })}`)
  for (const { text, status } of [shown, linked, failed]) {
    expect(status).toBeLessThan(500)
    expect(text).not.toMatch(/<script>|<img src=x|<b>n|<u>/)
  }
  expect(linked.text).toContain('&lt;img src=x')
})

it('sends nobody elsewhere by parameters of its addresses', async () => {
  await visits.start()
  const browser = visits.newBrowser()
  for (const query of ['goesOnTo', 'post_logout_redirect_uri', 'state', 'RelayState', 'return_to']) {
    for (const value of ['https://evil.test', '//evil.test', '/\\evil.test']) {
      const page = await browser.get(`/federation/corp/logout?${query}=${encodeURIComponent(value)}`)
      expect(page.headers.get('location') ?? '').not.toContain('evil')
      expect(page.url.startsWith(visits.auth.url) || page.url.startsWith(issuer)).toBe(true)
    }
  }
})
