import {
  callEnvoyService,
  connectEnvoy,
  decodeAnswer,
  encodeQuestion,
  statusOf,
} from '@gatehouse/gateway/fixtures/envoy'
import { afterEach, expect, it } from 'vitest'
import { createSite, findFreePort, postJson, type Site } from './running-program.ts'

let site: Site | undefined
let client: ReturnType<typeof connectEnvoy> | undefined
afterEach(async () => {
  client?.close()
  await site?.remove()
})

it('the shipped program answers an Envoy over gRPC, and stops with it', async () => {
  const [port, asked] = [await findFreePort(), await findFreePort()]
  site = await createSite()
  site.configure(`issuer: http://localhost:${port}
listen: 127.0.0.1:${port}
database: ./gatehouse.db
trusted_proxies: [127.0.0.1]
ext_authz: { listen: '127.0.0.1:${asked}' }
services:
  orders:
    forward_auth: true
    routes: [{ path: /orders/**, require: { scopes: [orders:read] } }]
`)
  const running = await site.start(['dev'])
  const envoy = connectEnvoy(asked)
  client = envoy
  const ask = async (headers: Record<string, string> = {}) => {
    const http = { method: 'GET', path: '/orders/7', host: `localhost:${port}`, scheme: 'http', headers }
    return decodeAnswer(await callEnvoyService(envoy, encodeQuestion({ request: { http } })))
  }
  expect(statusOf(await ask())).toBe(401)
  const login = { username: 'bob', password: 'wonderland-tea-party' }
  const { json } = await postJson(`http://127.0.0.1:${port}/login`, login)
  const { ok_response } = await ask({ authorization: `Bearer ${json.access_token}` })
  const values = Object.fromEntries((ok_response?.headers ?? []).map(({ header }) => [header.key, header.value]))
  expect(values).toMatchObject({
    'x-gatehouse-subject': expect.stringMatching(/^usr_/),
    authorization: expect.stringMatching(/^Bearer ey/),
  })
  const { code, milliseconds } = await running.stop()
  expect([code, milliseconds < 10_000]).toEqual([0, true])
})
