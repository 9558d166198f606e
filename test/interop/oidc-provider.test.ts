import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOidcProvider } from '@gatehouse/auth/federation/oidc'
import type { OidcSettings } from '@gatehouse/auth/federation/oidc-settings'
import type { OutsideIdentity, OutsideTokens, Provider } from '@gatehouse/auth/federation/provider'
import { createOutbound } from '@gatehouse/auth/outbound/outbound'
import { seconds } from '@gatehouse/core/time'
import OidcProvider from 'oidc-provider'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ForeignBrowser } from './foreign-browser.ts'

const callback = 'https://auth.example.com/federation/corp/callback'
const bye = 'https://auth.example.com/bye'
const state = 'S'.repeat(43)
const clock = { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() }
const outbound = createOutbound({ allowLoopback: true })

const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const decryptionKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const providerKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // TCP
}

let upstream: Server
let listener: Server
let issuer: string
let gatehouse: Provider
let logouts: Promise<unknown>[]

const create = (settings: Partial<OidcSettings> = {}): Provider =>
  createOidcProvider(
    { name: 'corp', issuer: 'https://auth.example.com', clock, outbound },
    {
      ...{ issuer, clientId: 'gatehouse', decryptionKey, responseMode: 'query', userinfo: true, nameInForm: false },
      authentication: { method: 'private_key_jwt', key: signingKey, alg: 'ES256', audience: 'issuer' },
      scopes: ['openid', 'email', 'profile', 'offline_access'],
      authorizationParameters: { prompt: 'consent' },
      ...{ subjectClaims: ['sub'], claimRules: [], keepTokens: true },
      ...settings,
    },
  )

beforeAll(async () => {
  logouts = []
  listener = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const message = { parameters: new URLSearchParams(body), binding: 'form', location: `${request.url}` } as const
      logouts.push(Promise.resolve(gatehouse.receiveLogout?.(message)))
      response.end()
    })
  })
  const logoutUri = `${await listen(listener)}/logout`
  let handle: ReturnType<OidcProvider['callback']> = () => {}
  upstream = createServer((request, response) => handle(request, response))
  issuer = await listen(upstream)
  gatehouse = create()
  const common = {
    ...{ redirect_uris: [callback], post_logout_redirect_uris: [bye], response_types: ['code'] },
    grant_types: ['authorization_code', 'refresh_token'],
  }
  const provider = new OidcProvider(issuer, {
    clients: [
      {
        ...common,
        client_id: 'gatehouse',
        token_endpoint_auth_method: 'private_key_jwt',
        // As an administrator would: what `describe` says of our keys.
        jwks: JSON.parse((await gatehouse.describe?.())?.text ?? '{}'),
        ...{ id_token_encrypted_response_alg: 'RSA-OAEP-256', id_token_encrypted_response_enc: 'A256GCM' },
        ...{ backchannel_logout_uri: logoutUri, backchannel_logout_session_required: true },
      },
      { ...common, client_id: 'with-secret', client_secret: 'a+secret/with%signs' },
    ],
    features: {
      ...{ devInteractions: { enabled: true }, encryption: { enabled: true } },
      ...{ backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id.toUpperCase() }),
    }),
    rotateRefreshToken: true,
    // Its own way out refuses loopback, where this test listens.
    fetch: (url: string, { dispatcher: _, ...init }: { dispatcher?: unknown } & RequestInit) => fetch(url, init),
    jwks: { keys: [{ ...providerKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['a key for cookies'] },
  })
  handle = provider.callback()
})
afterAll(() => {
  outbound.close()
  upstream.close()
  listener.close()
})

const start = async (provider: Provider, fresh = false) => {
  const started = await provider.redirect?.start({ callback, state, fresh, locales: [], loginHint: 'alice' })
  if (!started || !('url' in started.go)) throw new Error('nobody is sent anywhere')
  return { url: started.go.url, memory: started.memory }
}

/** Signs in over there and allows. */
async function signIn(browser: ForeignBrowser, provider = gatehouse, fresh = false): Promise<OutsideIdentity> {
  const { url, memory } = await start(provider, fresh)
  let page = await browser.get(url)
  if (page.text.includes('name="login"')) page = await browser.submit(page, { login: 'alice', password: 'x' })
  if (page.status !== 0) page = await browser.submit(page, {})
  const parameters = new URL(page.url).searchParams
  const identity = await provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
  if (!identity) throw new Error('there is no such door')
  return identity
}

describe('oidc-provider', () => {
  let browser: ForeignBrowser
  beforeEach(() => {
    browser = new ForeignBrowser('https://auth.example.com/')
  })

  it('signs somebody in, with a signed client assertion and an encrypted ID token', async () => {
    const identity = await signIn(browser)
    expect(identity).toMatchObject({
      subject: 'alice',
      claims: { iss: issuer, email: 'alice@example.com', email_verified: true, name: 'ALICE' },
      session: expect.any(String),
      tokens: { accessToken: expect.any(String), refreshToken: expect.any(String) },
    })
  })

  it('signs somebody in who has a secret alone', async () => {
    const secret = 'a+secret/with%signs'
    const provider = create({ clientId: 'with-secret', authentication: { method: 'client_secret_basic', secret } })
    expect((await signIn(browser, provider)).subject).toBe('alice')
    const wrong = create({ clientId: 'with-secret', authentication: { method: 'client_secret_basic', secret: 'x' } })
    await expect(signIn(browser, wrong)).rejects.toMatchObject({ reason: 'misconfigured' })
  })

  it('lets somebody prove anew who they are', async () => {
    await signIn(browser)
    expect(await signIn(browser, create({ authorizationParameters: {} }), true)).toMatchObject({
      claims: { auth_time: expect.any(Number) },
    })
  })

  it('is told by somebody that they do not want to', async () => {
    const { url, memory } = await start(gatehouse)
    const page = await browser.get(url)
    const abort = /href="([^"]*\/abort)"/.exec(page.text)?.[1] ?? ''
    const { searchParams: parameters } = new URL((await browser.get(new URL(abort, issuer).href)).url)
    const finish = gatehouse.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
    await expect(finish).rejects.toMatchObject({ reason: 'cancelled' })
  })

  it('is asked again with tokens that change each time, until it takes them no more', async () => {
    const identity = await signIn(browser)
    const kept: OutsideTokens[] = []
    const keep = async (tokens: OutsideTokens) => void kept.push(tokens)
    const first = await gatehouse.refresh?.({ subject: 'alice', tokens: identity.tokens, keep })
    expect(first).toMatchObject({ subject: 'alice', claims: { email: 'alice@example.com' } })
    expect(first?.tokens?.refreshToken).not.toBe(identity.tokens?.refreshToken)
    expect(kept).toEqual([first?.tokens])
    expect(await gatehouse.refresh?.({ subject: 'alice', tokens: first?.tokens })).toMatchObject({ subject: 'alice' })
    // One that was used before ends all that came of it.
    expect(await gatehouse.refresh?.({ subject: 'alice', tokens: identity.tokens })).toBeUndefined()
  })

  it('signs somebody out, sends them back, and tells us by the back channel', async () => {
    const { session, logoutMemory = {} } = await signIn(browser)
    const going = await gatehouse.signOut?.({ subject: 'alice', session, memory: logoutMemory, comeBackTo: bye, state })
    const page = await browser.get(going && 'url' in going ? going.url : '')
    expect((await browser.submit(page, { logout: 'yes' })).url).toBe(`${bye}?state=${state}`)
    expect(await Promise.all(logouts)).toEqual([
      { subject: 'alice', session, once: { id: expect.any(String), until: expect.any(Number) } },
    ])
  })

  it('is found to be well', async () => {
    for await (const { what, state: how, says } of gatehouse.examine())
      expect(`${what}: ${how}`, says).toBe(`${what}: ok`)
  })
})
