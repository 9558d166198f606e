import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { ClientId } from '@gatehouse/core/brand'
import { clockTolerance } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addClient, endRemovedClients, removeClient } from '../domain/client-administration.ts'
import { basic, claimsOf, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] }

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth({
    clients: [
      { id: 'robot', authMethod: 'private_key_jwt', secret: undefined, jwks },
      { id: 'odd:id+%ü'.slice(0, 6), secret: 'p:q+r%20ü', authMethod: 'client_secret_post' },
    ],
  })
})
afterEach(() => started.close())

const json = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>
const reports = basic('reports', 'reports-secret')
const machineToken = async (form: Record<string, string> = {}): Promise<string> =>
  String(
    (await json(await started.postForm('/oauth/token', { grant_type: 'client_credentials', ...form }, reports)))
      .access_token,
  )

describe('client credentials (RFC 6749 section 4.4)', () => {
  it('issues for the client itself, without a session and without a refresh token', async () => {
    const response = await started.postForm('/oauth/token', { grant_type: 'client_credentials' }, reports)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const body = await json(response)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'orders:read inventory:read' })
    expect(body.refresh_token).toBeUndefined()
    const claims = claimsOf(body.access_token as string)
    expect(claims).toMatchObject({ sub: 'reports', client_id: 'reports', aud: issuer })
    expect(claims).not.toHaveProperty('sid')
    expect(claims).not.toHaveProperty('roles')
  })

  it('never grants more than the client may have', async () => {
    expect(claimsOf(await machineToken({ scope: 'orders:read admin' })).scope).toBe('orders:read')
    expect(
      (
        await json(
          await started.postForm('/oauth/token', { grant_type: 'client_credentials', scope: 'admin' }, reports),
        )
      ).error,
    ).toBe('invalid_scope')
    expect(
      (await json(await started.postForm('/oauth/token', { grant_type: 'client_credentials', scope: 'a"b' }, reports)))
        .error,
    ).toBe('invalid_scope')
  })

  it('issues for an audience that exists and that the client may ask for (RFC 8707 section 2)', async () => {
    expect(claimsOf(await machineToken({ audience: 'https://auth.example.com/orders' })).aud).toBe(
      'https://auth.example.com/orders',
    )
    expect(claimsOf(await machineToken({ resource: 'https://auth.example.com/orders' })).aud).toBe(
      'https://auth.example.com/orders',
    )
    for (const audience of [
      'https://auth.example.com/order',
      'https://auth.example.com/orders/',
      'https://evil.example',
    ]) {
      expect(
        (await json(await started.postForm('/oauth/token', { grant_type: 'client_credentials', audience }, reports)))
          .error,
      ).toBe('invalid_target')
    }
  })

  it('writes nothing', async () => {
    const before = await started.store.audit.list({ limit: 100 })
    for (let count = 0; count < 10; count += 1) await machineToken()
    expect(await started.store.audit.list({ limit: 100 })).toEqual(before)
  })

  it('refuses grant types that do not exist or are not the client’s', async () => {
    const error = async (form: Record<string, string>, headers: Record<string, string>) =>
      (await json(await started.postForm('/oauth/token', form, headers))).error
    expect(await error({ grant_type: 'password' }, reports)).toBe('unsupported_grant_type')
    expect(await error({ grant_type: 'refresh_token', refresh_token: 'x' }, reports)).toBe('unauthorized_client')
    expect(await error({ grant_type: 'client_credentials', client_id: 'desk-app' }, {})).toBe('unauthorized_client')
  })
})

describe('the token endpoint', () => {
  const post = (body: string, headers: Record<string, string>, query = ''): Promise<Response> =>
    fetch(`${started.url}/oauth/token${query}`, { method: 'POST', body, headers })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }

  it('refuses a parameter that is given twice', async () => {
    const response = await post('grant_type=client_credentials&scope=a&scope=b', { ...form, ...reports })
    expect([response.status, (await json(response)).error]).toEqual([400, 'invalid_request'])
  })

  it('takes an empty parameter for absent and ignores unknown ones', async () => {
    expect((await post('grant_type=client_credentials&scope=&fancy=1', { ...form, ...reports })).status).toBe(200)
  })

  it('refuses JSON, other types, the query, other methods, and too many parameters', async () => {
    expect((await json(await post('{}', { 'content-type': 'application/json', ...reports }))).error).toBe(
      'invalid_request',
    )
    expect((await post('x', { 'content-type': 'text/xml', ...reports })).status).toBe(415)
    expect(
      (await json(await post('grant_type=client_credentials', { ...form, ...reports }, '?client_id=reports'))).error,
    ).toBe('invalid_request')
    const got = await fetch(`${started.url}/oauth/token`)
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    const many = Array.from({ length: 101 }, (_, index) => `p${index}=1`).join('&')
    expect((await post(`grant_type=client_credentials&${many}`, { ...form, ...reports })).status).toBe(400)
  })

  it('refreshes for a public first-party client as well', async () => {
    const { refresh_token } = await started.signIn({ client_id: 'desk-app' })
    const response = await started.postForm('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token,
      client_id: 'desk-app',
    })
    expect(response.status).toBe(200)
    expect((await json(response)).refresh_token).not.toBe(refresh_token)
  })
})

describe('client authentication (RFC 6749 section 2.3)', () => {
  const attempt = async (form: Record<string, string>, headers: Record<string, string> = {}) => {
    const response = await started.postForm('/oauth/token', { grant_type: 'client_credentials', ...form }, headers)
    return {
      status: response.status,
      error: (await json(response)).error,
      challenge: response.headers.get('www-authenticate'),
    }
  }

  it('takes the secret in the header or in the body, with form encoding undone', async () => {
    expect((await attempt({}, reports)).status).toBe(200)
    expect((await attempt({ client_id: 'reports', client_secret: 'reports-secret' })).status).toBe(200)
    expect((await attempt({}, basic('odd:id', 'p:q+r%20ü'))).status).toBe(200)
  })

  it('answers an unknown client as it answers a wrong secret', async () => {
    const wrong = await attempt({}, basic('reports', 'wrong'))
    expect(wrong).toEqual({ status: 401, error: 'invalid_client', challenge: 'Basic realm="gatehouse"' })
    expect(await attempt({}, basic('nobody', 'wrong'))).toEqual(wrong)
    expect(await attempt({}, basic('robot', 'wrong'))).toEqual(wrong)
    expect((await attempt({ client_id: 'reports' })).error).toBe('invalid_client')
    expect((await attempt({ client_id: 'reports', client_secret: '' })).error).toBe('invalid_client')
    expect((await attempt({}, { authorization: 'Basic ***' })).error).toBe('invalid_client')
    expect((await attempt({})).error).toBe('invalid_client')
  })

  it('refuses two methods at once', async () => {
    expect((await attempt({ client_secret: 'reports-secret' }, reports)).error).toBe('invalid_request')
    expect((await attempt({ client_id: 'desk-app' }, reports)).error).toBe('invalid_request')
  })

  it('knows clients of the store, their two secrets while one is replaced, and forgets disabled ones', async () => {
    const now = started.clock.now()
    const row = {
      id: 'stored' as never,
      name: 'stored',
      status: 'active',
      auth_method: 'client_secret_basic',
      grant_types: 'client_credentials',
      scopes: 'x',
      audiences: '',
      first_party: 0,
      jwks: null,
      metadata: '{}',
      is_dynamic: 0,
      registration_token_hash: null,
      used_at: null,
      created_at: now,
      updated_at: now,
    } as const
    await started.store.clients.insert(row)
    const hash = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
    await started.store.clients.addSecret({
      id: 'one',
      client_id: row.id,
      hash: hash('old'),
      sealed: null,
      created_at: now,
      expires_at: (now + 60) as never,
    })
    await started.store.clients.addSecret({
      id: 'two',
      client_id: row.id,
      hash: hash('new'),
      sealed: null,
      created_at: now,
      expires_at: null,
    })
    expect((await attempt({}, basic('stored', 'old'))).status).toBe(200)
    expect((await attempt({}, basic('stored', 'new'))).status).toBe(200)
    started.clock.advance(61)
    expect((await attempt({}, basic('stored', 'old'))).status).toBe(401)
    expect((await attempt({}, basic('stored', 'new'))).status).toBe(200)
    await started.store.clients.setStatus({ id: row.id, status: 'disabled', at: now })
    started.clock.advance(1)
    expect((await attempt({}, basic('stored', 'new'))).status).toBe(401)
  })
})

describe('private_key_jwt (RFC 7523 section 3)', () => {
  let number = 0
  interface Assertion {
    header?: Record<string, unknown>
    claims?: Record<string, unknown>
    key?: typeof pair.privateKey
    mac?: string
  }
  const build = ({ header = {}, claims = {}, key = pair.privateKey, mac }: Assertion = {}): string => {
    number += 1
    const now = started.clock.now()
    const all = { iss: 'robot', sub: 'robot', aud: issuer, iat: now, exp: now + 60, jti: `j${number}`, ...claims }
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'ES256', kid: 'k1', ...header })}.${part(all)}`
    const signature =
      mac === undefined
        ? sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
        : createHmac('sha256', mac).update(signed).digest()
    return `${signed}.${signature.toString('base64url')}`
  }
  const present = async (client_assertion: string, form: Record<string, string> = {}) => {
    const response = await started.postForm('/oauth/token', {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
      ...form,
    })
    return { status: response.status, error: (await json(response)).error }
  }

  it('proves the client', async () => {
    expect((await present(build())).status).toBe(200)
    expect((await present(build({ header: { kid: undefined, typ: 'JWT' } }))).status).toBe(200)
  })

  it('takes a jti once, also when fifty come at the same time', async () => {
    const assertion = build()
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => present(assertion)))
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  const publicPem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const now = (): number => started.clock.now()
  const bad: Record<string, () => Assertion> = {
    'another key': () => ({ key: other.privateKey }),
    'alg none': () => ({ header: { alg: 'none' } }),
    'HS256 with the public key as secret': () => ({ header: { alg: 'HS256' }, mac: publicPem }),
    'an unknown kid': () => ({ header: { kid: 'k2' } }),
    'an array as kid': () => ({ header: { kid: ['k1'] } }),
    'an unknown crit': () => ({ header: { crit: ['x'], x: 1 } }),
    'the type of an access token': () => ({ header: { typ: 'at+jwt' } }),
    'another issuer of the assertion': () => ({ claims: { iss: 'reports' } }),
    'another audience': () => ({ claims: { aud: 'https://other.example' } }),
    'the token endpoint as audience': () => ({ claims: { aud: `${issuer}/oauth/token` } }),
    'a list as audience': () => ({ claims: { aud: [issuer] } }),
    'no exp': () => ({ claims: { exp: undefined } }),
    'exp as text': () => ({ claims: { exp: '9e99' } }),
    'exp in the past': () => ({ claims: { exp: now() } }),
    'exp in an hour': () => ({ claims: { exp: now() + 3600 } }),
    'iat in the future': () => ({ claims: { iat: now() + 61 } }),
    'nbf in the future': () => ({ claims: { nbf: now() + 61 } }),
    'no jti': () => ({ claims: { jti: undefined } }),
  }
  for (const [name, assertion] of Object.entries(bad)) {
    it(`refuses ${name}`, async () => {
      expect(await present(build(assertion()))).toEqual({ status: 401, error: 'invalid_client' })
    })
  }

  it('refuses an assertion of another client, of another type, and beside a secret', async () => {
    expect((await present(build(), { client_id: 'reports' })).error).toBe('invalid_client')
    expect((await present(build(), { client_assertion_type: 'x' })).error).toBe('invalid_request')
    expect((await present(build(), { client_secret: 'x' })).error).toBe('invalid_request')
    expect((await present('x.y.z')).error).toBe('invalid_client')
  })
})

describe('introspection (RFC 7662)', () => {
  const introspect = async (token: string, headers: Record<string, string> = reports): Promise<unknown> =>
    json(await started.postForm('/oauth/introspect', { token }, headers))

  it('tells a client about its own tokens', async () => {
    const token = await machineToken()
    expect(await introspect(token)).toMatchObject({ active: true, token_type: 'Bearer', ...claimsOf(token) })
  })

  it('tells a service about tokens that are for it', async () => {
    const { access_token } = await started.signIn()
    expect(await introspect(access_token, basic('service:orders', 'orders-secret'))).toMatchObject({
      active: true,
      sub: claimsOf(access_token).sub,
    })
  })

  it('says exactly {"active":false} of whatever is foreign, unknown, expired or revoked', async () => {
    const { access_token, refresh_token } = await started.signIn()
    expect(await introspect(access_token)).toEqual({ active: false })
    expect(await introspect(refresh_token)).toEqual({ active: false })
    expect(await introspect('nonsense')).toEqual({ active: false })
    const token = await machineToken()
    await started.postForm('/oauth/revoke', { token }, reports)
    expect(await introspect(token)).toEqual({ active: false })
    const late = await machineToken()
    started.clock.advance(300)
    expect(await introspect(late)).toEqual({ active: false })
  })

  it('says so of the tokens of a client that the file defines no more', async () => {
    const token = await machineToken()
    const clients = started.settings.clients.filter(({ id }) => id !== 'reports')
    started.auth.replaceSettings({ ...started.settings, clients })
    const { isConfigured } = started.auth.clients
    const dependencies = { ...started, revocations: started.auth.revocations, isConfigured }
    expect(await endRemovedClients(dependencies, ['reports', 'desk-app'], { actor: 'test' })).toEqual(['reports'])
    expect(await json(await started.postJson('/validate', { token }))).toEqual({ valid: false, reason: 'revoked' })
  })

  it('says so of what a client is still given by a process that has not heard of its removal yet', async () => {
    const { clock } = started
    const added = { name: 'Gone', authMethod: 'client_secret_basic', grantTypes: ['client_credentials'] } as const
    const rights = { scopes: ['orders:read'], audiences: [], firstParty: false, metadata: {} }
    const client = { ...added, ...rights, id: 'gone', isConfigured: () => false }
    const { secret = '' } = await addClient(started, client, { actor: 'test' })
    const ask = () =>
      started.postForm('/oauth/token', { grant_type: 'client_credentials' }, basic('gone', secret)).then(json)
    const tokens = [(await ask()).access_token]
    const dependencies = { ...started, revocations: started.auth.revocations }
    await removeClient(dependencies, 'gone' as ClientId, { actor: 'test' })
    tokens.push((await ask()).access_token)
    // The second changes before what was read of the client is a second old.
    clock.advance(0.999)
    tokens.push((await ask()).access_token)
    clock.advance(0.001)
    expect(await ask()).toMatchObject({ error: 'invalid_client' })
    clock.advance(5)
    for (const token of tokens) {
      expect(await json(await started.postJson('/validate', { token }))).toEqual({ valid: false, reason: 'revoked' })
    }
  })

  it('says so of what a client was given by a process whose clock is ahead, and not of a new client a minute later', async () => {
    const { clock } = started
    const added = { name: 'Gone', authMethod: 'client_secret_basic', grantTypes: ['client_credentials'] } as const
    const rights = { scopes: ['orders:read'], audiences: [], firstParty: false, metadata: {} }
    const client = { ...added, ...rights, id: 'gone', isConfigured: () => false }
    const add = async () => (await addClient(started, client, { actor: 'test' })).secret ?? ''
    const ask = (secret: string) =>
      started.postForm('/oauth/token', { grant_type: 'client_credentials' }, basic('gone', secret)).then(json)
    const validate = async (token: unknown) => json(await started.postJson('/validate', { token }))
    clock.set(clockTolerance)
    const { access_token: early } = await ask(await add())
    clock.set(-clockTolerance)
    expect(await validate(early)).toMatchObject({ valid: true })
    const dependencies = { ...started, revocations: started.auth.revocations }
    await removeClient(dependencies, 'gone' as ClientId, { actor: 'test' })
    expect(await validate(early)).toEqual({ valid: false, reason: 'revoked' })
    const secret = await add()
    clock.advance(clockTolerance + 2)
    expect(await validate((await ask(secret)).access_token)).toMatchObject({ valid: true })
  })

  it('asks for a client that has proven itself', async () => {
    expect((await started.postForm('/oauth/introspect', { token: 'x' })).status).toBe(401)
    expect((await started.postForm('/oauth/introspect', { token: 'x', client_id: 'desk-app' })).status).toBe(401)
    expect((await started.postForm('/oauth/introspect', {}, reports)).status).toBe(400)
  })
})

describe('revocation (RFC 7009)', () => {
  it('of a refresh token ends its grant and the tokens that came from it, not the session', async () => {
    const { access_token, refresh_token } = await started.signIn({ client_id: 'desk-app' })
    const response = await started.postForm('/oauth/revoke', {
      token: refresh_token,
      client_id: 'desk-app',
      token_type_hint: 'access_token',
    })
    expect(response.status).toBe(200)
    expect(await json(await started.postJson('/validate', { token: access_token }))).toEqual({
      valid: false,
      reason: 'revoked',
    })
    expect((await started.postJson('/token/refresh', { refresh_token, client_id: 'desk-app' })).status).toBe(400)
    expect(await started.store.sessions.findById(claimsOf(access_token).sid as never)).toBeDefined()
  })

  it('of another client’s token, or of an unknown one, is answered 200 and changes nothing', async () => {
    const { access_token, refresh_token } = await started.signIn({ client_id: 'desk-app' })
    for (const token of [access_token, refresh_token, 'ghr_unknown', 'unknown']) {
      expect((await started.postForm('/oauth/revoke', { token }, reports)).status).toBe(200)
    }
    expect(await json(await started.postJson('/validate', { token: access_token }))).toMatchObject({ valid: true })
    expect((await started.postJson('/token/refresh', { refresh_token, client_id: 'desk-app' })).status).toBe(200)
  })
})

describe('discovery (RFC 8414)', () => {
  it('says the same at both paths, and nothing that does not work', async () => {
    const [oauth, openid] = await Promise.all(
      ['oauth-authorization-server', 'openid-configuration'].map(async (name) =>
        json(await fetch(`${started.url}/.well-known/${name}`)),
      ),
    )
    expect(oauth).toEqual(openid)
    expect(oauth?.issuer).toBe(issuer)
    for (const [name, value] of Object.entries(oauth ?? {})) {
      if (!name.endsWith('_endpoint') && name !== 'jwks_uri') continue
      const path = new URL(String(value)).pathname
      expect(
        started.auth.endpoints.some((endpoint) => endpoint.path === path),
        path,
      ).toBe(true)
    }
  })

  it('publishes public keys alone, each with kid, alg and use', async () => {
    const response = await fetch(`${started.url}/.well-known/jwks.json`)
    expect(response.headers.get('cache-control')).toBe('public, max-age=300')
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] }
    const members = { EC: ['crv', 'x', 'y'], RSA: ['e', 'n'], OKP: ['crv', 'x'] }
    for (const key of keys) {
      const ofType = members[key.kty as keyof typeof members]
      expect(Object.keys(key).sort()).toEqual(['alg', 'kid', 'kty', 'use', ...ofType].sort())
    }
    // The one that signs and the next one, of each algorithm.
    expect(keys.map(({ alg }) => alg).sort()).toEqual(['ES256', 'ES256', 'EdDSA', 'EdDSA', 'RS256', 'RS256'])
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(6)
  })
})
