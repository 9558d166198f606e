import { hash } from 'node:crypto'
import type { ManualClock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openKeys } from '../testing/open-keys.ts'
import { createPendingSignIns, type PendingSignIns, stateOf } from './pending-sign-ins.ts'

let store: Store
let clock: ManualClock
let pending: PendingSignIns
let state: string
const digest = (text: string): string => hash('sha256', text, 'base64url')
const errand = { kind: 'sign_in', flow: 'flow-1' } as const
const memory = { nonce: 'n-1' }
beforeEach(async () => {
  const opened = await openKeys()
  ;({ store, clock } = opened)
  pending = createPendingSignIns({ store, clock, ring: opened.rings.federation })
  state = pending.newState()
  await pending.begin({ provider: 'corp', state, browser: 'cookie-1', errand, memory })
})
afterEach(() => store.close())

const back = (given: Partial<Parameters<PendingSignIns['consume']>[0]> = {}) =>
  pending.consume({ provider: 'corp', state, browser: 'cookie-1', ...given })

describe('a sign-in that is under way at a provider', () => {
  it('comes back once, with what was kept of it', async () => {
    expect(await back()).toEqual({ errand, memory, posted: undefined })
    expect(await back()).toBeUndefined()
  })

  it('comes back once to the first of two at the same moment', async () => {
    const both = await Promise.all([back(), back()])
    expect(both.filter(Boolean)).toHaveLength(1)
  })

  it('is one browser’s, one provider’s and of one state, and a wrong try takes nothing away', async () => {
    expect(await back({ browser: 'cookie-2' })).toBeUndefined()
    expect(await back({ provider: 'other' })).toBeUndefined()
    expect(await back({ state: pending.newState() })).toBeUndefined()
    for (const odd of ['', 'short', `${state}x`, `${state.slice(0, -1)}*`]) {
      expect(await back({ state: odd })).toBeUndefined()
    }
    expect(await back()).toBeDefined()
  })

  it('lasts ten minutes', async () => {
    clock.advance(599)
    const other = pending.newState()
    await pending.begin({ provider: 'corp', state: other, browser: 'cookie-1', errand, memory })
    clock.advance(1)
    expect(await back()).toBeUndefined()
    expect(await back({ state: other })).toBeDefined()
  })

  it('keeps what is posted once, for its own provider, until the browser comes', async () => {
    const post = (form: string, provider = 'corp') => pending.keepPosted({ provider, state, form })
    expect(await post('code=1', 'other')).toBe(false)
    expect(await pending.keepPosted({ provider: 'corp', state: pending.newState(), form: 'code=1' })).toBe(false)
    expect(await post('code=1')).toBe(true)
    expect(await post('code=2')).toBe(false)
    expect((await back())?.posted).toBe('code=1')
    expect(await post('code=3')).toBe(false)
  })

  it('lies sealed, and under no name that the browser or the provider has', async () => {
    await pending.keepPosted({ provider: 'corp', state, form: 'code=secret-code' })
    const now = clock.now()
    const { consume } = store.providerSignIns
    expect(await consume({ state_hash: state, provider: 'corp', browser_hash: 'cookie-1', now })).toBeUndefined()
    const hashes = { state_hash: digest(state), browser_hash: digest('cookie-1') }
    const row = await consume({ ...hashes, provider: 'corp', now })
    expect(row?.answer).toEqual(expect.any(String))
    expect(JSON.stringify(row)).not.toMatch(/n-1|flow-1|secret-code|cookie-1/)
  })
})

describe('the state that came back', () => {
  it('is OAuth’s or SAML’s', () => {
    expect(stateOf(new URLSearchParams('state=a&RelayState=b'))).toBe('a')
    expect(stateOf(new URLSearchParams('RelayState=b'))).toBe('b')
    expect(stateOf(new URLSearchParams('code=c'))).toBeUndefined()
  })
})
