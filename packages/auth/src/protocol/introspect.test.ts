import { generateKeyPairSync } from 'node:crypto'
import { compactDecrypt, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { createClientKeys } from '../domain/find-client-keys.ts'
import { newPkce, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { buildIntrospectionJwt } from './introspection-jwt.ts'

const jwtType = 'application/token-introspection+jwt'
const orders = 'https://auth.example.com/orders'
const redirectUri = 'https://app.example.com/cb'
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'e1', use: 'enc' }] }
const resource = { secret: 'x-secret', introspects: [issuer] }
const web = {
  id: 'web',
  secret: 'x-secret',
  grantTypes: ['authorization_code', 'refresh_token'] as const,
  scopes: ['orders:read'],
  audiences: [issuer, orders],
  metadata: { redirect_uris: [redirectUri], authorization_details_types: ['payment'] },
  permissions: { ...noPermissions, skipConsent: true },
}

let started: StartedAuth
beforeEach(async () => {
  const pairwise = { ...web.metadata, subject_type: 'pairwise' as const }
  started = await startAuth({
    settings: { authorizationDetails: { payment: { description: 'Pay', schema: {} } } },
    clients: [
      { ...resource, id: 'plain' },
      { ...resource, id: 'signed', metadata: { introspection_signed_response_alg: 'ES256' } },
      { ...resource, id: 'secret', jwks, metadata: { introspection_encrypted_response_alg: 'ECDH-ES' } },
      { ...resource, id: 'fapi', permissions: { ...noPermissions, profile: 'fapi2' } },
      { ...resource, id: 'hidden', metadata: { subject_type: 'pairwise' } },
      web,
      { ...web, id: 'shy', metadata: pairwise, permissions: { ...web.permissions, accessTokenFormat: 'opaque' } },
    ],
  })
})
afterEach(() => started.close())

type Form = Record<string, string>
const ask = (token: string, client = 'plain', headers: Form = {}) =>
  started.postForm('/oauth/introspect', { token }, { ...basic(client, 'x-secret'), ...headers })
const askJson = async (token: string, client?: string) =>
  (await (await ask(token, client)).json()) as Record<string, unknown>
const verify = async (jwt: string, audience: string) => {
  const set = (await (await fetch(`${started.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet
  const keys = createLocalJWKSet(set)
  return jwtVerify(jwt, keys, { issuer, audience, typ: 'token-introspection+jwt' })
}

/** Tokens by a code, for a client of the fixture. */
const authorize = async (client: string, parameters: Form = {}) => {
  const { verifier, challenge } = newPkce()
  const query = new URLSearchParams({
    client_id: client,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid orders:read offline_access',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...parameters,
  })
  const browser = new TestBrowser(started.url, issuer)
  const page = await browser.signIn(await browser.get(`/oauth/authorize?${query}`), 'alice', goodPassword)
  const form = {
    grant_type: 'authorization_code',
    code: page.callback.get('code') ?? '',
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
  const response = await started.postForm('/oauth/token', form, basic(client, 'x-secret'))
  return (await response.json()) as { access_token: string; refresh_token: string; id_token: string }
}

describe('introspection as a JWT (RFC 9701)', () => {
  it('is given where it is asked for, signed with RS256 unless registered otherwise', async () => {
    const { access_token } = await started.signIn()
    const response = await ask(access_token, 'plain', { accept: jwtType })
    expect(response.headers.get('content-type')).toBe(jwtType)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { payload, protectedHeader } = await verify(await response.text(), 'plain')
    expect(protectedHeader.alg).toBe('RS256')
    expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection'])
    expect(payload.iat).toBe(started.clock.now())
    expect(payload.token_introspection).toEqual(await askJson(access_token))
    expect(await askJson(access_token)).toMatchObject({ active: true, ...claimsOf(access_token) })
  })

  it('is given always to a client that is registered for it', async () => {
    const { access_token } = await started.signIn()
    const response = await ask(access_token, 'signed', { accept: 'application/json' })
    const { payload, protectedHeader } = await verify(await response.text(), 'signed')
    expect(protectedHeader.alg).toBe('ES256')
    expect(payload.token_introspection).toMatchObject({ active: true })
  })

  it('is not signed with RS256 for a client of FAPI 2.0, which forbids it', async () => {
    const { keys } = started.auth
    const client = await started.auth.clients.find('fapi')
    if (!client) throw new Error('the fixture has no such client')
    const clientKeys = createClientKeys({})
    const jwt = await buildIntrospectionJwt({ issuer, clock: started.clock, keys, clientKeys }, client, {})
    expect((await verify(jwt, 'fapi')).protectedHeader.alg).toBe('ES256')
  })

  it('is encrypted to a client that is registered so', async () => {
    const { access_token } = await started.signIn()
    const { plaintext, protectedHeader } = await compactDecrypt(
      await (await ask(access_token, 'secret')).text(),
      pair.privateKey,
    )
    expect(protectedHeader).toMatchObject({ alg: 'ECDH-ES', enc: 'A128CBC-HS256', kid: 'e1', cty: 'JWT' })
    const { payload } = await verify(Buffer.from(plaintext).toString(), 'secret')
    expect(payload.token_introspection).toMatchObject({ active: true })
  })

  it('says of a worthless token that it is inactive, and nothing else', async () => {
    const { payload } = await verify(await (await ask('nonsense', 'signed')).text(), 'signed')
    expect(payload.token_introspection).toEqual({ active: false })
  })

  it('is an access token nowhere', async () => {
    const { access_token } = await started.signIn()
    const jwt = await (await ask(access_token, 'signed')).text()
    expect(decodeProtectedHeader(jwt).typ).toBe('token-introspection+jwt')
    expect(await (await started.postJson('/validate', { token: jwt })).json()).toMatchObject({
      valid: false,
      reason: 'wrong_type',
    })
    const headers = { authorization: `Bearer ${jwt}` }
    expect((await fetch(`${started.url}/oauth/userinfo`, { headers })).status).toBe(401)
    expect((await started.postJson('/logout', {}, headers)).status).toBe(401)
    expect(await askJson(jwt)).toEqual({ active: false })
  })
})

type Subject = Parameters<StartedAuth['auth']['accessTokens']['issue']>[0]
/** What a token says, to make another one of. */
const subjectOf = async (token: string): Promise<Subject> => {
  const { active: _, token_type: __, iat: ___, exp: ____, jti: _____, ...subject } = await askJson(token)
  return subject as never as Subject
}

describe('what introspection says (RFC 7662 section 2.2)', () => {
  it('is nothing of ID tokens, and of tokens that are not for the caller', async () => {
    const { id_token, access_token, refresh_token } = await authorize('web', {
      resource: orders,
    })
    for (const token of [id_token, access_token, refresh_token]) {
      expect(await askJson(token)).toEqual({ active: false })
      expect(await askJson(token, 'hidden')).toEqual({ active: false })
    }
    expect(await askJson(access_token, 'web')).toMatchObject({ active: true })
    expect(await askJson(id_token, 'web')).toEqual({ active: false })
  })

  it('is what an opaque token stands for, and all that it is bound to', async () => {
    const { access_token } = await authorize('shy')
    expect(access_token).toMatch(/^gha_/)
    const seen = await askJson(access_token)
    expect(seen).toMatchObject({ active: true, token_type: 'Bearer', client_id: 'shy', aud: issuer })
    expect(seen.sub).toMatch(/^usr_/)
    const bound = started.auth.accessTokens.issue(
      { ...(await subjectOf(access_token)), cnf: { jkt: 'k' }, act: { sub: 'broker' } },
      300 as never,
    )
    expect(await askJson(bound.token)).toMatchObject({
      token_type: 'DPoP',
      cnf: { jkt: 'k' },
      act: { sub: 'broker' },
    })
  })

  it('names users and sessions to a pairwise client as it knows them', async () => {
    const { access_token, refresh_token, id_token } = await authorize('shy')
    const known = claimsOf(id_token)
    expect(known.sub).not.toMatch(/^usr_/)
    expect(await askJson(access_token, 'shy')).toMatchObject({ active: true, sub: known.sub, sid: known.sid })
    expect(await askJson(refresh_token, 'shy')).toMatchObject({ active: true, sub: known.sub })
    const foreign = started.auth.accessTokens.issue(
      { ...(await subjectOf(access_token)), act: { sub: 'usr_b', act: { sub: 'robot' } }, may_act: { sub: 'usr_b' } },
      300 as never,
    )
    const seen = await askJson(foreign.token, 'hidden')
    expect(seen).toMatchObject({ active: true, act: { act: { sub: 'robot' } } })
    expect(JSON.stringify(seen)).not.toContain('usr_')
    expect(seen.sub).not.toBe(known.sub)
  })
  it('is of a refresh token what its grant is, until it is revoked', async () => {
    const authorization_details = JSON.stringify([{ type: 'payment' }])
    const { refresh_token, access_token } = await authorize('web', { authorization_details, resource: issuer })
    expect(await askJson(refresh_token, 'web')).toMatchObject({
      active: true,
      iss: issuer,
      client_id: 'web',
      sub: claimsOf(access_token).sub,
      aud: issuer,
      scope: 'openid orders:read offline_access',
      auth_time: started.clock.now(),
      acr: '1',
      authorization_details: [{ type: 'payment' }],
    })
    expect(await askJson(access_token, 'web')).toMatchObject({ authorization_details: [{ type: 'payment' }] })
    const both = await authorize('web', { resource: `${issuer} ${orders}` })
    expect(await askJson(both.refresh_token, 'web')).toMatchObject({ aud: [issuer, orders] })
    await started.postForm('/oauth/revoke', { token: refresh_token }, basic('web', 'x-secret'))
    expect(await askJson(refresh_token, 'web')).toEqual({ active: false })
    expect(await askJson(access_token, 'web')).toEqual({ active: false })
  })
})
