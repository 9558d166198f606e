import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth()
  browser = new TestBrowser(started.url, issuer)
  await browser.signIn(await browser.get('/login'), 'alice', goodPassword)
})
afterEach(() => started.close())

const alice = () => started.store.users.findByCanonicalName('alice')
const flowOf = async (): Promise<string> => (await browser.get('/account/profile')).form.fields.flow ?? ''
const changeEmail = async (email: string): Promise<ShownPage> =>
  browser.post('/account/profile/email', { flow: await flowOf(), email })
const linkOf = async (): Promise<string> => (await started.mails('change_email'))[0]?.link ?? ''

describe('the profile', () => {
  it('takes a name and a language, in which pages and mails then speak', async () => {
    const saved = await browser.submit(await browser.get('/account/profile'), {
      name: ' Alice L\u202e\u0007iddell ',
      locale: 'de',
    })
    expect(await alice()).toMatchObject({ name: 'Alice Liddell', locale: 'de' })
    expect(saved.text).toContain('<html lang="de">')
    await changeEmail('neu@example.com')
    expect((await started.mail('change_email')).subject).toBe('Bestätigen Sie Ihre neue Adresse für Gatehouse')
    await browser.submit(saved, { name: '', locale: 'en' })
    expect(await alice()).toMatchObject({ name: null, locale: 'en' })
  })

  it('sets nothing else, whatever is sent', async () => {
    const page = await browser.get('/account/profile')
    const more = { email: 'eve@example.com', email_verified: 'true', email_verified_at: '1', roles: 'administrator' }
    await browser.submit(page, { name: 'Alice', locale: 'en', ...more })
    expect(await alice()).toMatchObject({
      email: 'alice@example.com',
      roles: 'clerk',
      scopes: 'orders:read orders:write',
    })
  })
})

describe('a new address', () => {
  it('counts once its link is opened and confirmed; the old one is told', async () => {
    expect((await changeEmail('New@Example.com')).has('sent')).toBe(true)
    expect(await alice()).toMatchObject({ email: 'alice@example.com' })
    const page = await browser.get(await linkOf())
    expect(page.text).toContain('New@Example.com')
    expect(await alice()).toMatchObject({ email: 'alice@example.com' })
    const done = await browser.submit(page, {})
    expect(done.text).toContain('New@Example.com')
    expect(await alice()).toMatchObject({
      ...{ username: 'alice', email: 'New@Example.com', email_canonical: 'new@example.com' },
      email_verified_at: started.clock.now(),
    })
    const told = await started.mail('email_changed')
    expect(told.to).toBe('alice@example.com')
    expect(told.text).toContain('N…@Example.com')
    expect(told.text).not.toContain('New@Example.com')
    expect((await browser.submit(page, {})).has('link-gone')).toBe(true)
  })

  it('becomes the user name where the old one was', async () => {
    const { id } = (await alice()) ?? { id: '' as never }
    const names = { username: 'alice@example.com', username_canonical: 'alice@example.com' }
    const old = { email: 'alice@example.com', email_canonical: 'alice@example.com' }
    await started.store.users.setEmail({ id, ...names, ...old, at: started.clock.now() })
    await changeEmail('new@example.com')
    await browser.submit(await browser.get(await linkOf()), {})
    expect(await started.store.users.findById(id)).toMatchObject({ username: 'new@example.com' })
    const login = (username: string) => started.postJson('/login', { username, password: goodPassword })
    expect((await login('alice@example.com')).status).toBe(401)
    expect((await login('new@example.com')).status).toBe(200)
  })

  it('asks for a sign-in of the last five minutes, both times', async () => {
    await changeEmail('new@example.com')
    const page = await browser.get(await linkOf())
    started.clock.advance(301)
    expect((await browser.submit(page, {})).has('password')).toBe(true)
    expect((await changeEmail('other@example.com')).has('password')).toBe(true)
    expect(await started.mails('change_email')).toHaveLength(1)
    expect(await alice()).toMatchObject({ email: 'alice@example.com' })
  })

  it('is confirmed by nobody but who is signed in to the account', async () => {
    await changeEmail('victim@example.com')
    const link = await linkOf()
    const stranger = new TestBrowser(started.url, issuer)
    const shown = await stranger.get(link)
    expect([shown.status, shown.has('sign-in-first')]).toEqual([403, true])
    expect(shown.text).not.toContain('victim@example.com')
    await stranger.submit(await stranger.get('/signup'), {
      email: 'bob@example.com',
      password: 'a meadow of foxgloves',
    })
    await stranger.submit(await stranger.get((await started.mail('sign_up')).link ?? ''), {})
    expect((await stranger.get(link)).has('link-gone')).toBe(true)
    const flow = (await stranger.get('/account/profile')).form.fields.flow ?? ''
    const token = new URL(link).searchParams.get('token') ?? ''
    expect((await stranger.post('/account/profile/email', { flow, token })).has('link-gone')).toBe(true)
    expect(await alice()).toMatchObject({ email: 'alice@example.com' })
    expect((await browser.submit(await browser.get(link), {})).status).toBe(200)
  })

  it('that is somebody else’s is answered alike, and its owner is told', async () => {
    const bob = {
      username: 'bob',
      username_canonical: 'bob',
      email: 'bob@example.com',
      email_canonical: 'bob@example.com',
    }
    const row = await alice()
    if (!row) throw new Error('there is alice')
    await started.store.users.insert({ ...row, ...bob, id: 'usr_bob' as never })
    const taken = await changeEmail('bob@example.com')
    const free = await changeEmail('new@example.com')
    expect(taken.text.replaceAll('bob@', 'new@')).toBe(free.text)
    expect((await started.mail('account_exists')).to).toBe('bob@example.com')
    expect(await started.mails('change_email')).toHaveLength(1)
  })

  it('that somebody else has got meanwhile is not taken from them', async () => {
    await changeEmail('bob@example.com')
    const row = await alice()
    if (!row) throw new Error('there is alice')
    const bob = {
      username: 'bob',
      username_canonical: 'bob',
      email: 'bob@example.com',
      email_canonical: 'bob@example.com',
    }
    await started.store.users.insert({ ...row, ...bob, id: 'usr_bob' as never })
    expect((await browser.submit(await browser.get(await linkOf()), {})).has('link-gone')).toBe(true)
    expect(await alice()).toMatchObject({ email: 'alice@example.com' })
  })

  it('that is none is refused on the page', async () => {
    const page = await changeEmail('nobody')
    expect([page.status, page.has('error')]).toEqual([400, true])
  })
})
