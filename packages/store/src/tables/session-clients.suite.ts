import type { ClientId } from '@gatehouse/core/brand'
import { newSessionId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildSessionClient, start } from '../testing/rows.ts'

/** What the table of clients that know of a session promises on every database. */
export function describeSessionClients(open: OpenForSuite): void {
  it('notes a client of a session once, as it was first noted', async () => {
    const { store, second } = open()
    const row = buildSessionClient()
    await Promise.all([store, second, store].map(({ sessionClients }) => sessionClients.put(row)))
    await store.sessionClients.put({ ...row, sid: 'another', expires_at: seconds(start + 1) })
    expect(await store.sessionClients.listBySession(row.session_id)).toEqual([row])
  })

  it('lists those of a session by client', async () => {
    const { sessionClients } = open().store
    const session_id = newSessionId()
    const [a, b] = ['a', 'b'].map((id) => buildSessionClient({ session_id, client_id: id as ClientId })) // any names
    for (const row of [b, a, buildSessionClient()]) if (row) await sessionClients.put(row)
    expect(await sessionClients.listBySession(session_id)).toEqual([a, b])
  })

  it('hands each to one of several callers that end the sessions, in whichever order, from two processes', async () => {
    const { store, second } = open()
    const rows = Array.from({ length: 100 }, () => buildSessionClient())
    const other = buildSessionClient()
    await Promise.all([...rows, other].map((row) => store.sessionClients.put(row)))
    const sessions = rows.map((row) => row.session_id)
    const ended = await Promise.all([
      store.sessionClients.endBySessions(sessions),
      second.sessionClients.endBySessions([...sessions].reverse()),
      store.sessionClients.endBySessions([...sessions].reverse()),
      second.sessionClients.endBySessions(sessions),
    ])
    const ids = ended.flat().map((row) => row.session_id)
    expect(ids.sort()).toEqual([...sessions].sort())
    expect(await store.sessionClients.listBySession(other.session_id)).toEqual([other])
    expect(await store.sessionClients.endBySessions([])).toEqual([])
  })

  it('ends more sessions than one statement takes parameters for', async () => {
    const { sessionClients } = open().store
    const last = buildSessionClient()
    await sessionClients.put(last)
    const sessions = [...Array.from({ length: 1200 }, () => newSessionId()), last.session_id]
    expect(await sessionClients.endBySessions(sessions)).toEqual([last])
  })
}
