import { GatehouseError } from '@gatehouse/core/errors'
import { ManualClock } from '@gatehouse/core/time'
import { createTestProver, testTarget } from '@gatehouse/guard/testing/test-prover'
import { openStore, type Store } from '@gatehouse/store/store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeyRing, openKeyRings } from '../domain/key-rings.ts'
import { createAddressLimit } from '../http/address-limit.ts'
import { createDpop, type Dpop } from './dpop.ts'
import { createDpopNonces } from './dpop-nonce.ts'

const { url, method } = testTarget
const prover = createTestProver()
const clock = new ManualClock()
const address = '192.0.2.1'
const failures = createAddressLimit(clock, 100)
const master = { key: Buffer.alloc(32, 7) }
let store: Store
let ring: KeyRing
let dpop: Dpop

beforeAll(async () => {
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  ring = (await openKeyRings({ store, clock }, master))['dpop-nonce']
  dpop = createDpop({ store, clock, failures, ring, requireNonce: () => true })
})
afterAll(() => store.close())

/** Looks at a proof and uses it up. */
const ask = async (presented: string | undefined, on = dpop, more = {}) => {
  const target = { method, url, ...more }
  const found = on.inspect({ address, headers: presented === undefined ? {} : { dpop: presented } }, target)
  if (!found) return undefined
  const { proof, ...proven } = found
  await on.use(proof, target)
  return proven
}
const refusal = async (outcome: Promise<unknown>): Promise<GatehouseError> => {
  const thrown = await outcome.catch((error: unknown) => error)
  if (thrown instanceof GatehouseError) return thrown
  throw new Error('it was not refused')
}
const fresh = (claims = {}) => prover.proof({ iat: clock.now(), nonce: dpop.nonces.current(), ...claims })

describe('a request', () => {
  it('without the header has proven nothing', async () => {
    expect(await ask(undefined)).toBeUndefined()
  })

  it('with a good proof has proven its key', async () => {
    expect(await ask(fresh())).toEqual({ jkt: expect.stringMatching(/^[\w-]{43}$/) })
  })

  it('with two headers is refused, since nobody could tell which one counts', async () => {
    // As node:http hands it on.
    expect(await refusal(ask(`${fresh()}, ${fresh()}`))).toMatchObject({ code: 'invalid_dpop_proof', status: 400 })
    expect(await refusal(ask(''))).toMatchObject({ code: 'invalid_dpop_proof' })
  })

  it('with a proof that was used before is refused, of fifty at once all but one', async () => {
    const proof = fresh()
    const second = createDpop({ store, clock, failures, ring, requireNonce: () => true })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => ask(proof, index % 2 ? dpop : second)),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    clock.advance(60)
    expect(await refusal(ask(proof))).toMatchObject({ code: 'invalid_dpop_proof' })
  })

  it('is not looked at after too many with a bad signature from its address', async () => {
    const few = createDpop({ store, clock, failures: createAddressLimit(clock, 3), ring, requireNonce: () => true })
    const header = { jwk: createTestProver().jwk }
    const forged = (claims = {}) => prover.proof({ iat: clock.now(), nonce: dpop.nonces.current(), ...claims }, header)
    // What is refused before its signature is checked costs little, and does not count.
    for (let count = 0; count < 5; count += 1) await refusal(ask(forged({ htm: 'GET' }), few))
    for (let count = 0; count < 3; count += 1)
      expect(await refusal(ask(forged(), few))).toMatchObject({ code: 'invalid_dpop_proof' })
    expect(await refusal(ask(forged(), few))).toMatchObject({ code: 'too_many_requests' })
    expect(await refusal(ask(fresh(), few))).toMatchObject({ code: 'too_many_requests' })
    const elsewhere = { address: '192.0.2.2', headers: { dpop: fresh() } }
    expect(few.inspect(elsewhere, { method, url })).toMatchObject({ jkt: prover.jkt })
    clock.advance(60)
    expect(await ask(fresh(), few)).toBeDefined()
  })

  it('tells strangers no reason, and the log one', async () => {
    const error = await refusal(ask(fresh({ htm: 'GET' })))
    expect(error.message).toBe('The DPoP proof is not valid')
    expect(error.cause).toEqual(new Error('DPoP proof: wrong_method'))
  })

  it('at a protected resource is refused with 401 and a challenge', async () => {
    const target = { accessToken: 'token-1' }
    const wrong = await refusal(ask(fresh(), dpop, target))
    expect(wrong).toMatchObject({ status: 401, code: 'invalid_dpop_proof' })
    expect(wrong.details.headers?.['www-authenticate']).toMatch(
      /^DPoP realm="gatehouse", error="invalid_dpop_proof".*algs="ES256 /,
    )
    const nonceless = await refusal(ask(prover.proofFor('token-1', { iat: clock.now() }), dpop, target))
    expect(nonceless).toMatchObject({ status: 401, code: 'use_dpop_nonce' })
    expect(nonceless.details.headers).toMatchObject({
      'dpop-nonce': dpop.nonces.current(),
      'www-authenticate': expect.stringContaining('error="use_dpop_nonce"'),
    })
    const good = prover.proofFor('token-1', { iat: clock.now(), nonce: dpop.nonces.current() })
    expect(await ask(good, dpop, target)).toMatchObject({ jkt: expect.any(String) })
  })
})

describe('a nonce', () => {
  it('is asked for, with one to use', async () => {
    const error = await refusal(ask(prover.proof({ iat: clock.now() })))
    expect(error).toMatchObject({ status: 400, code: 'use_dpop_nonce' })
    const nonce = error.details.headers?.['dpop-nonce']
    expect(await ask(prover.proof({ iat: clock.now(), nonce }))).not.toHaveProperty('freshNonce')
  })

  it('that is refused does not use the proof up', async () => {
    const proof = prover.proof({ iat: clock.now(), jti: 'kept' })
    await refusal(ask(proof))
    const again = prover.proof({ iat: clock.now(), jti: 'kept', nonce: dpop.nonces.current() })
    expect(await ask(again)).toBeDefined()
  })

  it('is good in its five minutes and the next, and then is replaced along the way', async () => {
    const nonce = dpop.nonces.current()
    const windowEnd = 300 - (clock.now() % 300)
    clock.advance(windowEnd - 1)
    expect(await ask(fresh({ nonce }))).not.toHaveProperty('freshNonce')
    clock.advance(1)
    expect(await ask(fresh({ nonce }))).toMatchObject({ freshNonce: dpop.nonces.current() })
    expect(dpop.nonces.current()).not.toBe(nonce)
    clock.advance(299)
    expect(await ask(fresh({ nonce }))).toBeDefined()
    clock.advance(1)
    expect(await refusal(ask(fresh({ nonce })))).toMatchObject({ code: 'use_dpop_nonce' })
  })

  it('of another process, of a node that is ahead and of before a restart is good', async () => {
    const ahead = new ManualClock(clock.now())
    ahead.advance(300)
    const reopened = (await openKeyRings({ store, clock }, master))['dpop-nonce']
    expect(dpop.nonces.isGood(createDpopNonces({ clock: ahead, ring }).current())).toBe(true)
    expect(dpop.nonces.isGood(createDpopNonces({ clock, ring: reopened }).current())).toBe(true)
    ahead.advance(300)
    expect(dpop.nonces.isGood(createDpopNonces({ clock: ahead, ring }).current())).toBe(false)
  })

  it('under an older key of the ring is good, under a key that is not on it is not', () => {
    const older = { id: 'older', key: Buffer.alloc(32, 1) }
    const both: KeyRing = { current: ring.current, find: (id) => (id === 'older' ? older : ring.find(id)) }
    const made = createDpopNonces({ clock, ring: { current: older, find: () => older } }).current()
    expect(createDpopNonces({ clock, ring: both }).isGood(made)).toBe(true)
    expect(dpop.nonces.isGood(made)).toBe(false)
  })

  it.each(['', '.', 'x', 'é'.repeat(10)])('is never %j', (nonce) => {
    expect(dpop.nonces.isGood(nonce)).toBe(false)
    expect(dpop.nonces.isGood(`${dpop.nonces.current()}${nonce || 'A'}`)).toBe(false)
    expect(dpop.nonces.isGood(`${ring.current.id}.${nonce}`)).toBe(false)
  })

  it('need not be there where none is required, but one that is must be ours', async () => {
    const lenient = createDpop({ store, clock, failures, ring, requireNonce: () => false })
    expect(await ask(prover.proof({ iat: clock.now() }), lenient)).toEqual({ jkt: expect.any(String) })
    expect(await refusal(ask(fresh({ nonce: 'made-up' }), lenient))).toMatchObject({ code: 'use_dpop_nonce' })
  })
})
