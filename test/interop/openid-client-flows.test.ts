import { generateKeyPairSync, type JsonWebKey, webcrypto } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { request as requestByTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buildCertificate, type TestCertificate } from '@gatehouse/auth/testing/certificates'
import { claimsOf } from '@gatehouse/auth/testing/start-auth'
import * as client from 'openid-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, findFreePort, postJson, type Site } from '../flows/running-program.ts'
import { type DevelopmentSite, demoPassword, demoRedirect, startDevelopmentSite } from './development-site.ts'

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const insecure = { execute: [client.allowInsecureRequests] }
const bankKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicJwk: JsonWebKey = { ...bankKey.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }

const configurationFor = (port: number): string => `
services:
  orders:
    upstream: http://127.0.0.1:${port}
    routes:
      - { path: /orders/**, require: { scopes: [orders:read] } }
      - { path: /orders/payments, require: { scopes: [orders:read], max_age: 1s } }
  inventory:
    upstream: http://127.0.0.1:${port}
    routes: [ { path: /inventory/**, require: { scopes: [orders:read] } } ]
clients:
  tv:
    public: true
    grant_types: [urn:ietf:params:oauth:grant-type:device_code, refresh_token]
    scopes: [orders:read]
  kiosk:
    secret: kiosk-secret
    grant_types: ['urn:openid:params:grant-type:ciba']
    scopes: [orders:read]
  backend:
    secret: backend-secret
    grant_types: [urn:ietf:params:oauth:grant-type:token-exchange]
    scopes: [orders:read]
    token_exchange: { audiences: ['*'] }
  hybrid:
    secret: hybrid-secret
    redirect_uris: ['${demoRedirect}']
    scopes: [orders:read]
    insecure: { hybrid: true }
  bank:
    profile: fapi2
    jwks: { keys: [ ${JSON.stringify(publicJwk)} ] }
    redirect_uris: ['${demoRedirect}']
    scopes: [orders:read]
`

/** A service that says what reached it. */
async function startEcho(): Promise<Server> {
  const server = createServer(({ headers, url }, response) => response.end(JSON.stringify({ url, headers })))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return server
}

describe('openid-client, in the flows without a browser of its own and the stricter ones', () => {
  let started: DevelopmentSite
  let echo: Server
  beforeAll(async () => {
    echo = await startEcho()
    started = await startDevelopmentSite(configurationFor((echo.address() as AddressInfo).port)) // a TCP server's
  })
  afterAll(async () => {
    await started.site.remove()
    echo.close()
  })

  const discover = (id: string, metadata?: Partial<client.ClientMetadata> | string, auth?: client.ClientAuth) =>
    client.discovery(new URL(started.issuer), id, metadata, auth, insecure)

  /** Signs in where that is asked, and agrees; gives the address that the browser is sent back to. */
  async function approve(url: string, browser = started.newBrowser()): Promise<string | null> {
    let page = await browser.get(url)
    if (page.has('user_code')) page = await browser.submit(page, {})
    if (page.has('password')) page = await browser.signIn(page, 'alice', demoPassword)
    if (page.has('allow')) page = await browser.submit(page, { decision: 'allow' })
    return page.headers.get('location')
  }

  const newCode = async (scope: string) => {
    const verifier = client.randomPKCECodeVerifier()
    const code_challenge = await client.calculatePKCECodeChallenge(verifier)
    const state = client.randomState()
    return {
      parameters: { redirect_uri: demoRedirect, scope, state, code_challenge, code_challenge_method: 'S256' },
      expected: { pkceCodeVerifier: verifier, expectedState: state },
    }
  }
  const getTokens = async (
    config: client.Configuration,
    scope: string,
    more: Record<string, string> = {},
    browser = started.newBrowser(),
  ) => {
    const { parameters, expected } = await newCode(scope)
    const back = await approve(client.buildAuthorizationUrl(config, { ...parameters, ...more }).href, browser)
    return client.authorizationCodeGrant(config, new URL(back ?? ''), expected)
  }

  it('waits for the user of a device', async () => {
    const config = await discover('tv', undefined, client.None())
    const begun = await client.initiateDeviceAuthorization(config, { scope: 'orders:read' })
    const waiting = client.pollDeviceAuthorizationGrant(config, begun)
    await approve(begun.verification_uri_complete ?? '')
    const tokens = await waiting
    expect(tokens.scope).toBe('orders:read')
    expect((await client.refreshTokenGrant(config, tokens.refresh_token ?? '')).scope).toBe('orders:read')
  })

  it('asks a user who is elsewhere', async () => {
    const config = await discover('kiosk', 'kiosk-secret')
    const begun = await client.initiateBackchannelAuthentication(config, {
      scope: 'openid orders:read',
      login_hint: 'alice',
      binding_message: 'Window 4',
    })
    const waiting = client.pollBackchannelAuthenticationGrant(config, begun)
    await approve(`${started.issuer}/account/requests`)
    const tokens = await waiting
    expect(tokens.claims()).toMatchObject({ aud: 'kiosk' })
  })

  it('exchanges a token that it was called with for one for the next service', async () => {
    const { json } = await postJson(`${started.issuer}/login`, { username: 'alice', password: demoPassword })
    const config = await discover('backend', 'backend-secret')
    const audience = `${started.issuer}/inventory`
    const exchanged = await client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: String(json.access_token),
      subject_token_type: accessTokenType,
      audience,
      scope: 'orders:read',
    })
    expect(exchanged.issued_token_type).toBe(accessTokenType)
    expect(claimsOf(exchanged.access_token)).toMatchObject({
      aud: audience,
      sub: claimsOf(String(json.access_token)).sub,
      act: { sub: 'backend' },
    })
    const reach = (path: string) =>
      client.fetchProtectedResource(config, exchanged.access_token, new URL(started.issuer + path), 'GET')
    expect((await reach('/inventory')).status).toBe(200)
    await expect(reach('/orders')).rejects.toMatchObject({ status: 401 })
  })

  it('reads the code and the ID token of a hybrid answer', async () => {
    const config = await discover('hybrid', 'hybrid-secret')
    client.useCodeIdTokenResponseType(config)
    const { parameters, expected } = await newCode('openid orders:read')
    const nonce = client.randomNonce()
    const back = await approve(client.buildAuthorizationUrl(config, { ...parameters, nonce }).href)
    const tokens = await client.authorizationCodeGrant(config, new URL(back ?? ''), {
      ...expected,
      expectedNonce: nonce,
    })
    expect(tokens.claims()?.aud).toBe('hybrid')
  })

  it('is a FAPI 2.0 client: pushes, proves itself by its key, binds its tokens, keeps its refresh token', async () => {
    const key = await webcrypto.subtle.importKey(
      'jwk',
      bankKey.privateKey.export({ format: 'jwk' }),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign'],
    )
    const metadata = { id_token_signed_response_alg: 'ES256' }
    const config = await discover('bank', metadata, client.PrivateKeyJwt({ key, kid: 'k1' }))
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const { parameters, expected } = await newCode('openid offline_access orders:read')
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
    const back = new URL((await approve(url.href)) ?? '')
    const tokens = await client.authorizationCodeGrant(config, back, expected, undefined, { DPoP })
    const token = tokens.refresh_token ?? ''
    for (let times = 0; times < 3; times += 1) {
      const refreshed = await client.refreshTokenGrant(config, token, undefined, { DPoP })
      expect(refreshed).toMatchObject({ refresh_token: token, token_type: 'dpop' })
    }
    const unpushed = await approve(client.buildAuthorizationUrl(config, parameters).href)
    expect(new URL(unpushed ?? '').searchParams.get('error')).toBe('invalid_request')
  })

  it('is told to sign the user in anew, and by whom', async () => {
    const config = await discover('demo-web', 'demo-web-secret', client.ClientSecretBasic('demo-web-secret'))
    const payments = new URL(`${started.issuer}/orders/payments`)
    const pay = (token: string) => client.fetchProtectedResource(config, token, payments, 'GET')
    const browser = started.newBrowser()
    const first = await getTokens(config, 'orders:read', {}, browser)
    await new Promise((done) => setTimeout(done, 2100))
    const refusal: unknown = await pay(first.access_token).catch((error: unknown) => error)
    if (!(refusal instanceof client.WWWAuthenticateChallengeError)) throw refusal
    const { parameters } = refusal.cause[0] ?? {}
    expect(parameters).toMatchObject({ error: 'insufficient_user_authentication', max_age: '1' })

    const metadata = await fetch(parameters?.resource_metadata ?? '')
    const service = (await metadata.json()) as { resource: string; authorization_servers: string[] }
    expect(service).toMatchObject({ resource: `${started.issuer}/orders`, authorization_servers: [started.issuer] })

    const more = { max_age: parameters?.max_age ?? '', resource: service.resource }
    const second = await getTokens(config, 'orders:read', more, browser)
    expect((await pay(second.access_token)).status).toBe(200)
  })
})

/** fetch with a certificate, over node:https; as much of it as openid-client asks for. */
const fetchWith =
  (ca: string, shown?: TestCertificate): client.CustomFetch =>
  (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const sent = requestByTls(url, { method, headers, ca, ...(shown ? { cert: shown.cert, key: shown.key } : {}) })
      sent.on('error', reject)
      sent.on('response', async (answer) => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk as Buffer) // no encoding was set
        const fields = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
        resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers: fields }))
      })
      sent.end(body === undefined || body === null ? undefined : String(body))
    })

describe('openid-client with a certificate, at the program’s own TLS listener', () => {
  let site: Site | undefined
  afterEach(() => site?.remove())

  it('proves itself by it, and its tokens are bound to it', async () => {
    const authority = buildCertificate({ subject: [['CN', 'Authority']], authority: true })
    const issue = (name: string) =>
      buildCertificate({ subject: [['CN', name]], names: [{ kind: 'dns', text: name }], issuer: authority })
    const [server, vault, other] = [issue('localhost'), issue('vault.internal'), issue('other.internal')]
    site = await createSite()
    const port = await findFreePort()
    const issuer = `https://localhost:${port}`
    const files = { 'ca.pem': authority.cert, 'server.pem': server.cert, 'server.key': server.key }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(site.folder, name), text, { mode: 0o600 })
    site.configure(`
issuer: ${issuer}
listen: 127.0.0.1:${port}
database: ./gatehouse.db
tls: { cert: server.pem, key: server.key }
client_certificates: { authorities: ca.pem }
clients:
  vault:
    auth_method: tls_client_auth
    tls_client_auth_san_dns: vault.internal
    tls_client_certificate_bound_access_tokens: true
    grant_types: [client_credentials]
    scopes: [orders:read]
`)
    await site.start(['dev'])

    const discover = (shown?: TestCertificate) =>
      client.discovery(new URL(issuer), 'vault', undefined, client.TlsClientAuth(), {
        [client.customFetch]: fetchWith(authority.cert, shown),
      })
    const tokens = await client.clientCredentialsGrant(await discover(vault))
    expect(claimsOf(tokens.access_token)).toHaveProperty('cnf.x5t#S256')
    for (const shown of [other, undefined]) {
      const refused = client.clientCredentialsGrant(await discover(shown))
      await expect(refused).rejects.toMatchObject({ error: 'invalid_client' })
    }
  })
})
