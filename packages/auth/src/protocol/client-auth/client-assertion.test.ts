import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock, signerClockTolerance } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { CompactSign } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseClientKeys } from '../../domain/client-keys.ts'
import type { Client } from '../../domain/clients.ts'
import { createClientKeys } from '../../domain/find-client-keys.ts'
import { createRemoteKeySets } from '../../domain/remote-key-sets.ts'
import { createAddressLimit } from '../../http/address-limit.ts'
import { createOutbound } from '../../outbound/outbound.ts'
import { checkAssertion } from './client-assertion.ts'

const issuer = 'https://auth.example.com'
const secret = 'a-secret-of-more-than-enough-characters-for-any-mac-that-there-is'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const jwks = {
  keys: [
    { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' },
    { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' },
    { ...ed.publicKey.export({ format: 'jwk' }), kid: 'ed' },
  ],
}

let store: Store
let requests = 0
let published: object = jwks
const server = createServer((_, response) => {
  requests += 1
  response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify(published))
})
const outbound = createOutbound({ allowLoopback: true })
const clock = new ManualClock()
let jwksUri = ''
beforeAll(async () => {
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // TCP
})
afterAll(async () => {
  outbound.close()
  await new Promise((resolve) => server.close(resolve))
  await store.close()
})
let clientKeys = createClientKeys({})
let failures = createAddressLimit(clock, 100)
let beginnings = createAddressLimit(clock, 100)
beforeEach(() => {
  requests = 0
  published = jwks
  failures = createAddressLimit(clock, 100)
  beginnings = createAddressLimit(clock, 100)
  clientKeys = createClientKeys({ keySets: createRemoteKeySets({ outbound, clock }) })
})

// Only what the check reads of a client.
const clientOf = (more: Partial<Client>): Client =>
  ({ id: 'robot', authMethod: 'private_key_jwt', keys: parseClientKeys(jwks), macSecrets: [], ...more }) as Client
const withMac = clientOf({ authMethod: 'client_secret_jwt', keys: [], macSecrets: [Buffer.from(secret)] })

let number = 0
const claimsOf = (more: object = {}): object => {
  number += 1
  const now = clock.now()
  return { iss: 'robot', sub: 'robot', aud: issuer, iat: now, exp: now + 60, jti: `j${number}`, ...more }
}
const build = (alg: string, key: KeyObject | Uint8Array, header: object = {}, claims: object = {}): Promise<string> =>
  new CompactSign(Buffer.from(JSON.stringify(claimsOf(claims)))).setProtectedHeader({ alg, ...header }).sign(key)

const prove = (client: Client, assertion: string, address = '192.0.2.1'): Promise<void> =>
  checkAssertion({ store, clock, issuer, clientKeys, failures, beginnings }, client, { assertion, address })

const outcomeOf = async (client: Client, assertion: string): Promise<string> => {
  try {
    await prove(client, assertion)
    return 'proven'
  } catch (error) {
    const { code, message, cause } = error as { code: string; message: string; cause: Error } // GatehouseError
    expect([code, message]).toEqual(['invalid_client', 'Client authentication failed'])
    return cause.message
  }
}

describe('private_key_jwt', () => {
  it.each([
    ['RS256', rsa.privateKey, 'rsa'],
    ['PS256', rsa.privateKey, 'rsa'],
    ['ES256', ec.privateKey, 'ec'],
    ['EdDSA', ed.privateKey, 'ed'],
  ] as const)('signed with %s proves the client, with keys by value and behind a jwks_uri', async (alg, key, kid) => {
    expect(await outcomeOf(clientOf({}), await build(alg, key, { kid, typ: 'JWT' }))).toBe('proven')
    const remote = clientOf({ keys: [], jwksUri })
    expect(await outcomeOf(remote, await build(alg, key, { kid }))).toBe('proven')
    expect(await outcomeOf(remote, await build(alg, key))).toBe('proven')
    expect(requests).toBe(1)
  })

  it('is not proven by a request object, whoever that is about (RFC 9101 section 10.8)', async () => {
    const assertion = await build('ES256', ec.privateKey, {}, { response_type: 'code', client_id: 'robot' })
    expect(await outcomeOf(clientOf({}), assertion)).toMatch('it is a request object')
  })

  it('is good for five minutes at the most', async () => {
    const lasting = async (seconds: number) =>
      outcomeOf(clientOf({}), await build('ES256', ec.privateKey, {}, { exp: clock.now() + seconds }))
    expect(await lasting(300)).toBe('proven')
    expect(await lasting(300 + signerClockTolerance + 1)).toMatch('valid for more than five minutes')
  })

  it('has the one algorithm that is registered, where one is (token_endpoint_auth_signing_alg)', async () => {
    const pinned = clientOf({ assertionAlg: 'PS256' })
    expect(await outcomeOf(pinned, await build('PS256', rsa.privateKey))).toBe('proven')
    expect(await outcomeOf(pinned, await build('RS256', rsa.privateKey))).toMatch('not the registered one')
    expect(await outcomeOf(pinned, await build('ES256', ec.privateKey))).toMatch('not the registered one')
    const mac = { ...withMac, assertionAlg: 'HS512' } as const
    expect(await outcomeOf(mac, await build('HS512', Buffer.from(secret)))).toBe('proven')
    expect(await outcomeOf(mac, await build('HS256', Buffer.from(secret)))).toMatch('not the registered one')
  })

  it('keeps the FAPI profile to its algorithms', async () => {
    const fapi = clientOf({ profile: 'fapi2' })
    expect(await outcomeOf(fapi, await build('RS256', rsa.privateKey))).toMatch('the profile forbids')
    for (const [alg, key] of [
      ['PS256', rsa.privateKey],
      ['ES256', ec.privateKey],
      ['EdDSA', ed.privateKey],
    ] as const)
      expect(await outcomeOf(fapi, await build(alg, key))).toBe('proven')
    expect(await outcomeOf(fapi, await build('ES256', ec.privateKey, {}, { aud: [issuer] }))).toMatch('one string')
    const mac = { ...withMac, profile: 'fapi2' } as const
    expect(await outcomeOf(mac, await build('HS256', Buffer.from(secret)))).toMatch('not one of client_secret_jwt')
  })

  it('follows a client that changes its keys, and refuses it while its key set is out of reach', async () => {
    const remote = clientOf({ keys: [], jwksUri })
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(await outcomeOf(remote, await build('ES256', ec.privateKey, { kid: 'ec' }))).toBe('proven')
    published = { keys: [{ ...next.publicKey.export({ format: 'jwk' }), kid: 'next' }] }
    expect(await outcomeOf(remote, await build('ES256', next.privateKey, { kid: 'next' }))).toBe('proven')
    expect(await outcomeOf(remote, await build('ES256', ec.privateKey, { kid: 'ec' }))).toMatch('no registered key')
    for (let count = 0; count < 20; count += 1)
      await outcomeOf(remote, await build('ES256', ec.privateKey, { kid: `x${count}` }))
    expect(requests).toBe(2)
    const gone = clientOf({ keys: [], jwksUri: 'http://127.0.0.1:9/' })
    expect(await outcomeOf(gone, await build('ES256', ec.privateKey))).toBe('key set (jwks_uri): connection refused')
  })

  it('is not proven by keys or addresses that the assertion brings along, and nothing is fetched for them', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const header = { jwk: other.publicKey.export({ format: 'jwk' }), jku: jwksUri, x5u: jwksUri }
    expect(await outcomeOf(clientOf({}), await build('ES256', other.privateKey, header))).toMatch('bad signature')
    expect(requests).toBe(0)
  })

  it('is refused by its claims before its signature is checked', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const header = { kid: 'ec' }
    for (const [claims, why] of [
      [{ exp: clock.now() }, 'expired'],
      [{ aud: 'https://evil.test' }, 'aud must be'],
      [{ jti: undefined }, 'jti is missing'],
    ] as const)
      expect(await outcomeOf(clientOf({}), await build('ES256', other.privateKey, header, claims))).toMatch(why)
    expect(await outcomeOf(clientOf({}), await build('ES256', other.privateKey, header))).toMatch('bad signature')
  })

  it('tells who holds the key, and nobody else, that the times are wrong', async () => {
    const now = clock.now()
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const header = { kid: 'ec' }
    for (const [claims, fault] of [
      [{ iat: now + 45, exp: now + 105 }, 'its iat is 45 s in the future: do the clocks differ?'],
      [{ nbf: now + 11 }, 'its nbf is 11 s in the future: do the clocks differ?'],
      // Not that it is valid for too long: the clock is what is wrong.
      [{ iat: now + 400, exp: now + 460 }, 'its iat is 400 s in the future: do the clocks differ?'],
      [{ iat: now - 100, exp: now - 40 }, 'it expired 40 s ago: do the clocks differ?'],
    ] as const) {
      const told = { code: 'invalid_client', message: `The client assertion does not count: ${fault}` }
      await expect(prove(clientOf({}), await build('ES256', ec.privateKey, header, claims))).rejects.toMatchObject(told)
      await expect(prove(withMac, await build('HS256', Buffer.from(secret), {}, claims))).rejects.toMatchObject(told)
      expect(await outcomeOf(clientOf({}), await build('ES256', other.privateKey, header, claims))).toMatch(fault)
      expect(await outcomeOf(withMac, await build('HS256', Buffer.from('x'.repeat(64)), {}, claims))).toMatch(fault)
    }
  })

  it('is not looked at after too many with a bad signature from its address', async () => {
    failures = createAddressLimit(clock, 2)
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const forged = (): Promise<string> => build('ES256', other.privateKey, { kid: 'ec' })
    for (let count = 0; count < 2; count += 1) expect(await outcomeOf(clientOf({}), await forged())).toMatch('bad sig')
    const good = await build('ES256', ec.privateKey, { kid: 'ec' })
    await expect(prove(clientOf({}), good)).rejects.toMatchObject({ code: 'too_many_requests' })
    await prove(clientOf({}), good, '192.0.2.2')
  })

  it('of clients that registered themselves is written down so many times a minute for an address', async () => {
    beginnings = createAddressLimit(clock, 2)
    const good = (): Promise<string> => build('ES256', ec.privateKey, { kid: 'ec' })
    for (let count = 0; count < 2; count += 1) await prove(clientOf({ isDynamic: true }), await good())
    const over = await good()
    await expect(prove(clientOf({ isDynamic: true }), over)).rejects.toMatchObject({ code: 'too_many_requests' })
    await prove(clientOf({}), await good())
    await prove(clientOf({ isDynamic: true }), over, '192.0.2.2')
  })

  it('is not what a client of another method is registered for', async () => {
    const assertion = await build('ES256', ec.privateKey)
    for (const authMethod of ['client_secret_basic', 'none', 'tls_client_auth'] as const)
      expect(await outcomeOf(clientOf({ authMethod }), assertion)).toMatch('another method')
  })
})

describe('client_secret_jwt', () => {
  it.each(['HS256', 'HS384', 'HS512'])('with %s proves the client, by any secret that is valid now', async (alg) => {
    expect(await outcomeOf(withMac, await build(alg, Buffer.from(secret)))).toBe('proven')
    const two = { ...withMac, macSecrets: [Buffer.from(secret), Buffer.from('x'.repeat(64))] }
    expect(await outcomeOf(two, await build(alg, Buffer.from(secret)))).toBe('proven')
    expect(await outcomeOf(two, await build(alg, Buffer.from('x'.repeat(64))))).toBe('proven')
    expect(await outcomeOf(withMac, await build(alg, Buffer.from('y'.repeat(64))))).toMatch('bad MAC')
  })

  it('takes a jti once', async () => {
    const assertion = await build('HS256', Buffer.from(secret))
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(withMac, assertion)))
    expect(outcomes.filter((outcome) => outcome === 'proven')).toHaveLength(1)
  })

  it('is never made with a public key, in whatever spelling', async () => {
    const spellings = [
      rsa.publicKey.export({ format: 'pem', type: 'spki' }),
      rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }),
      ` ${rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()}`,
      rsa.publicKey.export({ format: 'der', type: 'spki' }),
      JSON.stringify(jwks.keys[0]),
      '',
    ]
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const spelling of spellings) {
      const signed = `${part({ alg: 'HS256', kid: 'rsa' })}.${part(claimsOf())}`
      const mac = createHmac('sha256', spelling).update(signed).digest('base64url')
      expect(await outcomeOf(clientOf({}), `${signed}.${mac}`)).toMatch('no registered key')
      const both = { ...withMac, keys: parseClientKeys(jwks) }
      expect(await outcomeOf(both, `${signed}.${mac}`)).toMatch('bad MAC')
    }
  })

  it('is neither a signature nor nothing', async () => {
    const both = { ...withMac, keys: parseClientKeys(jwks) }
    expect(await outcomeOf(both, await build('ES256', ec.privateKey))).toMatch('not one of client_secret_jwt')
    for (const alg of ['none', 'None', 'hs256']) {
      const [, payload] = (await build('HS256', Buffer.from(secret))).split('.')
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
      const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
      expect(await outcomeOf(withMac, `${header}.${payload}.${mac}`)).toMatch('not one of client_secret_jwt')
      expect(await outcomeOf(withMac, `${header}.${payload}.`)).toMatch('not a signed token')
    }
    expect(await outcomeOf({ ...withMac, macSecrets: [] }, await build('HS256', Buffer.from(secret)))).toMatch(
      'bad MAC',
    )
  })
})
