import type { ClientId } from '@gatehouse/core/brand'
import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildCode, buildSession, start } from '../testing/rows.ts'

const kept_until = seconds(start + 5000)

/** What the table of authorization codes promises on every database. */
export function describeAuthorizationCodes(open: OpenForSuite): void {
  it('hands a code to one of 200 parallel uses, from two processes, and keeps it to recognize the others', async () => {
    const { store, second } = open()
    const row = buildCode({ claims: '{}', nonce: 'n', dpop_jkt: 'k', refreshable: 1 })
    await store.authorizationCodes.insert(row)
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 ? store : second).authorizationCodes.consume({ hash: row.hash, now: start, kept_until }),
      ),
    )
    const used = { ...row, consumed_at: start, expires_at: kept_until }
    expect(outcomes.filter((got) => got !== undefined)).toEqual([used])
    expect(await store.authorizationCodes.find(row.hash)).toEqual(used)
  })

  it('uses up also a code that is no longer good, and never shortens how long it is kept', async () => {
    const { authorizationCodes } = open().store
    const row = buildCode({ usable_until: start, expires_at: seconds(kept_until + 1) })
    await authorizationCodes.insert(row)
    const now = seconds(start + 100)
    expect(await authorizationCodes.consume({ hash: row.hash, now, kept_until })).toEqual({ ...row, consumed_at: now })
    expect(await authorizationCodes.consume({ hash: row.hash, now, kept_until })).toBeUndefined()
  })

  it('knows nothing of a code that was never made', async () => {
    const { authorizationCodes } = open().store
    const hash = randomToken(32)
    expect(await authorizationCodes.find(hash)).toBeUndefined()
    expect(await authorizationCodes.consume({ hash, now: start, kept_until })).toBeUndefined()
  })

  it('ends the codes of one user to one client: none starts a grant, and those that were used are told, once', async () => {
    const { authorizationCodes, sessions } = open().store
    const session = buildSession()
    await sessions.insert(session)
    const own = { user_id: session.user_id, session_id: session.id }
    const [unused, used, elsewhere, foreign] = [
      buildCode({ ...own, client_id: 'here' as ClientId }), // any name will do
      buildCode({ ...own, client_id: 'here' as ClientId }),
      buildCode({ ...own, client_id: 'elsewhere' as ClientId }),
      buildCode({ client_id: 'here' as ClientId }),
    ]
    for (const row of [unused, used, elsewhere, foreign]) await authorizationCodes.insert(row)
    await authorizationCodes.consume({ hash: used.hash, now: start, kept_until })
    const end = () => authorizationCodes.endByUserAndClient(session.user_id, 'here' as ClientId, start)
    expect(await end()).toEqual([{ grant_id: used.grant_id, expires_at: kept_until }])
    expect(await end()).toEqual([])
    expect(await authorizationCodes.find(unused.hash)).toBeUndefined()
    expect(await authorizationCodes.find(used.hash)).toMatchObject({ reused_at: start })
    expect(await authorizationCodes.find(elsewhere.hash)).toEqual(elsewhere)
    expect(await authorizationCodes.find(foreign.hash)).toEqual(foreign)
  })

  it('takes a use back with the transaction that it was part of', async () => {
    const { store } = open()
    const row = buildCode()
    await store.authorizationCodes.insert(row)
    const undone = store.transaction(async (tables) => {
      await tables.authorizationCodes.consume({ hash: row.hash, now: start, kept_until })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await store.authorizationCodes.find(row.hash)).toEqual(row)
  })
}
