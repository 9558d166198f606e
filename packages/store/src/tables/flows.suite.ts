import { newSessionId, newUserId, randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildFlow, start } from '../testing/rows.ts'

/** What the table of flows promises on every database. */
export function describeFlows(open: OpenForSuite): void {
  it('finds a flow in the browser that began it, until it expires', async () => {
    const { flows } = open().store
    const { id_hash, browser_hash, ...rest } = buildFlow()
    await flows.insert({ id_hash, browser_hash, ...rest })
    const find = (asked: object) => flows.find({ id_hash, browser_hash, now: start, ...asked })
    expect(await find({})).toEqual({ id_hash, browser_hash, ...rest })
    expect(await find({ browser_hash: randomToken(32) })).toBeUndefined()
    expect(await find({ id_hash: randomToken(32) })).toBeUndefined()
    expect(await find({ now: rest.expires_at })).toBeUndefined()
  })

  it('finds in any browser what an application asked for, and nothing else that one can be in the middle of', async () => {
    const { flows } = open().store
    const asked = buildFlow({ kind: 'authorize' })
    const other = buildFlow({ kind: 'account' })
    await flows.insert(asked)
    await flows.insert(other)
    const { parameters, client_id } = asked
    expect(await flows.findAsked({ ...asked, now: start })).toEqual({ parameters, client_id })
    expect(await flows.findAsked({ ...asked, now: asked.expires_at })).toBeUndefined()
    expect(await flows.findAsked({ ...other, now: start })).toBeUndefined()
    expect(await flows.findAsked({ id_hash: randomToken(32), now: start })).toBeUndefined()
  })

  it('notes the session that it goes on for, while it is there', async () => {
    const { flows } = open().store
    const row = buildFlow()
    await flows.insert(row)
    const session_id = newSessionId()
    expect(await flows.setSession({ id_hash: row.id_hash, session_id })).toBe(true)
    expect(await flows.find({ ...row, now: start })).toEqual({ ...row, session_id })
    expect(await flows.setSession({ id_hash: randomToken(32), session_id })).toBe(false)
  })

  it('notes what somebody has proven in it, and ends with all that they have proven', async () => {
    const { flows } = open().store
    const [row, other] = [buildFlow(), buildFlow()]
    await flows.insert(row)
    await flows.insert(other)
    const user_id = newUserId()
    expect(await flows.prove({ id_hash: row.id_hash, user_id, proven: 'pwd', provider_session: null })).toBe(true)
    expect(await flows.prove({ id_hash: randomToken(32), user_id, proven: 'pwd', provider_session: null })).toBe(false)
    expect(await flows.find({ ...row, now: start })).toEqual({ ...row, user_id, proven: 'pwd' })
    await flows.deleteByUser(user_id)
    expect(await flows.find({ ...row, now: start })).toBeUndefined()
    expect(await flows.find({ ...other, now: start })).toEqual(other)
  })

  it('ends for one of several callers at once, from two processes', async () => {
    const { store, second } = open()
    const row = buildFlow()
    await store.flows.insert(row)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? store : second).flows.consume(row.id_hash)),
    )
    expect(outcomes.filter((ended) => ended)).toHaveLength(1)
    expect(await store.flows.find({ ...row, now: start })).toBeUndefined()
  })

  it('keeps the newest of a browser, and every other browser’s', async () => {
    const { store, second } = open()
    const browser_hash = randomToken(32)
    const rows = Array.from({ length: 60 }, (_, index) =>
      buildFlow({ browser_hash, created_at: seconds(start + index) }),
    )
    const other = buildFlow()
    await Promise.all([...rows, other].map((row) => store.flows.insert(row)))
    // Two processes that clear up at the same time do not stand in each other's way.
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? store : second).flows.removeAllBut({ browser_hash, keep: 20 }),
      ),
    )
    const found = await Promise.all(rows.map((row) => store.flows.find({ ...row, now: start })))
    expect(found).toEqual(rows.map((row, index) => (index < 40 ? undefined : row)))
    expect(await store.flows.find({ ...other, now: start })).toEqual(other)
  })
}
