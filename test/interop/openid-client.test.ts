import type { webcrypto } from 'node:crypto'
import { claimsOf } from '@gatehouse/auth/testing/start-auth'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type DevelopmentSite,
  demoPassword,
  demoRedirect,
  shopServices,
  startDevelopmentSite,
} from './development-site.ts'

let started: DevelopmentSite
beforeAll(async () => {
  started = await startDevelopmentSite(shopServices(1))
})
afterAll(() => started.site.remove())

const insecure = { execute: [client.allowInsecureRequests] }
const discover = (id: string, metadata?: Partial<client.ClientMetadata> | string, auth?: client.ClientAuth) =>
  client.discovery(new URL(started.issuer), id, metadata, auth, insecure)
const discoverDemo = () => discover('demo-web', 'demo-web-secret', client.ClientSecretBasic('demo-web-secret'))

/** Signs in and agrees at an authorization URL, and gives the URL that the browser is sent back to. */
async function visit(url: URL): Promise<URL> {
  const browser = started.newBrowser()
  let page = await browser.get(url.href)
  if (page.has('password')) page = await browser.signIn(page, 'alice', demoPassword)
  if (page.has('allow')) page = await browser.submit(page, { decision: 'allow' })
  const location = page.headers.get('location')
  if (location === null) throw new Error(`no redirect: ${page.status} ${page.text}`)
  return new URL(location)
}

interface CodeFlow {
  readonly scope?: string
  readonly build?: (config: client.Configuration, parameters: Record<string, string>) => Promise<URL> | URL
  readonly dpop?: client.DPoPHandle
}

async function codeFlow(config: client.Configuration, { scope = 'openid profile', build, dpop }: CodeFlow = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const parameters = {
    redirect_uri: demoRedirect,
    scope,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const url = await (build ?? client.buildAuthorizationUrl)(config, parameters)
  const callback = await visit(url)
  return client.authorizationCodeGrant(
    config,
    callback,
    { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
    undefined,
    dpop ? { DPoP: dpop } : undefined,
  )
}

const newKeys = () => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const publicJwk = async (
  key: webcrypto.CryptoKey,
  members: Record<string, string>,
): Promise<Record<string, string>> => {
  const { kty = '', crv = '', x = '', y = '' } = await crypto.subtle.exportKey('jwk', key)
  return { kty, crv, x, y, ...members }
}
const registerWith = async (metadata: Partial<client.ClientMetadata>, auth?: client.ClientAuth) =>
  client.dynamicClientRegistration(
    new URL(started.issuer),
    { redirect_uris: [demoRedirect], scope: 'openid profile offline_access orders:read', ...metadata },
    auth,
    insecure,
  )

describe('openid-client, by the discovery document alone', () => {
  it('gets tokens by code and PKCE, verifies them, reads userinfo, refreshes, introspects, revokes and logs out', async () => {
    const config = await discoverDemo()
    const tokens = await codeFlow(config, { scope: 'openid profile offline_access orders:read' })
    const sub = tokens.claims()?.sub ?? ''
    expect(tokens.scope?.split(' ')).toContain('orders:read')
    expect(await client.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({
      sub,
      preferred_username: 'alice',
    })

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(refreshed.claims()?.sub).toBe(sub)
    const active = await client.tokenIntrospection(config, refreshed.access_token)
    expect(active).toMatchObject({ active: true, sub, client_id: 'demo-web' })
    await client.tokenRevocation(config, refreshed.refresh_token ?? '')
    expect(await client.tokenIntrospection(config, refreshed.access_token)).toEqual({ active: false })

    const url = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'http://127.0.0.1:39002/',
      state: 'bye',
    })
    const page = await started.newBrowser().get(url.href)
    expect(page.headers.get('location')).toBe('http://127.0.0.1:39002/?state=bye')
  })

  it('works as a public client', async () => {
    const config = await discover('demo-spa', undefined, client.None())
    expect((await codeFlow(config)).claims()?.aud).toBe('demo-spa')
  })

  it('gets tokens for one service of several', async () => {
    const config = await discoverDemo()
    const resource = `${started.issuer}/orders`
    const tokens = await codeFlow(config, {
      scope: 'openid orders:read',
      build: (c, parameters) => client.buildAuthorizationUrl(c, { ...parameters, resource }),
    })
    expect(claimsOf(tokens.access_token).aud).toBe(resource)
  })

  it('pushes its request', async () => {
    const config = await discoverDemo()
    await expect(codeFlow(config, { build: client.buildAuthorizationUrlWithPAR })).resolves.toHaveProperty('id_token')
  })

  it('binds tokens to a DPoP key, also at userinfo and at a refresh', async () => {
    const config = await discover('demo-spa', undefined, client.None())
    const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const tokens = await codeFlow(config, { scope: 'openid offline_access', dpop })
    expect(tokens.token_type).toBe('dpop')
    const sub = tokens.claims()?.sub ?? ''
    expect(await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: dpop })).toHaveProperty('sub', sub)
    await expect(client.fetchUserInfo(config, tokens.access_token, sub)).rejects.toThrow()
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP: dpop })
    expect(claimsOf(refreshed.access_token)).toHaveProperty('cnf.jkt')
    const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const stolen = client.refreshTokenGrant(config, refreshed.refresh_token ?? '', undefined, { DPoP: other })
    await expect(stolen).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('registers itself and proves itself in each way', async () => {
    const ways: [string, (secret: string) => client.ClientAuth][] = [
      ['client_secret_basic', client.ClientSecretBasic],
      ['client_secret_post', client.ClientSecretPost],
      ['client_secret_jwt', client.ClientSecretJwt],
    ]
    for (const [method, auth] of ways) {
      const grant_types = ['authorization_code', 'client_credentials']
      const registered = await registerWith({ token_endpoint_auth_method: method, grant_types })
      const { client_id, client_secret = '' } = registered.clientMetadata() as client.ClientMetadata
      const config = await discover(client_id, client_secret as string, auth(client_secret as string))
      expect((await codeFlow(config)).claims()?.aud).toBe(client_id)
      const tokens = await client.clientCredentialsGrant(config, { scope: 'orders:read' })
      expect(tokens.scope).toBe('orders:read')
    }
  })

  it('proves itself by a key, and signs its requests with it', async () => {
    const keys = await newKeys()
    const jwk = await publicJwk(keys.publicKey, { kid: 'k1', alg: 'ES256', use: 'sig' })
    const registered = await registerWith({
      token_endpoint_auth_method: 'private_key_jwt',
      request_object_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
    } as Partial<client.ClientMetadata>)
    const { client_id } = registered.clientMetadata()
    const key = { key: keys.privateKey, kid: 'k1' }
    const config = await discover(client_id, undefined, client.PrivateKeyJwt(key))
    const signed = (c: client.Configuration, parameters: Record<string, string>) =>
      client.buildAuthorizationUrlWithJAR(c, parameters, key)
    expect((await codeFlow(config, { build: signed })).claims()?.aud).toBe(client_id)
  })

  it('reads signed authorization responses', async () => {
    const config = await discoverDemo()
    client.useJwtResponseMode(config)
    await expect(codeFlow(config)).resolves.toHaveProperty('id_token')
  })

  it.each(['ES256', 'EdDSA'])('verifies ID tokens and userinfo signed with %s', async (alg) => {
    const registered = await registerWith({
      id_token_signed_response_alg: alg,
      userinfo_signed_response_alg: alg,
    } as Partial<client.ClientMetadata>)
    const metadata = registered.clientMetadata()
    const { client_id, client_secret } = metadata
    const config = await discover(client_id, {
      client_secret: client_secret as string,
      id_token_signed_response_alg: alg,
      userinfo_signed_response_alg: alg,
    })
    const tokens = await codeFlow(config)
    const sub = tokens.claims()?.sub ?? ''
    expect(await client.fetchUserInfo(config, tokens.access_token, sub)).toHaveProperty('sub', sub)
  })

  it('decrypts what is encrypted to it', async () => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
    const jwk = await publicJwk(keys.publicKey, { kid: 'e1', alg: 'ECDH-ES', use: 'enc' })
    const registered = await registerWith({
      id_token_encrypted_response_alg: 'ECDH-ES',
      id_token_encrypted_response_enc: 'A128GCM',
      jwks: { keys: [jwk] },
    } as Partial<client.ClientMetadata>)
    const { client_id, client_secret } = registered.clientMetadata()
    const config = await discover(client_id, client_secret as string)
    client.enableDecryptingResponses(config, ['A128GCM'], { key: keys.privateKey, kid: 'e1', alg: 'ECDH-ES' })
    expect((await codeFlow(config)).claims()?.aud).toBe(client_id)
  })
})
