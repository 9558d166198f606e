import { changeRights } from '@gatehouse/auth/domain/user-rights'
import { addUser, getUserByName, setPassword, setUserStatus } from '@gatehouse/auth/domain/users'
import { type ShownPage, TestBrowser } from '@gatehouse/auth/testing/browser'
import { goodPassword, issuer, type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'
import { isRefusal } from '@gatehouse/core/contracts'
import { TestDatabases } from '@gatehouse/store/testing/databases'
import { hash as bcryptHash } from '@node-rs/bcrypt'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// A ban, or a changed password, that comes while a sign-in waits for its hash: what it ends must stay ended.

const databases = new TestDatabases()
afterAll(() => databases.stop())

const by = { actor: 'test' }

for (const kind of ['SQLite in memory', 'Postgres'] as const) {
  describe(`a sign-in on ${kind}`, () => {
    let started: StartedAuth
    beforeEach(async () => {
      const { store, clock } = await databases.openNew(kind)
      started = await startAuth({ store, clock, hashing: { atATime: 1, mayWait: 100 } })
    })
    afterEach(() => started.close())

    const dependencies = () => ({ ...started, ...started.auth })
    const signInAtOnce = (count: number, username = 'alice', password = goodPassword) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const response = await started.postJson('/login', { username, password })
          const { access_token } = (await response.json()) as { access_token?: string }
          return { status: response.status, access_token }
        }),
      )
    const countValid = (outcomes: Awaited<ReturnType<typeof signInAtOnce>>): number =>
      outcomes.filter(({ access_token }) => access_token && !isRefusal(started.auth.verifier.verify(access_token)))
        .length
    const hashesAreRunning = (count: number) =>
      vi.waitFor(() => expect(started.auth.passwords.depth).toBeGreaterThanOrEqual(count), { interval: 1 })

    it('that waits for its hash does not outlive a ban', async () => {
      const { id } = await getUserByName(started, 'alice')
      const running = signInAtOnce(8)
      await hashesAreRunning(4)
      await setUserStatus(dependencies(), { id, status: 'disabled' }, by)
      const outcomes = await running
      expect(countValid(outcomes)).toBe(0)
      expect(outcomes.map(({ status }) => status)).toContain(401)
    })

    it.each(['scopes', 'roles'] as const)('that waits for its hash does not outlive the loss of %s', async (what) => {
      const carol = { username: 'carol', password: goodPassword, scopes: ['a', 'b'], roles: ['clerk', 'auditor'] }
      const { id } = await addUser(dependencies(), { ...carol, minimumPasswordLength: 15 }, by)
      const running = signInAtOnce(8, 'carol')
      await hashesAreRunning(4)
      await changeRights(dependencies(), { id, [what]: [carol[what][0]] }, by)
      const outcomes = await running
      expect(outcomes.map(({ status }) => status)).toContain(401)
      // Who is looked up after the change may sign in, as what they are by then.
      for (const { access_token } of [...outcomes, ...(await signInAtOnce(1, 'carol'))]) {
        const token = access_token === undefined ? undefined : started.auth.verifier.verify(access_token)
        if (token && !isRefusal(token)) expect([...token[what]]).toEqual([carol[what][0]])
      }
      expect(countValid(await signInAtOnce(1, 'carol'))).toBe(1)
    })

    it('with the old password does not outlive its change', async () => {
      const user = await getUserByName(started, 'alice')
      const change = setPassword(dependencies(), { user, password: 'another good password', minimumLength: 15 }, by)
      await hashesAreRunning(1)
      const running = signInAtOnce(8)
      await change
      expect(countValid(await running)).toBe(0)
    })

    it('by a link from a mail does not outlive a change that comes at the same moment, and neither waits for ever', async () => {
      for (let round = 0; round < 5; round += 1) {
        const user = await getUserByName(started, 'alice')
        const browsers = Array.from({ length: 3 }, () => new TestBrowser(started.url, issuer))
        const pages: ShownPage[] = []
        for (const browser of browsers) {
          const form = await browser.get('/login/email')
          await browser.submit(form, { username: 'alice', method: 'email_link' })
          const [{ link } = { link: '' }] = await started.mails('sign_in_link')
          pages.push(await browser.get(link ?? ''))
          started.clock.advance(1)
        }
        const password = `another good password ${round}`
        const change = setPassword(dependencies(), { user, password, minimumLength: 15 }, by)
        await hashesAreRunning(1)
        const running = pages.map((page, index) => browsers[index]?.submit(page, {}))
        await change
        const outcomes = await Promise.all(running)
        expect(outcomes.map((page) => page?.status).filter((status) => (status ?? 500) >= 500)).toEqual([])
        expect(await started.store.sessions.listByUser(user.id)).toEqual([])
        started.clock.advance(600)
      }
    })

    it('whose hash another one has just replaced goes through all the same', async () => {
      const user = { username: 'dave', scopes: [], roles: [], minimumPasswordLength: 15 }
      await addUser(dependencies(), { ...user, passwordHash: await bcryptHash(goodPassword, 4) }, by)
      const outcomes = await signInAtOnce(4, 'dave')
      expect(outcomes.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect((await getUserByName(started, 'dave')).password_hash).toMatch(/^\$argon2id\$/)
    })
  })
}
