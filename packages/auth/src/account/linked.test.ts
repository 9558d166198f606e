import type { FactorRow, UserRow } from '@gatehouse/store/rows'
import { buildFactor, buildLinkedIdentity, buildUser } from '@gatehouse/store/testing/rows'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SignInMethod } from '../domain/sign-in-methods.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { type BelievingProvider, providerOf, writeBelievingProvider } from '../testing/outside-providers.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let believing: BelievingProvider
let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  believing = writeBelievingProvider()
  const provider = (name: string, title: string) =>
    providerOf({
      ...{ name, title, hasButton: true, doors: { redirect: true, check: false } },
      definition: believing.definition,
    })
  started = await startAuth({ settings: { providers: [provider('corp', 'Corp & Co'), provider('other', 'Other')] } })
  browser = new TestBrowser(started.url, issuer)
})
afterEach(async () => {
  await started.close()
  believing.remove()
})

const page = '/account/linked'
const asAlice = async (at = browser): Promise<ShownPage> => {
  await at.signIn(await at.get('/login'), 'alice', goodPassword)
  return at.get(page)
}
const linkOn = (shown: ShownPage, provider = 'corp'): string =>
  (new RegExp(`id="(?:link|provider)-${provider}"[^>]* href="([^"]*)"`).exec(shown.text)?.[1] ?? '').replaceAll(
    '&amp;',
    '&',
  )
/** Comes back from the provider to which a page has led. */
const comeBack = (sent: ShownPage, subject: string, at = browser, provider = 'corp'): Promise<ShownPage> => {
  const state = sent.callback.get('state') ?? 'none'
  return at.get(
    `/federation/${provider}/callback?${new URLSearchParams({ state, subject, email: `${subject}@corp.example` })}`,
  )
}
const link = async (subject: string, shown?: ShownPage): Promise<ShownPage> =>
  comeBack(await browser.get(linkOn(shown ?? (await browser.get(page)))), subject)
const unlink = (shown: ShownPage): Promise<ShownPage> => browser.submit(shown, {})
/** Signs in at the provider, as somebody whom nobody here knows yet. */
const signInThere = async (subject: string, at = browser): Promise<ShownPage> => {
  const sent = await at.get(linkOn(await at.get('/login')))
  return comeBack(sent, subject, at)
}
const alice = async (): Promise<UserRow> => {
  const user = await started.store.users.findByCanonicalName('alice')
  if (!user) throw new Error('there is no alice')
  return user
}
const linksOf = async ({ id }: UserRow): Promise<readonly string[]> =>
  (await started.store.linkedIdentities.listByUser(id)).map(({ subject }) => subject)

describe('the page of linked accounts', () => {
  it('asks who is there, and shows what is linked and what can be', async () => {
    expect((await browser.get(page)).has('password')).toBe(true)
    const empty = await asAlice()
    expect([empty.has('no-linked'), empty.has('link-corp'), empty.has('link-other')]).toEqual([true, true, true])
    const shown = await link('a-1', empty)
    expect(shown.url).toBe(started.url + page)
    expect(shown.text).toContain('data-provider="corp"')
    expect(shown.text).toMatch(/Corp &amp; Co[\s\S]*a-1@corp\.example/)
    expect(await linksOf(await alice())).toEqual(['a-1'])
  })

  it('shows one’s own alone', async () => {
    await asAlice()
    await link('a-1')
    const stranger = new TestBrowser(started.url, issuer)
    await signInThere('s-1', stranger)
    const shown = await stranger.get(page)
    expect(shown.text).toContain('s-1@corp.example')
    expect(shown.text).not.toContain('a-1@corp.example')
  })
})

describe('linking', () => {
  it('signs in by that account from then on', async () => {
    await asAlice()
    await link('a-1')
    const elsewhere = new TestBrowser(started.url, issuer)
    expect((await signInThere('a-1', elsewhere)).text).toMatch(/id="username">alice</)
  })

  it('asks the provider to have it proven anew', async () => {
    const sent = await browser.get(linkOn(await asAlice()))
    expect(sent.callback.get('fresh')).toBe('true')
  })

  it('needs a sign-in of the last five minutes', async () => {
    const shown = await asAlice()
    started.clock.advance(301)
    expect((await browser.get(linkOn(shown))).has('password')).toBe(true)
  })

  it('needs one still when they come back', async () => {
    const sent = await browser.get(linkOn(await asAlice()))
    started.clock.advance(301)
    expect((await comeBack(sent, 'a-1')).has('password')).toBe(true)
    expect(await linksOf(await alice())).toEqual([])
  })

  it('begins only from the page of this browser', async () => {
    const shown = await asAlice()
    const stranger = new TestBrowser(started.url, issuer)
    await asAlice(stranger)
    expect((await stranger.get(linkOn(shown))).status).toBe(404)
    expect((await browser.get('/account/linked/add?provider=corp')).status).toBe(404)
    const flow = (await browser.get('/login')).form.fields.flow
    expect((await browser.get(`/account/linked/add?provider=corp&flow=${flow}`)).status).toBe(404)
  })

  it('ends in the session in which it began', async () => {
    const sent = await browser.get(linkOn(await asAlice()))
    await browser.submit(await browser.get('/oauth/logout'), {})
    await signInThere('other-1')
    expect((await comeBack(sent, 'a-1')).status).toBe(403)
    expect(await started.store.linkedIdentities.find({ provider: 'corp', subject: 'a-1' })).toBeUndefined()
  })

  it('is refused in another browser, at another provider, and a second time', async () => {
    const sent = await browser.get(linkOn(await asAlice()))
    const stranger = new TestBrowser(started.url, issuer)
    await asAlice(stranger)
    expect((await comeBack(sent, 'a-1', stranger)).status).toBe(400)
    expect((await comeBack(sent, 'a-1', browser, 'other')).status).toBe(400)
    expect(await linksOf(await alice())).toEqual([])
    await comeBack(sent, 'a-1')
    expect((await comeBack(sent, 'a-2')).status).toBe(400)
    expect(await linksOf(await alice())).toEqual(['a-1'])
  })

  it('takes nothing that signs somebody else in', async () => {
    await signInThere('s-1', new TestBrowser(started.url, issuer))
    const shown = await link('s-1', await asAlice())
    expect([shown.status, shown.has('error')]).toEqual([400, true])
    expect(await linksOf(await alice())).toEqual([])
  })

  it('comes back to the page where it was refused there', async () => {
    const sent = await browser.get(linkOn(await asAlice()))
    const state = sent.callback.get('state') ?? ''
    const shown = await browser.get(`/federation/corp/callback?state=${state}`)
    expect([shown.status, shown.has('error'), shown.has('linkable')]).toEqual([400, true, true])
  })
})

describe('unlinking', () => {
  it('takes it away, tells its owner, and ends the sessions that rest on it', async () => {
    await asAlice()
    await link('a-1')
    const elsewhere = new TestBrowser(started.url, issuer)
    await signInThere('a-1', elsewhere)
    const shown = await unlink(await browser.get(page))
    expect(shown.has('no-linked')).toBe(true)
    expect((await started.mail('identity_unlinked')).to).toBe('alice@example.com')
    expect((await elsewhere.get(page)).has('password')).toBe(true)
    await signInThere('a-1', elsewhere)
    expect((await elsewhere.get('/account')).text).not.toContain('>alice<')
  })

  it('needs a sign-in of the last five minutes, and a form of this site', async () => {
    await asAlice()
    const shown = await link('a-1')
    const { action, fields } = shown.form
    expect((await browser.post(action, fields, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    started.clock.advance(301)
    expect((await unlink(shown)).has('password')).toBe(true)
    expect(await linksOf(await alice())).toEqual(['a-1'])
  })

  it('takes nothing of somebody else', async () => {
    await signInThere('s-1', new TestBrowser(started.url, issuer))
    await asAlice()
    const shown = await link('a-1')
    expect((await browser.submit(shown, { subject: 's-1' })).status).toBe(404)
    expect(await started.store.linkedIdentities.find({ provider: 'corp', subject: 's-1' })).toBeDefined()
  })

  it('counts only what signs in by now: a provider that is configured, and ways that are offered', async () => {
    await asAlice()
    await link('a-1')
    const both = await browser.get(linkOn(await browser.get(page), 'other'))
    await comeBack(both, 'a-2', browser, 'other')
    const user = await alice()
    const passkey = { user_id: user.id, kind: 'passkey', credential_id: 'a-passkey' } as const
    await started.store.factors.insert(buildFactor({ ...passkey, created_at: started.clock.now() }))
    const offering = (...methods: SignInMethod[]): void =>
      started.auth.replaceSettings({
        ...started.settings,
        ...{ signInMethods: new Set(methods), providers: started.settings.providers.slice(0, 1) },
      })
    const tryToUnlink = async (): Promise<ShownPage> =>
      browser.submit(await browser.get(page), { provider: 'corp', subject: 'a-1' })
    // `other` is not configured any more, and neither password nor passkey is offered.
    offering()
    expect((await tryToUnlink()).has('error')).toBe(true)
    expect(await linksOf(user)).toEqual(['a-1', 'a-2'])
    offering('passkey')
    expect((await tryToUnlink()).has('error')).toBe(false)
    expect(await linksOf(user)).toEqual(['a-2'])
  })

  it('counts mails where they are offered, and to a verified address alone', async () => {
    await asAlice()
    await link('a-1')
    const address = 's-1@corp.example'
    const unverified = buildUser({ email: address, email_canonical: address })
    await started.store.users.insert(unverified)
    await started.store.linkedIdentities.insert(buildLinkedIdentity({ subject: 's-1', user_id: unverified.id }))
    const stranger = new TestBrowser(started.url, issuer)
    await signInThere('s-1', stranger)
    const signInMethods = new Set<SignInMethod>(['email_code'])
    started.auth.replaceSettings({ ...started.settings, signInMethods })
    expect((await stranger.submit(await stranger.get(page), {})).has('error')).toBe(true)
    expect(await linksOf(unverified)).toEqual(['s-1'])
    expect((await unlink(await browser.get(page))).has('error')).toBe(false)
    expect(await linksOf(await alice())).toEqual([])
  })

  it('counts no mails where none can be sent', async () => {
    const { providers } = started.settings
    await started.close()
    started = await startAuth({ settings: { providers }, mail: { inbox: false } })
    browser = new TestBrowser(started.url, issuer)
    await asAlice()
    await link('a-1')
    started.auth.replaceSettings({ ...started.settings, signInMethods: new Set(['email_code']) })
    expect((await unlink(await browser.get(page))).status).toBe(400)
    expect(await linksOf(await alice())).toEqual(['a-1'])
  })

  it('counts a passkey, and the removal of the last one counts the rest', async () => {
    await asAlice()
    const user = await alice()
    const passkey = { user_id: user.id, kind: 'passkey', created_at: started.clock.now() } as const
    const [first, second] = [
      buildFactor({ ...passkey, credential_id: '1' }),
      buildFactor({ ...passkey, credential_id: '2' }),
    ]
    const app = buildFactor({ ...passkey, kind: 'totp' })
    for (const factor of [first, second, app]) await started.store.factors.insert(factor)
    const offer = (...methods: SignInMethod[]): void =>
      started.auth.replaceSettings({ ...started.settings, signInMethods: new Set(methods) })
    const remove = async ({ id }: FactorRow): Promise<boolean> => {
      const { fields } = (await browser.get('/account/security')).form
      const shown = await browser.post('/account/factors/remove', { flow: fields.flow ?? '', factor: id })
      expect([shown.status, shown.has('passkeys')]).toEqual([shown.has('error') ? 400 : 200, true])
      return !shown.has('error')
    }
    offer('passkey')
    expect([await remove(first), await remove(second), await remove(app)]).toEqual([true, false, true])
    expect((await started.store.factors.listByUser(user.id)).map(({ id }) => id)).toEqual([second.id])
    offer('passkey', 'password')
    expect(await remove(second)).toBe(true)
  })

  it('leaves the last way in', async () => {
    await signInThere('s-1')
    const refused = await unlink(await browser.get(page))
    expect([refused.status, refused.has('error')]).toEqual([400, true])
    const other = await browser.get(linkOn(refused, 'other'))
    await comeBack(other, 's-2', browser, 'other')
    await unlink(await browser.get(page))
    const user = await started.store.linkedIdentities.find({ provider: 'other', subject: 's-2' })
    const first = await started.store.linkedIdentities.find({ provider: 'corp', subject: 's-1' })
    expect([user, first].filter(Boolean)).toHaveLength(1)
  })
})
