import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound } from '../outbound/outbound.ts'
import { createRemoteKeySets, type RemoteKeySets } from './remote-key-sets.ts'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = (kid: string): object => ({ ...pair.publicKey.export({ format: 'jwk' }), kid })

let requests = 0
let status = 200
let body = ''
let cacheControl: string | undefined
const server = createServer((_, response) => {
  requests += 1
  const headers = { 'content-type': 'application/json', ...(cacheControl && { 'cache-control': cacheControl }) }
  response.writeHead(status, headers).end(body)
})
const outbound = createOutbound({ allowLoopback: true })
let uri = ''
let clock: ManualClock
let sets: RemoteKeySets

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` // TCP
})
afterAll(() => {
  outbound.close()
  return new Promise((resolve) => server.close(resolve))
})
beforeEach(() => {
  requests = 0
  status = 200
  cacheControl = undefined
  publish('a')
  clock = new ManualClock()
  sets = createRemoteKeySets({ outbound, clock })
})
const publish = (...kids: string[]): void => {
  body = JSON.stringify({ keys: kids.map(jwk) })
}
const kidsOf = async (kid?: string): Promise<string[]> =>
  (await sets.get(uri, { kid })).signatureKeys.map((key) => key.kid)

describe('a published key set', () => {
  it('is fetched once for all who ask at one time, and kept', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => kidsOf('a')))
    expect(all.every(([kid]) => kid === 'a')).toBe(true)
    await kidsOf()
    expect(requests).toBe(1)
  })

  it.each([
    [undefined, 300],
    ['public, max-age=120', 120],
    ['max-age=1', 60],
    ['no-store', 60],
    ['max-age=9999999', 3600],
  ])('with Cache-Control %s is kept for %i seconds', async (value, kept) => {
    cacheControl = value
    await kidsOf()
    clock.advance(kept - 1)
    await kidsOf()
    expect(requests).toBe(1)
    clock.advance(1)
    await kidsOf()
    expect(requests).toBe(2)
  })

  it('is fetched anew for a key that it did not have, at most once in 30 seconds', async () => {
    await kidsOf('a')
    publish('a', 'b')
    expect(await kidsOf('b')).toEqual(['a', 'b'])
    for (let count = 0; count < 50; count += 1) await kidsOf(`unknown-${count}`)
    expect(requests).toBe(2)
    clock.advance(30)
    await kidsOf('unknown')
    expect(requests).toBe(3)
  })

  it('serves for an hour beyond its time while it cannot be fetched, and no longer', async () => {
    await kidsOf()
    status = 500
    clock.advance(300 + 3599)
    expect(await kidsOf()).toEqual(['a'])
    for (let count = 0; count < 20; count += 1) await kidsOf()
    expect(requests).toBe(2)
    clock.advance(30)
    await expect(kidsOf()).rejects.toMatchObject({ code: 'invalid_client', status: 401 })
    status = 200
    clock.advance(5)
    expect(await kidsOf()).toEqual(['a'])
  })

  it.each([
    ['an error', () => (status = 503)],
    ['no JSON', () => (body = '<html>')],
    ['a list', () => (body = '[]')],
    ['no keys', () => (body = '{"keys":{}}')],
    ['too much', () => (body = `{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
  ])('that answers %s is the client’s fault, and not asked for again at once', async (_, spoil) => {
    spoil()
    for (let count = 0; count < 10; count += 1) {
      await expect(kidsOf('a')).rejects.toMatchObject({
        code: 'invalid_client',
        message: 'Client authentication failed',
      })
    }
    expect(requests).toBe(1)
  })

  it('has no more than 64 keys that are looked at', async () => {
    publish(...Array.from({ length: 100 }, (_, index) => `k${index}`))
    expect(await kidsOf()).toHaveLength(64)
  })
})

describe('a key set in a private network', () => {
  const inside = 'https://10.1.2.3/jwks'
  beforeEach(() => {
    const answer = { status: 200, headers: {}, text: body }
    sets = createRemoteKeySets({
      clock,
      outbound: {
        ...outbound,
        // What is said of it is passed on; else it is refused, as ever.
        fetch: (uri, request) => (request.allowsPrivate ? Promise.resolve(answer) : outbound.fetch(uri, request)),
      },
    })
  })

  it('is had for a client of which the file says so, and by that for nobody else', async () => {
    const mine = await sets.get(inside, { allowsPrivate: true })
    expect(mine.signatureKeys.map(({ kid }) => kid)).toEqual(['a'])
    await expect(sets.get(inside)).rejects.toMatchObject({ code: 'invalid_client' })
  })

  it('is refused with a reason for the log alone, also a moment later', async () => {
    for (const when of [/^key set \(jwks_uri\): refused: private network/, /private network.*, a moment ago$/]) {
      const refusal = await sets.get(inside).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ code: 'invalid_client', cause: { message: expect.stringMatching(when) } })
      expect((refusal as Error).message).not.toContain('private')
    }
  })
})
