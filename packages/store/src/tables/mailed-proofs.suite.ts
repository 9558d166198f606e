import { newUserId, randomToken } from '@gatehouse/core/random'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildMailedProof, start } from '../testing/rows.ts'

/** What the table of links and codes that were mailed promises on every database. */
export function describeMailedProofs(open: OpenForSuite): void {
  it('finds one for its purpose, until it expires', async () => {
    const { mailedProofs } = open().store
    const row = buildMailedProof({ user_id: newUserId(), browser_hash: randomToken(32), sealed: 'sealed' })
    await mailedProofs.put(row)
    const asked = { hash: row.hash, purpose: row.purpose, now: start }
    expect(await mailedProofs.find(asked)).toEqual(row)
    expect(await mailedProofs.find({ ...asked, purpose: 'recovery' })).toBeUndefined()
    expect(await mailedProofs.find({ ...asked, hash: randomToken(32) })).toBeUndefined()
    expect(await mailedProofs.find({ ...asked, now: row.expires_at })).toBeUndefined()
  })

  it('gives a link to one of several callers at once, from two processes', async () => {
    const { store, second } = open()
    const row = buildMailedProof()
    await store.mailedProofs.put(row)
    const asked = { hash: row.hash, purpose: row.purpose, now: start, code_mac: null }
    expect(await store.mailedProofs.consume({ ...asked, purpose: 'recovery' })).toBeUndefined()
    expect(await store.mailedProofs.consume({ ...asked, now: row.expires_at })).toBeUndefined()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? store : second).mailedProofs.consume(asked)),
    )
    expect(outcomes.filter((found) => found !== undefined)).toEqual([row])
    expect(await store.mailedProofs.find(asked)).toBeUndefined()
  })

  it('gives a code to who has the right one, and keeps it from who has not', async () => {
    const { mailedProofs } = open().store
    const row = buildMailedProof({ purpose: 'sign_in_code', code_mac: 'right' })
    await mailedProofs.put(row)
    const asked = { hash: row.hash, purpose: row.purpose, now: start }
    expect(await mailedProofs.consume({ ...asked, code_mac: 'wrong' })).toBeUndefined()
    expect(await mailedProofs.consume({ ...asked, code_mac: null })).toBeUndefined()
    expect(await mailedProofs.consume({ ...asked, code_mac: 'right' })).toEqual(row)
  })

  it('keeps the newest of a purpose and an address alone, also when several come at once', async () => {
    const { store, second } = open()
    const first = buildMailedProof()
    const other = buildMailedProof({ purpose: 'recovery', address: first.address })
    await store.mailedProofs.put(first)
    await store.mailedProofs.put(other)
    const newer = Array.from({ length: 10 }, () => buildMailedProof({ address: first.address }))
    await Promise.all(newer.map((row, index) => (index % 2 ? store : second).mailedProofs.put(row)))
    const find = ({ hash, purpose }: typeof first) => store.mailedProofs.find({ hash, purpose, now: start })
    const found = await Promise.all([first, ...newer].map(find))
    expect(found.filter((row) => row !== undefined)).toHaveLength(1)
    expect(found[0]).toBeUndefined()
    expect(await find(other)).toEqual(other)
  })

  it('forgets the one of a purpose and address, and says whether there was one', async () => {
    const { mailedProofs } = open().store
    const row = buildMailedProof()
    const other = buildMailedProof({ purpose: 'recovery', address: row.address })
    for (const each of [row, other]) await mailedProofs.put(each)
    expect(await mailedProofs.deleteByAddress(row.purpose, row.address)).toBe(true)
    expect(await mailedProofs.deleteByAddress(row.purpose, row.address)).toBe(false)
    expect(await mailedProofs.find({ ...row, now: start })).toBeUndefined()
    expect(await mailedProofs.find({ ...other, now: start })).toEqual(other)
  })

  it('forgets all of a user’s and no other', async () => {
    const { mailedProofs } = open().store
    const user_id = newUserId()
    const [gone, other] = [buildMailedProof({ user_id }), buildMailedProof({ user_id: newUserId() })]
    await mailedProofs.put(gone)
    await mailedProofs.put(other)
    await mailedProofs.deleteByUser(user_id)
    expect(await mailedProofs.find({ ...gone, now: start })).toBeUndefined()
    expect(await mailedProofs.find({ ...other, now: start })).toEqual(other)
  })
}
