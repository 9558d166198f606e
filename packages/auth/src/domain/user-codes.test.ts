import { ManualClock } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createUserCodeLimit, newUserCode, parseUserCode, showUserCode, type UserCodeLimit } from './user-codes.ts'

describe('a user code', () => {
  it('is eight of twenty letters, and is never the same', () => {
    const codes = Array.from({ length: 500 }, newUserCode)
    for (const code of codes) expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/)
    expect(new Set(codes).size).toBe(500)
    expect(new Set(codes.join('')).size).toBe(20)
  })

  it('is shown with a dash, and read in every spelling of it', () => {
    expect(showUserCode('WDJBMJHT')).toBe('WDJB-MJHT')
    for (const text of ['WDJB-MJHT', 'wdjbmjht', ' wdjb mjht ', 'W.D.J.B–M.J.H.T']) {
      expect(parseUserCode(text)).toBe('WDJBMJHT')
    }
    for (const text of ['', 'WDJB-MJH', 'WDJB-MJHTX', 'WDJB-MJHA', 'WDJB1MJHT', '-'.repeat(500)]) {
      expect(parseUserCode(text)).toBeUndefined()
    }
  })
})

describe('the limit on wrong codes', () => {
  let store: Store
  let clock: ManualClock
  let limit: UserCodeLimit
  beforeEach(async () => {
    clock = new ManualClock()
    store = await openStore({ url: ':memory:', clock })
    await store.migrate()
    limit = createUserCodeLimit({ store, clock })
  })
  afterEach(() => store.close())

  const wrong = async (address = '192.0.2.1') => limit.limited({ address, browser: undefined }, async () => undefined)
  const right = (address = '192.0.2.1') => limit.limited({ address, browser: undefined }, async () => 'found')

  it('counts what is not found, for the whole network of an IPv6 address, and never what is found', async () => {
    for (let tries = 0; tries < 10; tries += 1) expect(await right('2001:db8::1')).toBe('found')
    for (let tries = 0; tries < 5; tries += 1) expect(await wrong(`2001:db8::${tries}`)).toBeUndefined()
    await expect(right('2001:db8::ffff')).rejects.toMatchObject({
      code: 'too_many_requests',
      details: { retryAfter: 300 },
    })
    expect(await right('2001:db8:0:1::1')).toBe('found')
  })

  it('holds in every process, and is over after five minutes', async () => {
    for (let tries = 0; tries < 5; tries += 1) await wrong()
    const other = createUserCodeLimit({ store, clock })
    const tryThere = () => other.limited({ address: '192.0.2.1', browser: undefined }, async () => 'found')
    await expect(tryThere()).rejects.toMatchObject({ code: 'too_many_requests' })
    clock.advance(300)
    expect(await tryThere()).toBe('found')
  })

  it('lets right codes wait for each other and through, however many come at once', async () => {
    expect(await Promise.all(Array.from({ length: 60 }, () => right()))).toEqual(Array(60).fill('found'))
  })

  it('frees the place of a look-up that failed', async () => {
    const failing = () =>
      limit.limited({ address: '192.0.2.1', browser: undefined }, () => Promise.reject(new Error('away')))
    for (let tries = 0; tries < 10; tries += 1) await expect(failing()).rejects.toThrow('away')
    expect(await right()).toBe('found')
  })

  it('does not lock for longer because the clock was set back', async () => {
    for (let tries = 0; tries < 5; tries += 1) await wrong()
    clock.advance(-86_400)
    expect(await right()).toBe('found')
  })
})
