import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { ClientId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { type OpenedKeys, openKeys } from '../testing/open-keys.ts'
import type { ClientNotice } from './client-notice.ts'
import type { Client, Clients } from './clients.ts'
import { createLogoutDeliveries, type LogoutDeliveries } from './logout-deliveries.ts'

const servers: Server[] = []
let opened: OpenedKeys
let outbound: Outbound
let deliveries: LogoutDeliveries
const notices: ClientNotice[] = []
/** Where each client is told. */
const addresses = new Map<string, string>()

beforeEach(async () => {
  opened = await openKeys()
  outbound = createOutbound({ allowLoopback: true })
  const find = async (id: ClientId) =>
    addresses.has(id) ? { id, backchannelLogout: { uri: addresses.get(id) }, idToken: { alg: 'ES256' } } : undefined
  deliveries = createLogoutDeliveries({
    ...{ issuer: 'https://auth.example.com', store: opened.store, clock: opened.clock, keys: opened.keys, outbound },
    // Of a client no more is asked here.
    onNotice: (notice) => notices.push(notice),
    clients: { find } as unknown as Clients & { find(id: ClientId): Promise<Client | undefined> },
  })
})
afterEach(async () => {
  outbound.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  addresses.clear()
  notices.length = 0
  await opened.store.close()
})

async function startClient(
  id: string,
  answers: boolean,
): Promise<{ readonly told: string[]; readonly sockets: Socket[] }> {
  const [told, sockets]: [string[], Socket[]] = [[], []]
  const server = createServer((request, response) => {
    told.push(request.url ?? '')
    sockets.push(request.socket)
    if (answers) response.end()
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  addresses.set(id, `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout`)
  return { told, sockets }
}

async function owe(client: string, count: number): Promise<void> {
  const now = opened.clock.now()
  for (let index = 0; index < count; index += 1) {
    await opened.store.logoutDeliveries.insert({
      ...{ id: `${client}-${index}`, client_id: client as ClientId, subject: 'usr_a', sid: 's', attempts: 0 },
      ...{ next_attempt_at: now, created_at: now, expires_at: seconds(now + 86_400) },
    })
  }
}

it('tells one client at once however much is owed to another that does not answer, and leaves that one alone', async () => {
  const dead = await startClient('dead', false)
  const well = await startClient('well', true)
  await owe('dead', 300)
  await owe('well', 120)
  const first = deliveries.deliver()
  await expect.poll(() => well.told.length, { timeout: 3000 }).toBeGreaterThanOrEqual(50)
  expect(dead.told.length).toBeLessThanOrEqual(5)
  for (const socket of dead.sockets) socket.destroy()
  expect(await first).toBe(120)
  expect(dead.told.length).toBeLessThanOrEqual(10)
  const tried = dead.told.length
  opened.clock.advance(4)
  expect(await deliveries.deliver()).toBe(0)
  expect(dead.told.length).toBe(tried)
})

it('tries a client that was away again, and tells it all once it is there', async () => {
  addresses.set('late', 'http://127.0.0.1:1/logout')
  await owe('late', 70)
  expect(await deliveries.deliver()).toBe(0)
  const { told } = await startClient('late', true)
  for (let minute = 0; minute < 5; minute += 1) {
    opened.clock.advance(60)
    await deliveries.deliver()
  }
  expect(told).toHaveLength(70)
  expect(
    await opened.store.logoutDeliveries.take({ now: opened.clock.now(), until: opened.clock.now(), limit: 10 }),
  ).toEqual([])
})

it('keeps what is owed to a client whose document cannot be read, and drops what is owed to one that is no more', async () => {
  const { told } = await startClient('https://app.example/client.json', true)
  const address = addresses.get('https://app.example/client.json') ?? ''
  addresses.clear()
  await owe('https://app.example/client.json', 1)
  await owe('removed', 1)
  expect(await deliveries.deliver()).toBe(0)
  addresses.set('https://app.example/client.json', address)
  addresses.set('removed', address)
  opened.clock.advance(60)
  expect(await deliveries.deliver()).toBe(1)
  expect(told).toHaveLength(1)
})

it('says why a client is not told, that it is in a private network among others, and that it was', async () => {
  addresses.set('away', 'http://127.0.0.1:1/logout')
  addresses.set('inside', 'https://10.1.2.3/ended')
  await startClient('well', true)
  for (const client of ['away', 'inside', 'well', 'https://app.example/client.json']) await owe(client, 1)
  await deliveries.deliver()
  const byClient = Object.fromEntries(notices.map(({ clientId, result, why }) => [clientId, { result, why }]))
  expect(byClient).toEqual({
    away: { result: 'failed', why: 'connection refused' },
    inside: { result: 'failed', why: expect.stringContaining('private network') },
    well: { result: 'delivered', why: undefined },
    'https://app.example/client.json': { result: 'failed', why: expect.stringContaining('document') },
  })
})

it('tells a client in a private network of which the file says so', async () => {
  const asked: (boolean | undefined)[] = []
  const inside = { id: 'inside', privateNetwork: true, backchannelLogout: { uri: 'https://10.1.2.3/ended' } }
  const told = createLogoutDeliveries({
    ...{ issuer: 'https://auth.example.com', store: opened.store, clock: opened.clock, keys: opened.keys },
    onNotice: () => {},
    outbound: {
      ...outbound,
      async fetch(_, { allowsPrivate }) {
        asked.push(allowsPrivate)
        return { status: 204, headers: {}, text: '' }
      },
    },
    // Of a client no more is asked here.
    clients: { find: async () => ({ ...inside, idToken: { alg: 'ES256' } }) } as unknown as Clients,
  })
  await owe('inside', 1)
  expect(await told.deliver()).toBe(1)
  expect(asked).toEqual([true])
})

it('gives up what could not be delivered for a day, and says so', async () => {
  await owe('away', 3)
  await deliveries.giveUp()
  expect(notices).toEqual([])
  opened.clock.advance(86_400)
  await deliveries.giveUp()
  const given = { kind: 'logout', clientId: 'away', result: 'given_up', why: 'not delivered for a day' }
  expect(notices).toEqual([given, given, given])
})
