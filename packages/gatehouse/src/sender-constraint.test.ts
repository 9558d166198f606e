import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCertificate, type TestCertificate } from '@gatehouse/auth/testing/certificates'
import { ManualClock } from '@gatehouse/core/time'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { openStore } from '@gatehouse/store/store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compose, type Program } from './compose.ts'
import { checkConfiguration } from './configuration/load.ts'
import { readConfigurationText } from './configuration/read-file.ts'
import { createLog } from './telemetry/log.ts'
import { exchangeHttp2 } from './testing/http2-exchange.ts'

const issuer = 'https://auth.test'
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bound-'))
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const listener = buildCertificate({ subject: [['CN', 'auth.test']] })
const authority = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
const robot = buildCertificate({
  subject: [['CN', 'robot']],
  names: [{ kind: 'dns', text: 'robot.test' }],
  issuer: authority,
})
const other = buildCertificate({
  subject: [['CN', 'other']],
  names: [{ kind: 'dns', text: 'other.test' }],
  issuer: authority,
})
const own = buildCertificate({ subject: [['CN', 'own']] })
const prover = createTestProver()
const clock = new ManualClock(Math.floor(Date.now() / 1000))

let upstream: Server
let program: Program
let port: number

beforeAll(async () => {
  upstream = createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  const key = randomBytes(32).toString('base64')
  const text = `
issuer: ${issuer}
listen: 127.0.0.1:0
database: ${join(folder, 'unused.db')}
master_key: ${key}
tls: { cert: ${write('cert', listener.cert)}, key: ${write('key', listener.key)} }
client_certificates: { authorities: ${write('authorities', authority.cert)} }
services:
  orders:
    upstream: ${origin}
    routes:
      - { path: /orders/**, require: { scopes: [orders:read] } }
      - { path: /accounts/**, require: { acr: [urn:strong], max_age: 5m } }
  shop:
    host: shop.test
    upstream: ${origin}
    routes: [{ path: /**, require: token }]
clients:
  robot:
    auth_method: tls_client_auth
    tls_client_auth_san_dns: robot.test
    tls_client_certificate_bound_access_tokens: true
    scopes: [orders:read]
  lone:
    auth_method: self_signed_tls_client_auth
    jwks: { keys: [${JSON.stringify(own.keys.publicKey.export({ format: 'jwk' }))}] }
    scopes: [orders:read]
`
  const read = readConfigurationText(text, 'gatehouse.yaml', {})
  const configuration = checkConfiguration(read, { development: false, environment: {} })
  const { masterKey, routes } = configuration
  if (!masterKey || !routes) throw new Error('the configuration is incomplete')
  const store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  program = await compose({
    configuration: { ...configuration, masterKey, routes },
    store,
    clock,
    log: createLog({ level: 'silent', development: false }),
    hintSiblings: async () => {},
    isPrimary: true,
  })
  await new Promise<void>((resolve) => program.server.listen(0, '127.0.0.1', resolve))
  port = (program.server.address() as AddressInfo).port
})
afterAll(async () => {
  program.server.close().closeAllConnections()
  await program.close()
  upstream.close().closeAllConnections()
  rmSync(folder, { recursive: true })
})

/** By what requests are sent. */
let protocol = 'HTTP/1.1'

interface Ask {
  readonly path: string
  readonly shown?: TestCertificate
  readonly headers?: Record<string, string>
  readonly form?: Record<string, string>
  readonly json?: unknown
}
interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly json: Record<string, unknown>
}

async function ask({ path, shown, headers = {}, form, json }: Ask): Promise<Answer> {
  const body = form ? new URLSearchParams(form).toString() : json === undefined ? undefined : JSON.stringify(json)
  const type = form ? 'application/x-www-form-urlencoded' : 'application/json'
  const identity = shown ? { key: shown.key, cert: shown.cert } : {}
  const options = {
    ...identity,
    port,
    path,
    host: '127.0.0.1',
    agent: false,
    rejectUnauthorized: false,
    method: body === undefined ? 'GET' : 'POST',
    headers: { host: 'auth.test', ...(body === undefined ? {} : { 'content-type': type }), ...headers },
  }
  if (protocol === 'HTTP/2') {
    const { text, ...answer } = await exchangeHttp2(identity)(port, { ...options, body })
    return { ...answer, json: text === '' ? {} : JSON.parse(text) }
  }
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          json: text === '' ? {} : JSON.parse(text),
        })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const tokenRequest = (client_id: string, shown?: TestCertificate, headers = {}): Promise<Answer> =>
  ask({
    path: '/oauth/token',
    form: { grant_type: 'client_credentials', client_id },
    headers,
    ...(shown ? { shown } : {}),
  })
const nonce = (): string => program.auth.dpop.nonces.current()
const proof = (path: string, method: string, claims = {}): string =>
  prover.proof({ htm: method, htu: issuer + path, iat: clock.now(), nonce: nonce(), ...claims })
const proofWith = (token: string, path: string): string =>
  prover.proofFor(token, { htm: 'GET', htu: issuer + path, iat: clock.now(), nonce: nonce() })

describe.each(['HTTP/1.1', 'HTTP/2'])('by %s', (spoken) => {
  beforeAll(() => {
    protocol = spoken
  })
  describe('a client that proves itself by its certificate', () => {
    it('gets tokens that are good with that certificate alone', async () => {
      const answer = await tokenRequest('robot', robot)
      expect(answer).toMatchObject({ status: 200, json: { token_type: 'Bearer' } })
      const headers = { authorization: `Bearer ${answer.json.access_token}` }
      expect((await ask({ path: '/orders/1', headers, shown: robot })).status).toBe(200)
      expect((await ask({ path: '/orders/1', headers, shown: other })).status).toBe(401)
      expect((await ask({ path: '/orders/1', headers })).status).toBe(401)
      const told = await ask({ path: '/validate', json: { token: answer.json.access_token } })
      expect(told.json).toMatchObject({ valid: true, cnf: { 'x5t#S256': expect.stringMatching(/^[\w-]{43}$/) } })
    })

    it('is refused without it, with another one, and with one that nobody stands for', async () => {
      const forged = buildCertificate({ subject: [['CN', 'robot']], names: [{ kind: 'dns', text: 'robot.test' }] })
      for (const shown of [undefined, other, own, forged]) {
        expect(await tokenRequest('robot', shown)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
      }
      const secret = { grant_type: 'client_credentials', client_id: 'robot', client_secret: 'x' }
      const answer = await ask({ path: '/oauth/token', shown: robot, form: secret })
      expect(answer).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
    })

    it('may have signed it itself where its key is registered', async () => {
      expect((await tokenRequest('lone', own)).status).toBe(200)
      expect((await tokenRequest('lone', robot)).status).toBe(401)
      expect((await tokenRequest('lone')).status).toBe(401)
    })

    it('learns from the metadata that it can', async () => {
      const { json } = await ask({ path: '/.well-known/openid-configuration' })
      expect(json.tls_client_certificate_bound_access_tokens).toBe(true)
      expect(json.token_endpoint_auth_methods_supported).toEqual(
        expect.arrayContaining(['tls_client_auth', 'self_signed_tls_client_auth']),
      )
    })

    it('is believed by no header here', async () => {
      const headers = { 'client-cert': encodeURIComponent(robot.cert) }
      expect((await tokenRequest('robot', undefined, headers)).status).toBe(401)
    })
  })

  describe('a client that proves a key', () => {
    it('is told of the nonce, and gets tokens that are good with the key alone', async () => {
      const first = await tokenRequest('lone', own, { dpop: proof('/oauth/token', 'POST', { nonce: undefined }) })
      expect(first).toMatchObject({ status: 400, json: { error: 'use_dpop_nonce' } })
      const given = first.headers['dpop-nonce']
      const answer = await tokenRequest('lone', own, { dpop: proof('/oauth/token', 'POST', { nonce: given }) })
      expect(answer).toMatchObject({ status: 200, json: { token_type: 'DPoP' } })

      const token = String(answer.json.access_token)
      const good = { authorization: `DPoP ${token}`, dpop: proofWith(token, '/orders/1') }
      const passed = await ask({ path: '/orders/1?a=b', headers: good })
      expect(passed.status).toBe(200)
      expect(passed.json).not.toHaveProperty('dpop')
      expect(passed.json['x-gatehouse-client']).toBe('lone')
      const again = await ask({ path: '/orders/1?a=b', headers: good })
      expect(again).toMatchObject({ status: 401, json: { error: 'invalid_dpop_proof' } })
      const asBearer = await ask({ path: '/orders/1', headers: { authorization: `Bearer ${token}` } })
      expect(asBearer).toMatchObject({ status: 401, json: { error: 'invalid_token' } })
      const told = await ask({
        path: '/oauth/introspect',
        form: { client_id: 'lone', token },
        shown: own,
      })
      expect(told.json).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: expect.any(String) } })
    })

    it('is refused with a proof that was made for another endpoint, or used before', async () => {
      const elsewhere = await tokenRequest('lone', own, { dpop: proof('/oauth/par', 'POST') })
      expect(elsewhere).toMatchObject({ status: 400, json: { error: 'invalid_dpop_proof' } })
      const dpop = proof('/oauth/token', 'POST')
      expect((await tokenRequest('lone', own, { dpop })).status).toBe(200)
      expect(await tokenRequest('lone', own, { dpop })).toMatchObject({ json: { error: 'invalid_dpop_proof' } })
    })
  })

  describe('a service', () => {
    const metadataOf = (path: string, host = 'auth.test') => ask({ path, headers: { host } })

    it('has metadata where its challenge says', async () => {
      const refused = await ask({ path: '/orders/1' })
      const url = `${issuer}/.well-known/oauth-protected-resource/orders`
      expect(refused.headers['www-authenticate']).toBe(`Bearer realm="auth.test", resource_metadata="${url}"`)
      const { status, headers, json } = await metadataOf(new URL(url).pathname)
      expect([status, headers['access-control-allow-origin'], headers['cache-control']]).toEqual([
        200,
        undefined,
        'public, max-age=300',
      ])
      expect(json).toEqual({
        resource: `${issuer}/orders`,
        resource_name: 'orders',
        authorization_servers: [issuer],
        scopes_supported: ['orders:read'],
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: expect.arrayContaining(['ES256', 'EdDSA']),
        tls_client_certificate_bound_access_tokens: true,
      })
    })

    it('on a host of its own has them there, before any of its routes', async () => {
      const refused = await ask({ path: '/x', headers: { host: 'shop.test' } })
      const url = 'https://shop.test/.well-known/oauth-protected-resource'
      expect(refused.headers['www-authenticate']).toContain(`resource_metadata="${url}"`)
      expect((await metadataOf('/.well-known/oauth-protected-resource', 'shop.test')).json).toMatchObject({
        resource: 'https://shop.test',
        authorization_servers: [issuer],
      })
      expect((await metadataOf('/.well-known/oauth-protected-resource/orders', 'shop.test')).status).toBe(404)
      expect((await metadataOf('/.well-known/oauth-protected-resource/shop')).status).toBe(404)
    })

    it('can be read about from a page of any origin', async () => {
      const path = '/.well-known/oauth-protected-resource/orders'
      const { headers } = await ask({ path, headers: { origin: 'https://app.test' } })
      expect(headers['access-control-allow-origin']).toBe('*')
      expect((await metadataOf('/.well-known/oauth-protected-resource')).json).toMatchObject({ resource: issuer })
    })

    it('may ask for a better sign-in', async () => {
      const { access_token } = (await tokenRequest('lone', own)).json
      const headers = { authorization: `Bearer ${access_token}` }
      // A client cannot sign in better, so that it is told so, and not to try.
      expect((await ask({ path: '/accounts/1', headers })).status).toBe(403)
    })
  })
})
