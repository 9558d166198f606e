import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth()
  browser = new TestBrowser(started.url, issuer)
})
afterEach(() => started.close())

const signIn = (page: ShownPage): Promise<ShownPage> => browser.signIn(page, 'alice', goodPassword)
const open = async (): Promise<ShownPage> => signIn(await browser.get('/account/data'))
const getAlice = async () => {
  const user = await started.store.users.findByCanonicalName('alice')
  if (!user) throw new Error('alice is gone')
  return user
}

describe('what is kept of a user', () => {
  it('is given to its owner as a file, without anything to sign in by', async () => {
    const { id } = await getAlice()
    await started.store.users.setProfile({ id, name: 'Alice Example', locale: 'en', at: started.clock.now() })
    const page = await open()
    const answer = await browser.submit(page, {})
    expect(answer.headers.get('content-disposition')).toContain('attachment')
    const data = JSON.parse(answer.text) as Record<string, readonly Record<string, unknown>[]>
    expect(data.account).toMatchObject({
      username: 'alice',
      name: 'Alice Example',
      email: 'alice@example.com',
      has_password: true,
    })
    expect(Object.keys(data)).toEqual([
      'account',
      'sessions',
      'factors',
      'applications',
      'organisations',
      'linked_accounts',
      'history',
    ])
    expect(data.sessions).toHaveLength(1)
    expect(data.history?.map(({ type }) => type)).toContain('sign_in')
    const { password_hash } = await getAlice()
    const [session] = await started.store.sessions.listByUser((await getAlice()).id)
    for (const secret of [password_hash, session?.cookie_hash]) expect(answer.text).not.toContain(secret)
  })

  it('is given after a sign-in of the last five minutes alone', async () => {
    const page = await open()
    started.clock.advance(301)
    expect((await browser.submit(page, {})).has('password')).toBe(true)
  })
})

describe('deleting one’s account', () => {
  const remove = (page: ShownPage, username: string): Promise<ShownPage> =>
    browser.post('/account/delete', { flow: page.form.fields.flow ?? '', username })

  it('ends every session and token, and leaves nothing but the audit trail', async () => {
    const { access_token, refresh_token } = await started.signIn()
    const alice = await getAlice()
    const page = await open()
    expect((await remove(page, 'bob')).status).toBe(400)
    expect((await remove(page, ' ALICE ')).has('deleted')).toBe(true)
    const { store } = started
    expect(await store.users.findById(alice.id)).toBeUndefined()
    expect(await store.sessions.listByUser(alice.id)).toEqual([])
    expect(await (await started.postJson('/validate', { token: access_token })).json()).toMatchObject({ valid: false })
    expect((await started.postJson('/token/refresh', { refresh_token })).status).toBe(400)
    expect((await started.postJson('/login', { username: 'alice', password: goodPassword })).status).toBe(401)
    expect((await browser.get('/account')).has('password')).toBe(true)
    const [event] = await store.audit.list({ target: alice.id, limit: 1 })
    expect(event).toMatchObject({ type: 'user_deleted', actor: alice.id })
    const [mail] = await started.auth.outbox.listNewest(1)
    expect(mail).toMatchObject({ to: 'alice@example.com' })
  })

  it('asks for a sign-in of the last five minutes', async () => {
    const page = await open()
    started.clock.advance(301)
    expect((await remove(page, 'alice')).has('password')).toBe(true)
    expect((await getAlice()).username).toBe('alice')
  })
})

describe('the history', () => {
  it('tells what has happened, page by page, and nothing of others', async () => {
    await started.postJson('/login', { username: 'alice', password: 'wrong wrong wrong' })
    for (let index = 0; index < 30; index += 1) await started.signIn()
    const page = await signIn(await browser.get('/account/history'))
    expect(page.text.match(/data-event=/g)).toHaveLength(25)
    const [, older = ''] = /id="older" href="([^"]+)"/.exec(page.text) ?? []
    const next = await browser.get(older)
    expect(next.text).toContain('A sign-in failed')
    expect(next.text).toContain('The account was made')
    expect(next.has('older')).toBe(false)
  })
})
