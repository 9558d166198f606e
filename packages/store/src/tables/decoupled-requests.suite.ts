import type { ClientId } from '@gatehouse/core/brand'
import { newOrganisationId, newSessionId, newUserId, randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildDecoupledRequest, start } from '../testing/rows.ts'
import type { Decision } from './decoupled-requests.ts'

const buildDecision = (overrides: Partial<Decision> = {}): Decision => ({
  user_id: newUserId(),
  session_id: newSessionId(),
  auth_time: start,
  acr: '1',
  amr: 'pwd',
  roles: '',
  scope: 'openid',
  authorization_details: null,
  role_scope: 'orders:read',
  organisation_id: newOrganisationId(),
  membership_version: randomToken(9),
  factor_at: start,
  ...overrides,
})

/** What the table of requests that are decided on elsewhere promises on every database. */
export function describeDecoupledRequests(open: OpenForSuite): void {
  describeFinding(open)
  describeDeciding(open)
  describePolling(open)
}

function describeFinding(open: OpenForSuite): void {
  it('finds a request by its hash always, by its user code while it can be used', async () => {
    const { decoupledRequests } = open().store
    const row = buildDecoupledRequest()
    const code = row.user_code_hash ?? ''
    await decoupledRequests.insert(row)
    expect(await decoupledRequests.find(row.hash)).toEqual(row)
    expect(await decoupledRequests.find(randomToken(32))).toBeUndefined()
    expect(await decoupledRequests.findByUserCode(code, seconds(row.usable_until - 1))).toEqual(row)
    expect(await decoupledRequests.findByUserCode(code, row.usable_until)).toBeUndefined()
    expect(await decoupledRequests.findByUserCode(randomToken(32), start)).toBeUndefined()
  })

  it('lets a user code belong to one request, and many requests have none', async () => {
    const { decoupledRequests } = open().store
    const row = buildDecoupledRequest()
    await decoupledRequests.insert(row)
    const same = buildDecoupledRequest({ user_code_hash: row.user_code_hash })
    await expect(decoupledRequests.insert(same)).rejects.toMatchObject({ code: 'already_exists' })
    await decoupledRequests.insert(buildDecoupledRequest({ kind: 'ciba', user_code_hash: null }))
    await decoupledRequests.insert(buildDecoupledRequest({ kind: 'ciba', user_code_hash: null }))
  })

  it('lists what waits for a user, the oldest first, and nothing that is decided, over or another’s', async () => {
    const { decoupledRequests } = open().store
    const user_id = newUserId()
    const young = buildDecoupledRequest({ user_id, created_at: seconds(start + 5) })
    const old = buildDecoupledRequest({ user_id })
    const others = [
      buildDecoupledRequest({ user_id, usable_until: start }),
      buildDecoupledRequest({ user_id, status: 'denied' }),
      buildDecoupledRequest({ user_id: newUserId() }),
      buildDecoupledRequest(),
    ]
    for (const row of [young, old, ...others]) await decoupledRequests.insert(row)
    expect(await decoupledRequests.listPending(user_id, start)).toEqual([old, young])
  })

  it('lists no more than a page can show', async () => {
    const { decoupledRequests } = open().store
    const user_id = newUserId()
    const rows = Array.from({ length: 51 }, () => buildDecoupledRequest({ user_id, user_code_hash: null }))
    await Promise.all(rows.map((row) => decoupledRequests.insert(row)))
    expect(await decoupledRequests.listPending(user_id, start)).toHaveLength(50)
    // However many older ones another client has.
    const client_id = 'bank' as ClientId // any name will do
    const later = { user_code_hash: null, client_id, created_at: seconds(start + 1) }
    const row = buildDecoupledRequest({ user_id, ...later })
    await decoupledRequests.insert(row)
    const listed = await decoupledRequests.listPending(user_id, start)
    expect(listed).toHaveLength(50)
    expect(listed.at(-1)).toEqual(row)
  })
}

function describeDeciding(open: OpenForSuite): void {
  it('keeps what was approved exactly as it was decided', async () => {
    const { decoupledRequests } = open().store
    const row = buildDecoupledRequest()
    await decoupledRequests.insert(row)
    const decision = buildDecision({ roles: 'clerk', authorization_details: '[]' })
    expect(await decoupledRequests.approve({ hash: row.hash, now: start, ...decision })).toBe(true)
    expect(await decoupledRequests.find(row.hash)).toEqual({ ...row, ...decision, status: 'approved' })
  })

  it('takes one of many decisions at once, from two processes', async () => {
    const { store, second } = open()
    const row = buildDecoupledRequest()
    await store.decoupledRequests.insert(row)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const { decoupledRequests } = index % 2 ? store : second
        const request = { hash: row.hash, now: start }
        return index % 3
          ? decoupledRequests.approve({ ...request, ...buildDecision() })
          : decoupledRequests.deny(request)
      }),
    )
    expect(outcomes.filter((decided) => decided)).toHaveLength(1)
  })

  it('takes no decision on a request that is over or unknown', async () => {
    const { decoupledRequests } = open().store
    const row = buildDecoupledRequest()
    await decoupledRequests.insert(row)
    for (const request of [
      { hash: row.hash, now: row.usable_until },
      { hash: randomToken(32), now: start },
    ]) {
      expect(await decoupledRequests.approve({ ...request, ...buildDecision() })).toBe(false)
      expect(await decoupledRequests.deny(request)).toBe(false)
    }
    expect(await decoupledRequests.find(row.hash)).toEqual(row)
  })

  it('hands an approved request to one of 50 callers at once, from two processes', async () => {
    const { store, second } = open()
    const row = buildDecoupledRequest({ ...buildDecision(), status: 'approved' })
    await store.decoupledRequests.insert(row)
    const use = { hash: row.hash, client_id: row.client_id, now: start }
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : second).decoupledRequests.consume(use)),
    )
    expect(outcomes.filter((got) => got !== undefined)).toEqual([{ ...row, status: 'consumed' }])
  })

  it('hands none to another client, none that is over, and none that was not approved', async () => {
    const { decoupledRequests } = open().store
    const approved = buildDecoupledRequest({ ...buildDecision(), status: 'approved' })
    const pending = buildDecoupledRequest()
    const denied = buildDecoupledRequest({ status: 'denied' })
    for (const row of [approved, pending, denied]) await decoupledRequests.insert(row)
    const use = (row: typeof approved) => ({ hash: row.hash, client_id: row.client_id, now: start })
    for (const refused of [
      { ...use(approved), client_id: 'other' as ClientId }, // any other name
      { ...use(approved), now: approved.usable_until },
      use(pending),
      use(denied),
    ]) {
      expect(await decoupledRequests.consume(refused)).toBeUndefined()
    }
    expect(await decoupledRequests.consume(use(approved))).toBeDefined()
  })
}

function describePolling(open: OpenForSuite): void {
  it('tells a poll on time from one that is too early, which makes the interval longer', async () => {
    const { decoupledRequests } = open().store
    const row = buildDecoupledRequest()
    await decoupledRequests.insert(row)
    const poll = (after: number) => decoupledRequests.poll({ hash: row.hash, now: seconds(start + after) })
    expect([await poll(0), await poll(5), await poll(9)]).toEqual([true, true, false])
    expect(await decoupledRequests.find(row.hash)).toMatchObject({ polled_at: start + 9, poll_interval: 10 })
    expect([await poll(18), await poll(33), await poll(48)]).toEqual([false, true, true])
    expect(await decoupledRequests.find(row.hash)).toMatchObject({ polled_at: start + 48, poll_interval: 15 })
    expect(await decoupledRequests.poll({ hash: randomToken(32), now: start })).toBe(false)
  })

  it('counts one of many polls at once as on time, from two processes', async () => {
    const { store, second } = open()
    const row = buildDecoupledRequest()
    await store.decoupledRequests.insert(row)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? store : second).decoupledRequests.poll({ hash: row.hash, now: start }),
      ),
    )
    expect(outcomes.filter((onTime) => onTime)).toHaveLength(1)
    expect(await store.decoupledRequests.find(row.hash)).toMatchObject({ poll_interval: 5 + 19 * 5 })
  })
}
