import { newUserId, randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildFactor, start } from '../testing/rows.ts'

/** What the tables of second factors promise on every database. */
export function describeFactors(open: OpenForSuite): void {
  it('lists those of a user, the oldest first, and finds a credential, which only one can have', async () => {
    const { factors } = open().store
    const user_id = newUserId()
    const credential_id = randomToken(32)
    const passkey = buildFactor({ user_id, kind: 'passkey', credential_id, created_at: seconds(start + 5) })
    const totp = buildFactor({ user_id })
    for (const row of [passkey, totp, buildFactor()]) await factors.insert(row)
    expect(await factors.listByUser(user_id)).toEqual([totp, passkey])
    expect(await factors.findByCredential(credential_id)).toEqual(passkey)
    await expect(factors.insert(buildFactor({ credential_id }))).rejects.toMatchObject({ code: 'already_exists' })
  })

  it('lets a time step be used once, and none before it', async () => {
    const { store, second } = open()
    const row = buildFactor()
    await store.factors.insert(row)
    const use = { id: row.id, step: 100, at: start }
    const outcomes = await Promise.all([store, second, store].map(({ factors }) => factors.useStep(use)))
    expect(outcomes.filter((done) => done)).toHaveLength(1)
    expect(await store.factors.useStep({ ...use, step: 99 })).toBe(false)
    expect(await second.factors.useStep({ ...use, step: 101 })).toBe(true)
  })

  it('lets the counter of a passkey only go up, and one that is not kept stay where it is', async () => {
    const { store, second } = open()
    const [counting, silent] = [buildFactor({ kind: 'passkey' }), buildFactor({ kind: 'passkey' })]
    for (const row of [counting, silent]) await store.factors.insert(row)
    const use = (id: string, sign_count: number) => ({ id, sign_count, backed_up: 0 as const, at: start })
    const outcomes = await Promise.all(
      [store, second, store].map(({ factors }) => factors.useCredential(use(counting.id, 5))),
    )
    expect(outcomes.filter((done) => done)).toHaveLength(1)
    for (const [count, isUsed] of [
      [4, false],
      [0, false],
      [6, true],
    ] as const) {
      expect(await store.factors.useCredential(use(counting.id, count))).toBe(isUsed)
    }
    expect(await store.factors.useCredential(use(silent.id, 0))).toBe(true)
    expect(await store.factors.useCredential(use(silent.id, 0))).toBe(true)
    expect(await store.factors.useCredential(use('gone', 1))).toBe(false)
  })

  it('renames and deletes the user’s own alone', async () => {
    const { factors } = open().store
    const row = buildFactor()
    await factors.insert(row)
    expect(await factors.rename({ id: row.id, user_id: newUserId(), name: 'x' })).toBe(false)
    expect(await factors.delete(newUserId(), row.id)).toBe(false)
    expect(await factors.rename({ id: row.id, user_id: row.user_id, name: 'new' })).toBe(true)
    expect(await factors.useCredential({ id: row.id, sign_count: 7, backed_up: 1, at: start })).toBe(true)
    const [changed] = await factors.listByUser(row.user_id)
    expect(changed).toEqual({ ...row, name: 'new', sign_count: 7, backed_up: 1, last_used_at: start })
    expect(await factors.delete(row.user_id, row.id)).toBe(true)
    expect(await factors.listByUser(row.user_id)).toEqual([])
  })

  it('lets a recovery code be used once, and puts new ones in the place of all', async () => {
    const { store, second } = open()
    const user_id = newUserId()
    await store.recoveryCodes.replace({ user_id, hashes: ['a', 'b'], at: start })
    const uses = await Promise.all(
      [store, second, store].map(({ recoveryCodes }) => recoveryCodes.consume(user_id, 'a')),
    )
    expect(uses.filter((done) => done)).toHaveLength(1)
    expect(await store.recoveryCodes.consume(newUserId(), 'b')).toBe(false)
    expect(await store.recoveryCodes.count(user_id)).toBe(1)
    await store.recoveryCodes.replace({ user_id, hashes: ['c'], at: start })
    expect(await store.recoveryCodes.consume(user_id, 'b')).toBe(false)
    await store.recoveryCodes.replace({ user_id, hashes: [], at: start })
    expect(await store.recoveryCodes.count(user_id)).toBe(0)
  })

  it('remembers a browser for one user, until then, and forgets all of a user', async () => {
    const { rememberedDevices } = open().store
    const user_id = newUserId()
    const hash = randomToken(32)
    const expires_at = seconds(start + 60)
    await rememberedDevices.insert({ hash, user_id, device: 'curl', created_at: start, expires_at })
    expect(await rememberedDevices.has({ hash, user_id, now: start })).toBe(true)
    expect(await rememberedDevices.has({ hash, user_id: newUserId(), now: start })).toBe(false)
    expect(await rememberedDevices.has({ hash, user_id, now: expires_at })).toBe(false)
    expect(await rememberedDevices.deleteByUser(user_id)).toBe(1)
    expect(await rememberedDevices.has({ hash, user_id, now: start })).toBe(false)
  })

  it('deletes those of a user and no other', async () => {
    const { factors } = open().store
    const user_id = newUserId()
    const other = buildFactor()
    for (const row of [buildFactor({ user_id }), buildFactor({ user_id }), other]) await factors.insert(row)
    await factors.deleteByUser(user_id)
    expect(await factors.listByUser(user_id)).toEqual([])
    expect(await factors.listByUser(other.user_id)).toEqual([other])
  })
}
