import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { type ClientDocuments, createClientDocuments } from './client-documents.ts'
import type { RegistrationPolicy } from './client-registration.ts'

const policy: RegistrationPolicy = {
  ...{ mode: 'off', documents: true, scopes: [], audiences: [], limit: 1, perMinute: 1, loopbackRedirects: true },
  grantTypes: ['authorization_code'],
  unusedFor: seconds(60),
}

let server: Server
let outbound: Outbound
let documents: ClientDocuments
let clock: ManualClock
/** How the application's server answers, and what it was asked for. */
let answer: RequestListener
let asked: string[]
let base: string

const describes: RequestListener = ({ url }, response) => {
  const document = { client_id: base + url, redirect_uris: ['https://app.example/callback'] }
  response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
}
const fails =
  (status: number): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end()
const breaksOff: RequestListener = (_, response) => void response.destroy()

beforeEach(async () => {
  asked = []
  answer = describes
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  outbound = createOutbound({ allowLoopback: true })
  clock = new ManualClock()
  documents = createClientDocuments({ outbound, clock, policy: () => policy })
})
afterEach(() => {
  outbound.close()
  server.closeAllConnections()
  server.close()
})

const find = () => documents.find(`${base}/app.json`)

it.each([
  ['breaks off', breaksOff],
  ['answers 503', fails(503)],
])('serves for an hour beyond its time while its server %s, and is asked for twice a minute', async (_, away) => {
  expect(await find()).toMatchObject({ metadata: { redirect_uris: ['https://app.example/callback'] } })
  answer = away
  clock.advance(61)
  const known = await find()
  expect(known).toMatchObject({ metadata: { redirect_uris: ['https://app.example/callback'] } })
  clock.advance(29)
  expect(await find()).toBe(known)
  expect(asked).toHaveLength(2)
  clock.advance(3500)
  expect(await find()).toBe(known)
  clock.advance(100)
  expect(await find()).toBeUndefined()
  answer = describes
  clock.advance(31)
  expect(await find()).toBeDefined()
})

it.each([
  ['is gone', fails(404)],
  ['leads elsewhere', fails(302)],
  ['says nothing that fits', (_: unknown, response: { end(text: string): unknown }) => void response.end('{}')],
])('serves no longer than it says once it %s', async (_, there) => {
  expect(await find()).toBeDefined()
  answer = there as RequestListener
  clock.advance(61)
  expect(await find()).toBeUndefined()
  // Nor does it come back by the server that is made unreachable.
  answer = breaksOff
  clock.advance(61)
  expect(await find()).toBeUndefined()
})

it('is not pushed out by addresses that somebody makes up', async () => {
  expect(await find()).toBeDefined()
  answer = fails(404)
  for (let count = 0; count < 1100; count += 1) await documents.find(`${base}/made-up/${count}`)
  answer = breaksOff
  expect(await find()).toBeDefined()
})
