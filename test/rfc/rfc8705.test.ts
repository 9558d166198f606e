import { X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClientAddresses } from '@gatehouse/auth/http/client-address'
import { buildCertificateThumbprint } from '@gatehouse/auth/http/client-certificate'
import { type Mount, mountEndpoints } from '@gatehouse/auth/http/mount'
import { buildCertificate } from '@gatehouse/auth/testing/certificates'
import { createTestProver, type TestProver } from '@gatehouse/guard/testing/test-prover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, issuer, type Members, type Provider, redirectUri, spa, startProvider, web } from './provider.ts'

// Client certificates over a whole grant. That certificates come from TLS itself, or from a trusted proxy alone, and that
// the gateway looks at them, is in packages/gatehouse/src/sender-constraint.test.ts and auth/src/http.

const authority = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
const certificateFor = (name: string) =>
  buildCertificate({ subject: [['CN', name]], names: [{ kind: 'dns', text: `${name}.test` }], issuer: authority })
const certificates = { robot: certificateFor('robot'), thief: certificateFor('thief') }

const prover = createTestProver()

let provider: Provider
let server: Server
let mount: Mount
let url: string

beforeAll(async () => {
  const bound = { tls_client_certificate_bound_access_tokens: true }
  const metadata = { ...web.metadata, ...bound, tls_client_auth_san_dns: 'robot.test' }
  const byCertificate = { authMethod: 'tls_client_auth', secret: undefined, secretEitherWay: false } as const
  provider = await startProvider({}, [
    { ...web, ...byCertificate, id: 'robot', metadata },
    { ...spa, id: 'bound-spa', metadata: { ...spa.metadata, ...bound } },
  ])
  mount = mountEndpoints(provider.auth.endpoints, {
    looks: provider.auth.looks,
    addresses: createClientAddresses([]),
    firstPartyOrigins: () => new Set(),
    httpsFor: () => undefined,
    // Stands for the TLS listener, which is tested by itself.
    findCertificate({ headers }) {
      const shown = Object.entries(certificates).find(([name]) => name === headers['x-test-certificate'])
      if (!shown) return undefined
      const certificate = new X509Certificate(shown[1].cert)
      return { certificate, thumbprint: buildCertificateThumbprint(certificate), verified: true }
    },
    log: () => {},
    onAnswer: () => {},
  })
  server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    mount.handle(request, response, path, query)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close().closeAllConnections()
  mount.close()
  await provider.close()
})

type Shown = keyof typeof certificates | undefined
const shownAs = (shown: Shown): Record<string, string> => (shown ? { 'x-test-certificate': shown } : {})
const claimsFor = (path: string) => ({
  ...{ htu: issuer + path, iat: provider.clock.now(), nonce: provider.auth.dpop.nonces.current() },
})
const post = async (path: string, shown: Shown, form: Record<string, string>, by?: TestProver) => {
  const headers = { ...shownAs(shown), ...(by ? { dpop: by.proof(claimsFor(path)) } : {}) }
  const response = await fetch(url + path, { method: 'POST', body: new URLSearchParams(form), headers })
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
const codeFor = async (client_id: string, given: Members = {}): Promise<string> =>
  (await provider.authorize({ client_id, ...given })).callback.get('code') ?? ''
const exchange = (client_id: string, shown: Shown, code: string, by?: TestProver) => {
  const form = { grant_type: 'authorization_code', client_id, code, redirect_uri: redirectUri }
  return post('/oauth/token', shown, { ...form, code_verifier: provider.pkce.verifier }, by)
}
const refresh = (client_id: string, shown: Shown, refresh_token = '', by?: TestProver) =>
  post('/oauth/token', shown, { grant_type: 'refresh_token', client_id, refresh_token }, by)
const userinfo = async (token = '', shown: Shown, by?: TestProver): Promise<number> => {
  const proof = by?.proofFor(token, { htm: 'GET', ...claimsFor('/oauth/userinfo') })
  const asked =
    proof === undefined ? { authorization: `Bearer ${token}` } : { authorization: `DPoP ${token}`, dpop: proof }
  return (await fetch(`${url}/oauth/userinfo`, { headers: { ...asked, ...shownAs(shown) } })).status
}

describe('section 2, a client that proves itself by its certificate', () => {
  it('2.1 a client is refused without its certificate and with another one, at the token endpoint and with a pushed request', async () => {
    for (const shown of ['thief', undefined] as const) {
      const code = await codeFor('robot')
      expect(await exchange('robot', shown, code)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
      const pushed = await post('/oauth/par', shown, provider.parameters({ client_id: 'robot' }))
      expect(pushed).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
      expect((await exchange('robot', 'robot', code)).status).toBe(200)
    }
  })
})

describe('section 3, tokens that are bound to it', () => {
  it('3.1 bound tokens say so, and are good with the certificate alone', async () => {
    const { body } = await exchange('robot', 'robot', await codeFor('robot'))
    expect(body.token_type).toBe('Bearer')
    const { cnf } = claimsOf(body.access_token ?? '')
    expect(cnf).toEqual({ 'x5t#S256': expect.stringMatching(/^[\w-]{43}$/) })
    expect(await userinfo(body.access_token, 'robot')).toBe(200)
    expect(await userinfo(body.access_token, 'thief')).toBe(401)
    expect(await userinfo(body.access_token, undefined)).toBe(401)
    const told = await post('/oauth/introspect', 'robot', { client_id: 'robot', token: body.access_token ?? '' })
    expect(told.body).toMatchObject({ active: true, cnf })
  })

  it('4 a public client’s refresh token is bound to the certificate', async () => {
    const code = await codeFor('bound-spa', { scope: 'orders:read' })
    const { body } = await exchange('bound-spa', 'robot', code)
    const refreshed = (shown: Shown) => refresh('bound-spa', shown, body.refresh_token)
    expect((await refreshed('thief')).body.error).toBe('invalid_grant')
    expect((await refreshed(undefined)).status).toBe(400)
    expect((await refreshed('robot')).status).toBe(200)
  })

  it('3 a client that is registered for bound tokens gets no others', async () => {
    const code = await codeFor('bound-spa', { scope: 'orders:read' })
    expect(await exchange('bound-spa', undefined, code)).toMatchObject({ status: 400 })
    expect((await exchange('bound-spa', 'robot', code)).status).toBe(200)
  })

  it('3 a DPoP proof is nothing in the place of the certificate', async () => {
    const code = await codeFor('bound-spa', { scope: 'orders:read' })
    const refused = await exchange('bound-spa', undefined, code, prover)
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(refused.body.error_description).toContain('certificate')
  })

  it.each(['bound-spa', 'robot'])('3 what %s proves both of is bound to both, at each use and refresh', async (id) => {
    const code = await codeFor(id, { scope: 'openid offline_access' })
    const { body } = await exchange(id, 'robot', code, prover)
    expect(body.token_type).toBe('DPoP')
    const bound = { jkt: prover.jkt, 'x5t#S256': expect.stringMatching(/^[\w-]{43}$/) }
    expect(claimsOf(body.access_token ?? '').cnf).toEqual(bound)
    const use = (shown: Shown) => userinfo(body.access_token, shown, prover)
    expect([await use('robot'), await use('thief'), await use(undefined)]).toEqual([200, 401, 401])
    expect(await userinfo(body.access_token, 'robot')).toBe(401)
    expect((await refresh(id, 'robot', body.refresh_token)).body.error).toBe('invalid_grant')
    const next = await refresh(id, 'robot', body.refresh_token, prover)
    expect(claimsOf(next.body.access_token ?? '').cnf).toEqual(bound)
  })
})
