import { afterEach, describe, expect, it } from 'vitest'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { addTotp } from '../testing/totp.ts'

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

const start = async (options: Parameters<typeof startAuth>[0] = {}): Promise<void> => {
  started = await startAuth(options)
  browser = new TestBrowser(started.url, issuer)
}
const ask = async (username = 'alice'): Promise<ShownPage> =>
  browser.submit(await browser.get('/login/email'), { username, method: 'email_link' })
const linkOf = async (): Promise<string> => (await started.mails('sign_in_link'))[0]?.link ?? ''

describe('a link from a mail', () => {
  it('signs in the browser that asked for it, by one factor', async () => {
    await start()
    expect((await ask('Alice@example.com')).has('sent')).toBe(true)
    const page = await browser.get(await linkOf())
    const done = await browser.submit(page, {})
    expect(done.text).toContain('<strong id="username">alice</strong>')
    const user = await started.store.users.findByCanonicalName('alice')
    const [session] = await started.store.sessions.listByUser(user?.id ?? ('' as never))
    expect(session).toMatchObject({ amr: 'email', acr: '1' })
    expect(started.signIns).toEqual(['ok'])
  })

  it('signs nobody in who only looks', async () => {
    await start()
    await ask()
    for (let index = 0; index < 3; index += 1) expect((await browser.get(await linkOf())).has('sign-in')).toBe(true)
    expect((await browser.get('/account')).has('password')).toBe(true)
    expect((await browser.submit(await browser.get(await linkOf()), {})).status).toBe(200)
  })

  it('is refused in another browser, with a page that says what to do', async () => {
    await start()
    await ask()
    const other = new TestBrowser(started.url, issuer)
    const shown = await other.get(await linkOf())
    expect([shown.status, shown.has('other-browser')]).toEqual([403, true])
    const flow = (await other.get('/login')).form.fields.flow ?? ''
    const token = new URL(await linkOf()).searchParams.get('token') ?? ''
    const posted = await other.post('/login/link', { flow, token })
    expect([posted.status, posted.has('other-browser')]).toEqual([403, true])
    expect((await other.get('/account')).has('password')).toBe(true)
    expect((await browser.submit(await browser.get(await linkOf()), {})).status).toBe(200)
  })

  it('is used once, also by several posts at once', async () => {
    await start()
    await ask()
    const page = await browser.get(await linkOf())
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => browser.submit(page, {})))
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await browser.submit(page, {})).has('link-gone')).toBe(true)
  })

  it('is over with a newer one, after a quarter of an hour, and with a new password', async () => {
    await start()
    await ask()
    const first = await linkOf()
    started.clock.advance(1)
    await ask()
    expect((await browser.get(first)).has('link-gone')).toBe(true)
    const second = await browser.get(await linkOf())
    started.clock.advance(900)
    expect((await browser.submit(second, {})).has('link-gone')).toBe(true)
    await ask()
    const third = await browser.get(await linkOf())
    const elsewhere = new TestBrowser(started.url, issuer)
    await elsewhere.signIn(await elsewhere.get('/login'), 'alice', goodPassword)
    const form = await elsewhere.get('/account/password')
    await elsewhere.submit(form, { current: goodPassword, new: 'a meadow of foxgloves' })
    expect((await browser.submit(third, {})).has('link-gone')).toBe(true)
  })

  it('does not stand for a second factor', async () => {
    await start()
    await addTotp(started, 'alice')
    await ask()
    const page = await browser.submit(await browser.get(await linkOf()), {})
    expect(page.has('code')).toBe(true)
    expect((await browser.get('/account')).has('password')).toBe(true)
  })

  it('leads nobody in who is disabled meanwhile', async () => {
    await start()
    await ask()
    const page = await browser.get(await linkOf())
    const user = await started.store.users.findByCanonicalName('alice')
    await started.store.users.setStatus({ id: user?.id ?? ('' as never), status: 'disabled', at: started.clock.now() })
    expect((await browser.submit(page, {})).has('link-gone')).toBe(true)
    expect(started.signIns).toEqual(['refused'])
  })

  it('is refused where it is not among the methods', async () => {
    await start({ settings: { signInMethods: new Set(['password', 'email_code']) } })
    expect((await browser.get('/login/email')).text).not.toContain('email_link')
    const flow = (await browser.get('/login')).form.fields.flow ?? ''
    expect((await browser.post('/login/email', { flow, username: 'alice', method: 'email_link' })).status).toBe(403)
    expect((await browser.get('/login/link?token=ghl_x')).status).toBe(403)
    expect(await started.auth.outbox.listNewest(10)).toEqual([])
  })
})

describe('a password', () => {
  it('is asked for and taken nowhere where it is not among the methods', async () => {
    await start({ settings: { signInMethods: new Set(['email_link']) } })
    const page = await browser.get('/login')
    expect(page.has('password')).toBe(false)
    const flow = /flow=([\w-]{22})/.exec(page.text)?.[1] ?? ''
    expect((await browser.post('/login/password', { flow, username: 'alice', password: goodPassword })).status).toBe(
      403,
    )
    expect((await started.postJson('/login', { username: 'alice', password: goodPassword })).status).toBe(403)
  })
})
