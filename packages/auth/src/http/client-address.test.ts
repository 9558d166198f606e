import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientAddresses } from './client-address.ts'

const behindProxy = createClientAddresses(['127.0.0.1', '10.0.0.0/8'])
const direct = createClientAddresses([])

let read: (request: IncomingMessage) => unknown = () => undefined
const server = createServer((request, response) => response.end(JSON.stringify(read(request) ?? null)))
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => server.close(resolve)))

const ask = async (forwarded?: string, header = 'x-forwarded-for'): Promise<unknown> => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const answer = await fetch(url, { headers: { ...(forwarded && { [header]: forwarded }), connection: 'close' } })
  return answer.json()
}

it.each([
  ['https', 'https'],
  ['wss', 'https'],
  ['http', 'http'],
  ['ws', 'http'],
  ['https, http', 'http'],
  [undefined, 'http'],
])('a proxy that says %s has its request come by %s, and nobody else has a say in it', async (said, expected) => {
  read = (request) => behindProxy.findScheme(request)
  expect(await ask(said, 'x-forwarded-proto')).toBe(expected)
  read = (request) => direct.findScheme(request)
  expect(await ask(said, 'x-forwarded-proto')).toBe('http')
})

describe('the address that rules go by', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['198.51.100.1, 203.0.113.7, 10.0.0.9', '203.0.113.7'],
    ['203.0.113.7, nonsense', null],
    ['nonsense', null],
    ['10.0.0.9', null],
    [undefined, null],
  ])('behind a proxy that says %s: %s', async (forwarded, expected) => {
    read = (request) => behindProxy.findStated(request)
    expect(await ask(forwarded)).toBe(expected)
    // Limits count such a request as the proxy's own.
    read = (request) => behindProxy.find(request)
    expect(await ask(forwarded)).toBe(expected ?? '127.0.0.1')
  })

  it('is the peer itself where no proxy is trusted', async () => {
    read = (request) => direct.findStated(request)
    expect(await ask('203.0.113.7')).toBe('127.0.0.1')
  })
})

it('a peer that passes requests on without being named is told of, once', async () => {
  const told: string[] = []
  const addresses = createClientAddresses(['10.0.0.0/8'], (peer) => told.push(peer))
  read = (request) => addresses.find(request)
  expect(await ask()).toBe('127.0.0.1')
  expect(told).toEqual([])
  expect(await ask('192.0.2.7')).toBe('127.0.0.1')
  expect(await ask('192.0.2.8')).toBe('127.0.0.1')
  expect(told).toEqual(['127.0.0.1'])
})

/** As much of a request as is looked at: no test can connect from these addresses. */
const requestFrom = (remoteAddress: string, forwarded?: string): IncomingMessage =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage

it('a peer is found also among many requests that nobody has passed on, and a named one is not told of', async () => {
  const told: string[] = []
  const addresses = createClientAddresses([], (peer) => told.push(peer))
  const from = (remoteAddress: string, forwarded?: string) => addresses.find(requestFrom(remoteAddress, forwarded))
  for (let count = 0; count < 200; count += 1) from('192.0.2.1')
  for (let count = 0; count < 64; count += 1) from('192.0.2.9', '198.51.100.1')
  expect(told).toEqual(['192.0.2.9'])
  // Anybody can send the header: the log is not theirs to fill.
  for (let count = 0; count < 64_000; count += 1) from(`203.0.113.${count % 256}`, '198.51.100.1')
  expect(told.length).toBeLessThanOrEqual(8)
  const named = createClientAddresses(['192.0.2.9'], (peer) => told.push(peer))
  told.length = 0
  named.find(requestFrom('192.0.2.9', '1.2.3.4'))
  expect(told).toEqual([])
})
