import { X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClientAddresses } from '@gatehouse/auth/http/client-address'
import { buildCertificateThumbprint } from '@gatehouse/auth/http/client-certificate'
import { type Mount, mountEndpoints } from '@gatehouse/auth/http/mount'
import { buildCertificate } from '@gatehouse/auth/testing/certificates'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, type Members, type Provider, redirectUri, spa, startProvider, web } from './provider.ts'

// Client certificates over a whole grant. That certificates come from TLS itself, or from a trusted proxy alone, and that
// the gateway looks at them, is in packages/gatehouse/src/sender-constraint.test.ts and auth/src/http.

const authority = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
const certificateFor = (name: string) =>
  buildCertificate({ subject: [['CN', name]], names: [{ kind: 'dns', text: `${name}.test` }], issuer: authority })
const certificates = { robot: certificateFor('robot'), thief: certificateFor('thief') }

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
const post = async (path: string, shown: Shown, form: Record<string, string>) => {
  const response = await fetch(url + path, { method: 'POST', body: new URLSearchParams(form), headers: shownAs(shown) })
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
const codeFor = async (client_id: string, given: Members = {}): Promise<string> =>
  (await provider.authorize({ client_id, ...given })).callback.get('code') ?? ''
const exchange = (client_id: string, shown: Shown, code: string) =>
  post('/oauth/token', shown, {
    ...{ grant_type: 'authorization_code', client_id, code, redirect_uri: redirectUri },
    code_verifier: provider.pkce.verifier,
  })
const userinfo = async (token: string | undefined, shown: Shown): Promise<number> =>
  (await fetch(`${url}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}`, ...shownAs(shown) } })).status

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
    const refresh = (shown: Shown) =>
      post('/oauth/token', shown, {
        ...{ grant_type: 'refresh_token', client_id: 'bound-spa' },
        refresh_token: body.refresh_token ?? '',
      })
    expect((await refresh('thief')).body.error).toBe('invalid_grant')
    expect((await refresh(undefined)).status).toBe(400)
    expect((await refresh('robot')).status).toBe(200)
  })

  it('3 a client that is registered for bound tokens gets no others', async () => {
    const code = await codeFor('bound-spa', { scope: 'orders:read' })
    expect(await exchange('bound-spa', undefined, code)).toMatchObject({ status: 400 })
    expect((await exchange('bound-spa', 'robot', code)).status).toBe(200)
  })
})
