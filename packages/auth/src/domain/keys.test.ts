import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reuseKeyPairs } from '../testing/reused-key-pairs.ts'
import { claimsOf, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { revokeSigningKey, rotateSigningKeys } from './key-administration.ts'
import { openKeyRings, parseMasterKey, purposes, WrongMasterKeyError } from './key-rings.ts'
import { signingAlgs } from './make-signing-key.ts'
import { seal, unseal } from './sealing.ts'
import { openSigningKeys, publicationLead } from './signing-keys.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
const isValid = async (token: string): Promise<boolean> =>
  ((await (await started.postJson('/validate', { token })).json()) as { valid: boolean }).valid
const dependencies = () => ({
  store: started.store,
  clock: started.clock,
  keys: started.auth.keys,
  revocations: started.auth.revocations,
})
const states = (alg = 'ES256'): string[] =>
  started.auth.keys
    .list()
    .filter((key) => key.alg === alg)
    .map(({ state }) => state)

describe('signing keys', () => {
  it('publish the next key before it signs', async () => {
    expect(states()).toEqual(['current', 'next'])
    const next = started.auth.keys.list()[1]?.kid
    expect(started.auth.keys.jwks().keys.map(({ kid }) => kid)).toContain(next)
    expect(kidOf((await started.signIn()).access_token)).not.toBe(next)
  })

  it('rotate by command only once everybody can know the next key, and old tokens stay good', async () => {
    const before = await started.signIn()
    const rotated = await rotateSigningKeys(dependencies(), { actor: 'test' })
    expect(rotated.map(({ alg }) => alg)).toEqual(signingAlgs)
    const { kid, signs_from } = rotated[0] ?? { kid: '', signs_from: 0 }
    expect(signs_from).toBe(started.clock.now() + publicationLead)
    started.clock.advance(publicationLead - 1)
    expect(kidOf((await started.signIn()).access_token)).not.toBe(kid)
    started.clock.advance(1)
    const during = await started.signIn()
    expect(kidOf(during.access_token)).toBe(kid)
    await started.auth.keys.maintain()
    for (const alg of signingAlgs) expect(states(alg)).toEqual(['previous', 'current', 'next'])
    expect(await isValid(during.access_token)).toBe(true)
    const again = await started.postJson('/token/refresh', { refresh_token: before.refresh_token })
    expect(again.status).toBe(200)
  })

  it('rotate by schedule, and drop a key once its last token has expired', async () => {
    const first = started.auth.keys.current().kid
    started.clock.advance(7_776_000)
    await started.auth.keys.maintain()
    expect(started.auth.keys.current().kid).not.toBe(first)
    expect(started.auth.keys.find(first)).toBeDefined()
    started.clock.advance(86_400 + 61)
    await started.auth.keys.reload()
    expect(started.auth.keys.find(first)).toBeUndefined()
    expect(states()).toEqual(['current', 'next'])
  })

  it('revoke in an emergency: what the key signed is refused at once, the next one signs', async () => {
    const { access_token, refresh_token } = await started.signIn()
    expect(await isValid(access_token)).toBe(true)
    await revokeSigningKey(dependencies(), kidOf(access_token), { actor: 'test' })
    expect(await isValid(access_token)).toBe(false)
    const refreshed = (await (await started.postJson('/token/refresh', { refresh_token })).json()) as {
      access_token: string
    }
    expect(kidOf(refreshed.access_token)).not.toBe(kidOf(access_token))
    expect(await isValid(refreshed.access_token)).toBe(true)
    expect(started.auth.keys.jwks().keys.map(({ kid }) => kid)).not.toContain(kidOf(access_token))
  })

  it('are revoked as a whole or not at all, so that a revocation that failed can be given again', async () => {
    const { access_token } = await started.signIn()
    const kid = kidOf(access_token)
    const write = () => Promise.reject(new Error('the connection broke'))
    const broken = { ...dependencies(), revocations: { ...started.auth.revocations, write } }
    await expect(revokeSigningKey(broken, kid, { actor: 'test' })).rejects.toThrow('the connection broke')
    expect(await isValid(access_token)).toBe(true)
    await revokeSigningKey(dependencies(), kid, { actor: 'test' })
    expect(await isValid(access_token)).toBe(false)
  })

  it('are not brought back by a read that was under way while one was revoked, and ends later', async () => {
    const { store, clock } = started
    const before = await store.signingKeys.list()
    let held: Promise<typeof before> | undefined
    const list = () => held ?? store.signingKeys.list()
    const slow = { ...store, signingKeys: { ...store.signingKeys, list } }
    const { rings } = started.auth
    const rotateEvery = () => seconds(7_776_000)
    const keys = await openSigningKeys({ store: slow, clock, rings, rotateEvery, hint: async () => {} })
    let release = () => {}
    held = new Promise((resolve) => {
      release = () => resolve(before)
    })
    const early = keys.reload()
    held = undefined
    const { kid } = keys.current()
    await keys.withdraw(kid, async () => {})
    release()
    await early
    expect(keys.find(kid)).toBeUndefined()
    expect(keys.current().kid).not.toBe(kid)
  })

  it('sign on when the clock is set back to before the first of them', async () => {
    const first = started.auth.keys.current().kid
    started.clock.advance(-3600)
    expect(started.auth.keys.current().kid).toBe(first)
  })

  it('are made once when two processes start on an empty database together', async () => {
    const clock = new ManualClock()
    const store = await openStore({ url: ':memory:', clock })
    await store.migrate()
    const rings = await openKeyRings({ store, clock }, { key: Buffer.alloc(32, 1) })
    const open = () =>
      openSigningKeys({
        store,
        clock,
        rings,
        rotateEvery: () => seconds(86_400),
        hint: async () => {},
        makeKeyPair: reuseKeyPairs(),
      })
    const [one, two] = await Promise.all([open(), open()])
    expect(await store.signingKeys.list()).toHaveLength(6)
    for (const alg of signingAlgs) expect(one.current(alg).kid).toBe(two.current(alg).kid)
    await store.close()
  })

  it('are of three algorithms, each with a schedule of its own, and the set tells which is for what', async () => {
    const { keys } = started.auth
    for (const alg of signingAlgs) {
      expect(states(alg)).toEqual(['current', 'next'])
      expect(keys.current(alg).alg).toBe(alg)
    }
    const published = keys.jwks().keys
    expect(published.map(({ kty }) => kty)).toEqual(['EC', 'EC', 'RSA', 'RSA', 'OKP', 'OKP'])
    expect(new Set(published.map(({ kid }) => kid)).size).toBe(6)
    for (const jwk of published) {
      expect(jwk.use).toBe('sig')
      expect(signingAlgs).toContain(jwk.alg)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(jwk).not.toHaveProperty(member)
    }
    const rsa = keys.current('RS256').kid
    const others = [keys.current().kid, keys.current('EdDSA').kid]
    await revokeSigningKey(dependencies(), rsa, { actor: 'test' })
    expect(keys.current('RS256').kid).not.toBe(rsa)
    expect(states('RS256')).toEqual(['current', 'next'])
    expect([keys.current().kid, keys.current('EdDSA').kid]).toEqual(others)
  })

  it('verify access tokens with ES256 alone, and whatever was signed through `all`', () => {
    const { keys } = started.auth
    for (const alg of signingAlgs) {
      const { kid } = keys.current(alg)
      expect(keys.find(kid)?.alg).toBe(alg === 'ES256' ? alg : undefined)
      expect(keys.all.find(kid)?.alg).toBe(alg)
    }
  })

  it('of the other algorithms are made where an older version has left only ES256, and nothing else is made', async () => {
    const clock = new ManualClock()
    const store = await openStore({ url: ':memory:', clock })
    await store.migrate()
    const rings = await openKeyRings({ store, clock }, { key: Buffer.alloc(32, 1) })
    const made: string[] = []
    const pairs = reuseKeyPairs()
    const open = () =>
      openSigningKeys({
        store,
        clock,
        rings,
        rotateEvery: () => seconds(86_400),
        hint: async () => {},
        makeKeyPair: (alg) => {
          made.push(alg)
          return pairs(alg)
        },
      })
    const first = await open()
    await store.transaction(async ({ signingKeys }) => {
      for (const { kid, alg } of first.list()) {
        if (alg !== 'ES256') await signingKeys.setTimes({ kid, expires_at: clock.now() })
      }
    })
    made.length = 0
    const upgraded = await open()
    expect(made).toEqual(['RS256', 'RS256', 'EdDSA', 'EdDSA'])
    expect(upgraded.current().kid).toBe(first.current().kid)
    made.length = 0
    await open()
    expect(made).toEqual([])
    await store.close()
  })

  it('are never in clear in the database', async () => {
    const text = JSON.stringify(await started.store.signingKeys.list())
    for (const alg of signingAlgs) {
      const { privateKey } = started.auth.keys.current(alg)
      const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64url')
      const secret = privateKey.export({ format: 'jwk' }).d ?? ''
      expect(secret).not.toBe('')
      expect(text).not.toContain(secret)
      // What differs from key to key stands at the end of a short key, and in the middle of a long one.
      expect(text).not.toContain(der.slice(Math.floor(der.length / 2), Math.floor(der.length / 2) + 40))
    }
  })
})

describe('a revocation by time', () => {
  it('includes its second, and what is issued after it in that second is dated one later', async () => {
    const now = started.clock.now()
    const machine = (): string =>
      started.auth.accessTokens.issue(
        { sub: 'reports', client_id: 'reports' as never, aud: 'https://auth.example.com', scope: '' },
        300 as never,
      ).token
    const before = machine()
    const entries = await started.store.transaction((tables) =>
      started.auth.revocations.write(tables, [
        { kind: 'client', value: 'reports', issued_before: now, expires_at: (now + 900) as never },
      ]),
    )
    await started.auth.revocations.announce(entries)
    const after = machine()
    expect(claimsOf(after).iat).toBe(now + 1)
    expect([await isValid(before), await isValid(after)]).toEqual([false, true])
  })
})

describe('the key rings', () => {
  it('open with the same master key, not with another, and with both while it is being replaced', async () => {
    const clock = new ManualClock()
    const store = await openStore({ url: ':memory:', clock })
    await store.migrate()
    const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const made = await openKeyRings({ store, clock }, { key: one })
    const rows = await store.dataKeys.list()
    await expect(openKeyRings({ store, clock }, { key: two })).rejects.toThrow(WrongMasterKeyError)
    expect(await store.dataKeys.list()).toEqual(rows)
    const moved = await openKeyRings({ store, clock }, { key: two, previous: one })
    expect(moved['refresh-token'].current.key).toEqual(made['refresh-token'].current.key)
    const after = await openKeyRings({ store, clock }, { key: two })
    expect(after['signing-key'].current.id).toBe(made['signing-key'].current.id)
    await store.close()
  })

  it('are the same for two processes of which one looked before the other had made them', async () => {
    const store = await openStore({ url: ':memory:', clock: started.clock })
    await store.migrate()
    const master = { key: Buffer.alloc(32, 1) }
    const empty = await store.dataKeys.list()
    const one = await openKeyRings({ store, clock: started.clock }, master)
    let looks = 0
    const list = () => {
      looks += 1
      return looks === 1 ? Promise.resolve(empty) : store.dataKeys.list()
    }
    const late = { transaction: store.transaction, dataKeys: { ...store.dataKeys, list } }
    const two = await openKeyRings({ store: late, clock: started.clock }, master)
    for (const purpose of purposes) expect(two[purpose].current.id).toBe(one[purpose].current.id)
    expect(await store.dataKeys.list()).toHaveLength(purposes.length)
    await store.close()
  })

  it('of purposes that an older version did not have are made beside its own', async () => {
    const store = await openStore({ url: ':memory:', clock: started.clock })
    await store.migrate()
    const master = { key: Buffer.alloc(32, 1) }
    const id = 'old'
    const key = Buffer.alloc(32, 9)
    const wrapped_key = seal(master.key, key, `data_keys.wrapped_key:refresh-token:${id}`)
    await store.dataKeys.insert({ id, purpose: 'refresh-token', wrapped_key, created_at: started.clock.now() })
    const rings = await openKeyRings({ store, clock: started.clock }, master)
    expect(rings['refresh-token'].current).toMatchObject({ id, key })
    const keys = purposes.map((purpose) => rings[purpose].current.key.toString('hex'))
    expect(new Set(keys).size).toBe(purposes.length)
    await store.close()
  })

  it('of new purposes are not made under a wrong master key, which would leave them beyond the right one', async () => {
    const store = await openStore({ url: ':memory:', clock: started.clock })
    await store.migrate()
    const [one, two, three] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)]
    const wrap = (master: Buffer, id: string) =>
      store.dataKeys.insert({
        id,
        purpose: 'refresh-token',
        wrapped_key: seal(master, Buffer.alloc(32, 9), `data_keys.wrapped_key:refresh-token:${id}`),
        created_at: started.clock.now(),
      })
    await wrap(one, 'a')
    const before = await store.dataKeys.list()
    const open = (master: Parameters<typeof openKeyRings>[1]) => openKeyRings({ store, clock: started.clock }, master)
    await expect(open({ key: two })).rejects.toThrow(WrongMasterKeyError)
    expect(await store.dataKeys.list()).toEqual(before)
    // Nor is any wrapped anew where another cannot be opened.
    await wrap(three, 'b')
    await expect(open({ key: two, previous: one })).rejects.toThrow(WrongMasterKeyError)
    expect((await store.dataKeys.list()).find(({ id }) => id === 'a')).toEqual(before[0])
    await store.close()
  })

  it('read a master key as base64, base64url or hexadecimal, and nothing else', () => {
    const key = Buffer.from('00112233445566778899aabbccddeefffedcba98765432100123456789abcdef', 'hex')
    for (const text of [
      key.toString('hex'),
      key.toString('base64'),
      key.toString('base64url'),
      ` ${key.toString('base64')}\n`,
    ]) {
      expect(parseMasterKey(text)).toEqual(key)
    }
    for (const text of ['', 'short', key.toString('base64').slice(4), `${key.toString('hex')}00`])
      expect(parseMasterKey(text)).toBeUndefined()
  })
})

describe('sealing', () => {
  it('opens with the same key at the same place, and never otherwise', () => {
    const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const sealed = seal(key, Buffer.from('secret'), 'table.column:1')
    expect(unseal(key, sealed, 'table.column:1')?.toString()).toBe('secret')
    expect(unseal(key, sealed, 'table.column:2')).toBeUndefined()
    expect(unseal(other, sealed, 'table.column:1')).toBeUndefined()
    expect(unseal(key, `${sealed.startsWith('A') ? 'B' : 'A'}${sealed.slice(1)}`, 'table.column:1')).toBeUndefined()
    expect(unseal(key, 'short', 'table.column:1')).toBeUndefined()
    expect(seal(key, Buffer.from('secret'), 'table.column:1')).not.toBe(sealed)
  })
})
