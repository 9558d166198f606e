import { addUser, getUserByName, setPassword, setUserStatus } from '@gatehouse/auth/domain/users'
import { goodPassword, type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'
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

    it('with the old password does not outlive its change', async () => {
      const user = await getUserByName(started, 'alice')
      const change = setPassword(dependencies(), { user, password: 'another good password', minimumLength: 15 }, by)
      await hashesAreRunning(1)
      const running = signInAtOnce(8)
      await change
      expect(countValid(await running)).toBe(0)
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
