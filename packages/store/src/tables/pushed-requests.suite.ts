import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildPushedRequest, start } from '../testing/rows.ts'

/** What the table of pushed requests promises on every database. */
export function describePushedRequests(open: OpenForSuite): void {
  it('finds a request until it expires', async () => {
    const { pushedRequests } = open().store
    const row = buildPushedRequest({ dpop_jkt: randomToken(32), parameters: '{"state":"é"}' })
    await pushedRequests.insert(row)
    expect(await pushedRequests.find(row.hash, start)).toEqual(row)
    expect(await pushedRequests.find(row.hash, row.expires_at)).toBeUndefined()
    expect(await pushedRequests.find(randomToken(32), start)).toBeUndefined()
  })

  it('keeps a request for as long as somebody is in the middle of it, and never shorter', async () => {
    const { pushedRequests } = open().store
    const row = buildPushedRequest()
    await pushedRequests.insert(row)
    expect(await pushedRequests.keep(row.hash, seconds(row.expires_at + 100))).toBe(true)
    expect(await pushedRequests.keep(row.hash, seconds(row.expires_at - 100))).toBe(true)
    expect(await pushedRequests.find(row.hash, seconds(row.expires_at + 99))).toMatchObject({ hash: row.hash })
    expect(await pushedRequests.find(row.hash, seconds(row.expires_at + 100))).toBeUndefined()
    expect(await pushedRequests.keep(randomToken(32), row.expires_at)).toBe(false)
  })

  it('leads to one of several answers at once, from two processes', async () => {
    const { store, second } = open()
    const row = buildPushedRequest()
    await store.pushedRequests.insert(row)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? store : second).pushedRequests.consume(row.hash)),
    )
    expect(outcomes.filter((consumed) => consumed)).toHaveLength(1)
    expect(await store.pushedRequests.find(row.hash, start)).toBeUndefined()
  })
}
