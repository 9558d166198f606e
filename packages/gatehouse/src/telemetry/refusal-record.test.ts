import { newDecisionId } from '@gatehouse/core/random'
import { ManualClock, seconds } from '@gatehouse/core/time'
import type { RefusalEntry } from '@gatehouse/gateway/refuse'
import { openStore, type Store } from '@gatehouse/store/store'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRefusalRecord, type RefusalLimits, type RefusalRecord } from './refusal-record.ts'

const entry = (parts: Partial<RefusalEntry> = {}): RefusalEntry => ({
  ...{
    decision_id: newDecisionId(),
    request_id: 'req_1',
    code: 'forbidden',
    status: 403,
    route: 's /a',
    method: 'GET',
  },
  ...{ host: 'auth.test', path: '/a', address: '192.0.2.1', subject: 'usr_1', client_id: 'web', rule: 'require.org' },
  ...{ reason: 'it was so', needed: 'it were otherwise' },
  ...parts,
})

let store: Store
let clock: ManualClock
let lines: string[]
beforeEach(async () => {
  clock = new ManualClock()
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  lines = []
})
afterEach(() => store.close())

const start = (limits?: RefusalLimits, keep = 60): RefusalRecord =>
  createRefusalRecord({
    ...{ refusals: store.refusals, clock, keep: () => seconds(keep) },
    log: pino({}, { write: (line) => void lines.push(line) }),
    ...(limits && { limits }),
  })

/** Adds refusals and says which of them can be found afterwards. */
async function added(record: RefusalRecord, entries: readonly RefusalEntry[]): Promise<boolean[]> {
  for (const each of entries) record.add(each)
  await record.write()
  const found = await Promise.all(entries.map(({ decision_id }) => store.refusals.find(decision_id)))
  return found.map((row) => row !== undefined)
}

describe('the record of refusals', () => {
  it('keeps a refusal as it was, for as long as is configured', async () => {
    const refusal = entry()
    expect(await added(start(), [refusal])).toEqual([true])
    const { decision_id, ...rest } = refusal
    const row = { ...rest, id: decision_id, at: clock.now(), expires_at: clock.now() + 60 }
    expect(await store.refusals.find(decision_id)).toEqual(row)
    clock.advance(60)
    expect(await store.removeExpired()).toBe(1)
  })

  it('keeps none where none should be kept', async () => {
    expect(await added(start(undefined, 0), [entry()])).toEqual([false])
  })

  it('keeps nothing of who was only sent to sign in', async () => {
    expect(await added(start(), [entry({ status: 303 })])).toEqual([false])
  })

  it('notes so many a second, fewer of one address and of what no route matched, and says what is left out', async () => {
    const record = start({ perSecond: 4, perAddress: 2, unmatched: 1, endpoints: 100 })
    const from = (address: string, route = 's /a') => entry({ address, route })
    const flood = [from('a'), from('a'), from('a'), from('b', ''), from('c', ''), from('d'), from('e')]
    expect(await added(record, flood)).toEqual([true, true, false, true, false, true, false])
    await record.write()
    expect(lines.map((line) => JSON.parse(line).left_out)).toEqual([3])
    clock.advance(1)
    expect(await added(record, [from('a')])).toEqual([true])
  })

  it('leaves room for those of the gateway, however many sign-ins are refused', async () => {
    const record = start({ perSecond: 4, perAddress: 4, unmatched: 4, endpoints: 2 })
    const ofEndpoint = (number: number) =>
      entry({ decision_id: `req_${number}`, route: '/login', address: `${number}` })
    const flood = [...[1, 2, 3, 4, 5].map(ofEndpoint), entry(), entry(), entry()]
    expect(await added(record, flood)).toEqual([true, true, false, false, false, true, true, false])
  })

  it('says once a minute at the most what is left out', async () => {
    const record = start({ perSecond: 1, perAddress: 1, unmatched: 1, endpoints: 100 })
    for (let round = 0; round < 3; round += 1) {
      await added(record, [entry(), entry()])
      await record.write()
    }
    expect(lines).toHaveLength(1)
    clock.advance(60)
    await record.write()
    expect(lines.map((line) => JSON.parse(line).left_out)).toEqual([1, 4])
  })

  it('does not let them pile up while the database does not answer', async () => {
    const record = start({ perSecond: 1, perAddress: 1, unmatched: 1, endpoints: 100 })
    const entries = Array.from({ length: 20 }, () => entry())
    for (const each of entries) {
      record.add(each)
      clock.advance(1)
    }
    expect((await added(record, entries)).filter(Boolean)).toHaveLength(10)
  })

  it('counts what could not be written as left out, and goes on', async () => {
    let isAway = true
    const append: typeof store.refusals.append = (rows) =>
      isAway ? Promise.reject(new Error('the database is away')) : store.refusals.append(rows)
    const record = createRefusalRecord({
      ...{ refusals: { ...store.refusals, append }, clock, keep: () => seconds(60) },
      log: pino({}, { write: (line) => void lines.push(line) }),
    })
    record.add(entry())
    await expect(record.write()).rejects.toThrow('away')
    isAway = false
    expect(await added(record, [entry()])).toEqual([true])
    expect(lines.map((line) => JSON.parse(line).left_out)).toEqual([1])
  })

  it('keeps one line of text of bounded length, whatever a token or a path says', async () => {
    const refusal = entry({ reason: `a\u0000b\u001b[2J\u202e\ud800\n${'x'.repeat(5000)}`, path: 'p'.repeat(8000) })
    await added(start(), [refusal])
    const row = await store.refusals.find(refusal.decision_id)
    expect(row?.reason).toMatch(/^a b \[2J x{900,}…$/)
    expect(row?.path).toHaveLength(1001)
  })
})
