import { isRefusal } from '@gatehouse/core/contracts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { goodPassword, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { changeRights } from './user-rights.ts'
import { addUser } from './users.ts'

const by = { actor: 'cli:ops' }
let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const dependencies = () => ({ ...started, ...started.auth })
const addCarol = () =>
  addUser(
    dependencies(),
    {
      ...{ username: 'carol', password: goodPassword, minimumPasswordLength: 15 },
      ...{ scopes: ['orders:read', 'orders:write'], roles: ['clerk'] },
    },
    by,
  )
const signIn = async (): Promise<string> => {
  const response = await started.postJson('/login', { username: 'carol', password: goodPassword })
  return ((await response.json()) as { access_token: string }).access_token
}
const isGood = (token: string): boolean => !isRefusal(started.auth.verifier.verify(token))
const events = async () =>
  (await started.store.audit.list({ limit: 10, type: 'rights_changed' })).map(({ actor, target, detail }) => ({
    ...{ actor, target, detail: JSON.parse(detail) as unknown },
  }))

it('what is named is replaced, and all else stays', async () => {
  const { id } = await addCarol()
  const changed = await changeRights(dependencies(), { id, scopes: ['orders:read', 'a', 'a'] }, by)
  expect([changed.lost, changed.gained]).toEqual([['orders:write'], ['a']])
  expect(await started.store.users.findById(id)).toMatchObject({ scopes: 'orders:read a', roles: 'clerk' })
  await changeRights(dependencies(), { id, roles: [] }, by)
  expect(await started.store.users.findById(id)).toMatchObject({ scopes: 'orders:read a', roles: '' })
})

it('the trail knows who changed what of whom, and nothing of what changed nothing', async () => {
  const { id } = await addCarol()
  await changeRights(dependencies(), { id, roles: ['auditor'] }, by)
  await changeRights(dependencies(), { id, roles: ['auditor'], scopes: ['orders:write', 'orders:read'] }, by)
  const scopes = 'orders:read orders:write'
  const detail = { before: { scopes, roles: 'clerk' }, after: { scopes, roles: 'auditor' } }
  expect(await events()).toEqual([{ actor: 'cli:ops', target: id, detail }])
})

it('tokens go with a scope or a role that is lost, and stay with one that is gained', async () => {
  const { id } = await addCarol()
  const token = await signIn()
  const more = { id, scopes: ['orders:read', 'orders:write', 'a'], roles: ['clerk', 'b'] }
  expect(await changeRights(dependencies(), more, by)).toMatchObject({ sessionsEnded: 0 })
  expect(isGood(token)).toBe(true)
  expect(await changeRights(dependencies(), { id, roles: ['clerk'] }, by)).toMatchObject({ sessionsEnded: 1 })
  expect(isGood(token)).toBe(false)
  const next = await signIn()
  await changeRights(dependencies(), { id, scopes: ['orders:read', 'a'] }, by)
  expect(isGood(next)).toBe(false)
  expect(isGood(await signIn())).toBe(true)
})

it('two changes at once leave what one of them gives, and end what either takes', async () => {
  const { id } = await addCarol()
  const token = await signIn()
  await Promise.all([
    changeRights(dependencies(), { id, scopes: ['orders:read', 'orders:write', 'a'] }, by),
    changeRights(dependencies(), { id, scopes: ['orders:read'] }, by),
  ])
  expect(isGood(token)).toBe(false)
  expect(await events()).toHaveLength(2)
})

it('unfit names change nothing, nor does a user that there is not', async () => {
  const { id } = await addCarol()
  for (const change of [{ scopes: ['a"b'] }, { roles: ['a b'] }, { roles: ['é'] }]) {
    await expect(changeRights(dependencies(), { id, ...change }, by)).rejects.toMatchObject({ code: 'invalid_request' })
  }
  const nobody = { id: 'usr_nobody' as typeof id, roles: [] }
  await expect(changeRights(dependencies(), nobody, by)).rejects.toMatchObject({ code: 'not_found' })
  expect(await events()).toEqual([])
})
