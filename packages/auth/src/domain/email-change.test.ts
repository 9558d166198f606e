import { afterEach, beforeEach, expect, it } from 'vitest'
import { TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { changeEmail } from './email-change.ts'
import { addUser } from './users.ts'

const by = { actor: 'cli:ops' }
let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const alice = async () => {
  const user = await started.store.users.findByCanonicalName('alice')
  if (!user) throw new Error('there is no alice')
  return user
}
/** As whoever runs Gatehouse does it. */
const change = async (email: string) =>
  changeEmail({ ...started, ...started.auth }, { id: (await alice()).id, email }, by)
const events = () => started.store.audit.list({ limit: 10, type: 'email_changed' })

it('an operator’s word makes an address theirs at once; the old one is told, and nothing that was mailed to it counts', async () => {
  const browser = new TestBrowser(started.url, issuer)
  await browser.signIn(await browser.get('/login'), 'alice', goodPassword)
  const { flow = '' } = (await browser.get('/account/profile')).form.fields
  await browser.post('/account/profile/email', { flow, email: 'elsewhere@example.com' })
  const link = (await started.mail('change_email')).link ?? ''
  expect((await browser.get(link)).text).toContain('elsewhere@example.com')
  started.clock.advance(10)
  const { user, before } = await change('New@Example.com')
  expect([before.email, user]).toEqual(['alice@example.com', await alice()])
  expect(user).toMatchObject({
    ...{ username: 'alice', email: 'New@Example.com', email_canonical: 'new@example.com' },
    email_verified_at: started.clock.now(),
  })
  expect((await browser.get(link)).has('link-gone')).toBe(true)
  expect(await started.mail('email_changed')).toMatchObject({ to: 'alice@example.com' })
  expect(await events()).toMatchObject([{ actor: 'cli:ops', target: user.id, result: 'ok' }])
})

it('an operator’s word takes nobody’s address or name, but for one that nobody has shown to be theirs', async () => {
  const add = (username: string, email?: string) =>
    addUser(
      { ...started, ...started.auth },
      { username, ...(email && { email }), scopes: [], roles: [], minimumPasswordLength: 15 },
      by,
    )
  await add('bob', 'bob@example.com')
  await add('carol@example.com')
  const dave = await add('dave', 'dave@example.com')
  await started.store.users.insert({
    ...{ ...dave, id: 'usr_unproven' as typeof dave.id, username: 'eve', username_canonical: 'eve' },
    ...{ email: 'eve@example.com', email_canonical: 'eve@example.com', email_verified_at: null },
  })
  for (const email of ['Bob@example.com', 'carol@example.com']) {
    await expect(change(email), email).rejects.toMatchObject({ code: 'already_exists' })
  }
  await expect(change('nonsense')).rejects.toMatchObject({ code: 'invalid_request' })
  expect(await alice()).toMatchObject({ email: 'alice@example.com' })
  await change('alice@example.com')
  expect(await events()).toEqual([])
  await change('eve@example.com')
  expect(await started.store.users.findByCanonicalName('eve')).toMatchObject({ email: null })
})
