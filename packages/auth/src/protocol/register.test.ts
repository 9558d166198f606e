import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { RegistrationPolicy } from '../domain/client-registration.ts'
import { hashRegistrationToken } from '../domain/dynamic-clients.ts'
import { newPkce, TestBrowser } from '../testing/browser.ts'
import { basic, issuer, noRegistration, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
const servers: Server[] = []
afterEach(async () => {
  await started.close()
  for (const server of servers.splice(0)) server.close()
})

const start = async (policy: Partial<RegistrationPolicy> = {}): Promise<void> => {
  started = await startAuth({ settings: { registration: { ...noRegistration, mode: 'open', ...policy } } })
}
const app = { redirect_uris: ['https://app.example.com/cb'], client_name: 'App' }
const register = async (said: object, headers: Record<string, string> = {}) => {
  const response = await started.postJson('/oauth/register', said, headers)
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  }
}
const manage = async (method: string, registered: Record<string, unknown>, body?: object, token?: string) => {
  const url = String(registered.registration_client_uri).replace(issuer, started.url)
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token ?? registered.registration_access_token}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  const answered = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  return { status: response.status, body: answered, headers: response.headers }
}

describe('registration (RFC 7591)', () => {
  it('is not there unless it is configured', async () => {
    await start({ mode: 'off' })
    expect((await register(app)).status).toBe(404)
    const metadata = (await (await fetch(`${started.url}/.well-known/openid-configuration`)).json()) as object
    expect(metadata).not.toHaveProperty('registration_endpoint')
  })

  it('answers with the client, its secret and how to look after it, and leaves out what it does not know', async () => {
    await start()
    const { status, body, headers } = await register({ ...app, scope: 'openid orders:read admin', colour: 'blue' })
    expect(status).toBe(201)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toMatchObject({
      client_name: 'App',
      redirect_uris: app.redirect_uris,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      scope: 'openid orders:read',
      client_secret_expires_at: 0,
    })
    expect(body).not.toHaveProperty('colour')
    expect(String(body.client_id)).toMatch(/^dyn_/)
    const row = await started.store.clients.find(body.client_id as never)
    expect(JSON.stringify(row)).not.toContain(String(body.client_secret))
    expect(JSON.stringify(row)).not.toContain(String(body.registration_access_token))
  })

  it('lets nobody say of themselves that they may be in a private network', async () => {
    await start()
    const { body } = await register({ ...app, private_network: true })
    expect(body).not.toHaveProperty('private_network')
    const found = await started.auth.clients.find(String(body.client_id))
    expect(found).toMatchObject({ isDynamic: true, privateNetwork: false })
  })

  it('gives a client that can be used at once', async () => {
    await start({ grantTypes: ['client_credentials'] })
    const chosen = { grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' }
    const { body } = await register(chosen)
    const headers = basic(String(body.client_id), String(body.client_secret))
    const response = await started.postForm('/oauth/token', { grant_type: 'client_credentials' }, headers)
    expect(response.status).toBe(200)
    const post = {
      grant_type: 'client_credentials',
      client_id: String(body.client_id),
      client_secret: String(body.client_secret),
    }
    expect((await started.postForm('/oauth/token', post)).status).toBe(401)
  })

  it.each([
    ['no redirect_uris', {}, 'invalid_redirect_uri'],
    ['a fragment', { redirect_uris: ['https://app.example.com/cb#x'] }, 'invalid_redirect_uri'],
    ['http elsewhere', { redirect_uris: ['http://app.example.com/cb'] }, 'invalid_redirect_uri'],
    ['http on the machine for a web client', { redirect_uris: ['http://127.0.0.1/cb'] }, 'invalid_redirect_uri'],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    ['data', { redirect_uris: ['data:text/html,x'] }, 'invalid_redirect_uri'],
    ['userinfo', { redirect_uris: ['https://a@app.example.com/'] }, 'invalid_redirect_uri'],
    ['a type of the wrong kind', { ...app, client_name: ['x'] }, 'invalid_client_metadata'],
    ['a grant type that is not open', { ...app, grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
    ['a name that turns text around', { ...app, client_name: 'moc.elpmaxe\u202e' }, 'invalid_client_metadata'],
    ['the hybrid flow', { ...app, response_types: ['code id_token'] }, 'invalid_client_metadata'],
    ['a code for which there is no response type', { ...app, response_types: [] }, 'invalid_client_metadata'],
    [
      'a MAC for assertions that are signed',
      {
        ...{ ...app, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example.com/jwks' },
        token_endpoint_auth_signing_alg: 'HS256',
      },
      'invalid_client_metadata',
    ],
    [
      'an algorithm for assertions that nobody knows',
      {
        ...{ ...app, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example.com/jwks' },
        token_endpoint_auth_signing_alg: 'none',
      },
      'invalid_client_metadata',
    ],
    ['the implicit grant', { ...app, response_types: ['token'] }, 'invalid_client_metadata'],
    [
      'types that do not go together',
      { ...app, grant_types: ['refresh_token'], response_types: ['code'] },
      'invalid_client_metadata',
    ],
    ['keys twice', { ...app, jwks: { keys: [] }, jwks_uri: 'https://app.example.com/jwks' }, 'invalid_client_metadata'],
    [
      'private keys',
      { ...app, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } },
      'invalid_client_metadata',
    ],
    ['a logo over http', { ...app, logo_uri: 'http://app.example.com/logo.png' }, 'invalid_client_metadata'],
    ['a script as home page', { ...app, client_uri: 'javascript:alert(1)' }, 'invalid_client_metadata'],
    ['keys that are needed', { ...app, token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    [
      'pairwise over several hosts',
      { redirect_uris: ['https://a.example/', 'https://b.example/'], subject_type: 'pairwise' },
      'invalid_client_metadata',
    ],
  ])('refuses %s', async (_, said, error) => {
    await start()
    const { status, body } = await register(said)
    expect({ status, error: body.error }).toEqual({ status: 400, error })
  })

  it.each(['com.example.app://user@host/cb', 'com.example.app:/a/../cb', 'com.example.app:/%2E%2e/cb'])(
    'refuses user info and dot segments in a scheme of an app’s own too: %s',
    async (redirect) => {
      await start()
      const { body } = await register({ application_type: 'native', redirect_uris: [redirect] })
      expect(body.error).toBe('invalid_redirect_uri')
    },
  )

  it('keeps the one algorithm of a client’s assertions', async () => {
    await start()
    const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example.com/jwks' }
    const { body } = await register({ ...app, ...keyed, token_endpoint_auth_signing_alg: 'ES256' })
    expect(body.token_endpoint_auth_signing_alg).toBe('ES256')
  })

  it.each(['none', 'client_secret_basic', undefined])(
    'keeps none for a client that makes none (%s)',
    async (method) => {
      await start()
      const { status, body } = await register({
        ...app,
        ...(method && { token_endpoint_auth_method: method }),
        token_endpoint_auth_signing_alg: 'RS512',
      })
      expect([status, body.token_endpoint_auth_signing_alg]).toEqual([201, undefined])
    },
  )

  it('tells a sector’s subjects to no client that has not shown that it is one of it', async () => {
    await start({ grantTypes: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'] })
    const grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code']
    const refused = await register({ ...app, grant_types, subject_type: 'pairwise' })
    expect(refused.body.error).toBe('invalid_client_metadata')
    expect((await register({ ...app, grant_types })).status).toBe(201)
  })

  it('lets apps on a machine redirect to it and to a scheme of their own', async () => {
    await start()
    const native = {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/cb', 'com.example.app:/cb'],
    }
    const { status, body } = await register(native)
    expect(status).toBe(201)
    expect(body).not.toHaveProperty('client_secret')
  })

  it('takes a list of redirect URIs for a sector, read under the rules for requests to the outside', async () => {
    await start()
    const redirect_uris = ['https://a.example/cb', 'https://b.example/cb']
    const listed = [redirect_uris, redirect_uris.slice(1)]
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(listed.shift()))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const sector = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sector.json`
    const said = { redirect_uris, subject_type: 'pairwise', sector_identifier_uri: sector }
    // Plain http to the machine itself is for development.
    expect((await register(said)).status).toBe(400)
    await started.close()
    await start({ loopbackRedirects: true })
    expect((await register(said)).status).toBe(201)
    expect((await register(said)).body.error).toBe('invalid_client_metadata')
  })

  it('asks for an initial access token where it is configured so, and takes one as often as it says', async () => {
    await start({ mode: 'token' })
    expect((await register(app)).status).toBe(401)
    expect((await register(app, { authorization: 'Bearer wrong' })).status).toBe(401)
    const now = started.clock.now()
    await started.store.initialAccessTokens.insert({
      hash: hashRegistrationToken('invited'),
      uses_left: 1,
      created_at: now,
      expires_at: seconds(now + 60),
    })
    // What is refused uses nothing up.
    expect((await register({ redirect_uris: [] }, { authorization: 'Bearer invited' })).status).toBe(400)
    const statuses = await Promise.all(
      [1, 2, 3].map(async () => (await register(app, { authorization: 'Bearer invited' })).status),
    )
    expect(statuses.sort()).toEqual([201, 401, 401])
  })

  it('gives no roles unless the policy does', async () => {
    await start()
    expect((await register(app)).body.scope).toBe('openid profile email offline_access organization orders:read')
    expect((await register({ ...app, scope: 'openid roles' })).body.scope).toBe('openid')
    await started.close()
    await start({ scopes: ['roles'] })
    expect((await register({ ...app, scope: 'openid roles' })).body.scope).toBe('openid roles')
  })

  it('gives what the policy gives today, and not what it gave then', async () => {
    await start()
    const { body } = await register({ ...app, grant_types: ['authorization_code', 'refresh_token'] })
    const find = () => started.auth.clients.find(String(body.client_id))
    expect((await find())?.scopes).toContain('orders:read')
    const registration = { ...started.settings.registration, scopes: [], grantTypes: ['authorization_code'] as const }
    started.auth.replaceSettings({ ...started.settings, registration })
    started.clock.advance(2)
    const client = await find()
    expect([client?.grantTypes, client?.scopes]).toEqual([
      new Set(['authorization_code']),
      new Set(['openid', 'profile', 'email', 'offline_access', 'organization']),
    ])
  })

  it('seals the access tokens of a client that has names of its own for users', async () => {
    await start()
    const { body } = await register({ ...app, subject_type: 'pairwise' })
    expect((await started.auth.clients.find(String(body.client_id)))?.accessTokenFormat).toBe('opaque')
  })

  it('puts no two apps on a machine into one sector', async () => {
    await start()
    const native = { application_type: 'native', token_endpoint_auth_method: 'none', subject_type: 'pairwise' }
    for (const uri of ['com.example.app:/cb', 'http://127.0.0.1/cb']) {
      const { body } = await register({ ...native, redirect_uris: [uri] })
      expect((await started.auth.clients.find(String(body.client_id)))?.sectorIdentifier).toBeUndefined()
    }
  })

  it('is limited in number and in rate', async () => {
    await start({ limit: 2, perMinute: 4 })
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1) statuses.push((await register(app)).status)
    expect(statuses).toEqual([201, 201, 429, 429, 429])
  })

  it('is limited to the rate of the last reload', async () => {
    await start({ perMinute: 1 })
    expect([(await register(app)).status, (await register(app)).status]).toEqual([201, 429])
    const registration = { ...started.settings.registration, perMinute: 2 }
    started.auth.replaceSettings({ ...started.settings, registration })
    expect([(await register(app)).status, (await register(app)).status]).toEqual([201, 429])
  })

  it('lets clients go that nobody uses, and keeps those that somebody does', async () => {
    await start({ unusedFor: seconds(86_400) })
    const [used, unused] = [(await register(app)).body, (await register(app)).body]
    started.clock.advance(86_000)
    const browser = new TestBrowser(started.url, issuer)
    await browser.get(`/oauth/authorize?client_id=${used.client_id}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    started.clock.advance(1000)
    expect(await started.auth.dynamicClients.removeUnused()).toBe(1)
    expect((await manage('GET', used)).status).toBe(200)
    expect((await manage('GET', unused)).status).toBe(401)
  })
})

describe('looking after a registration (RFC 7592)', () => {
  it('reads, replaces and deletes with the token of that very client', async () => {
    await start()
    const { body } = await register(app)
    const other = (await register(app)).body
    const { registration_access_token } = body
    const read = await manage('GET', body)
    expect(read.body).toMatchObject({ client_id: body.client_id, client_name: 'App', registration_access_token })
    for (const token of [String(other.registration_access_token), 'wrong', '']) {
      const refused = await manage('GET', body, undefined, token)
      expect(refused.status).toBe(401)
      expect(refused.headers.get('www-authenticate')).toContain('Bearer')
    }
    const unknown = await manage('GET', {
      ...body,
      registration_client_uri: `${issuer}/oauth/register?client_id=dyn_unknown`,
    })
    expect(unknown.status).toBe(401)

    const changed = { client_id: body.client_id, redirect_uris: ['https://app.example.com/new'] }
    expect((await manage('PUT', body, { ...changed, client_id: other.client_id })).status).toBe(400)
    expect((await manage('PUT', body, { ...changed, client_secret: 'guessed' })).status).toBe(400)
    const replaced = await manage('PUT', body, changed)
    expect(replaced.body).toMatchObject({ redirect_uris: changed.redirect_uris })
    expect(replaced.body).not.toHaveProperty('client_name')
    expect(replaced.body).not.toHaveProperty('client_secret')

    expect((await manage('DELETE', body)).status).toBe(204)
    expect((await manage('GET', body)).status).toBe(401)
    const headers = basic(String(body.client_id), String(body.client_secret))
    const response = await started.postForm('/oauth/token', { grant_type: 'client_credentials' }, headers)
    expect(response.status).toBe(401)
  })
})

describe('a client id that is the address of a document', () => {
  const pkce = newPkce()
  const serve = async (
    document: (id: string) => unknown,
    headers: Record<string, string> = {},
  ): Promise<{ id: string; asked: () => number }> => {
    let asked = 0
    let id = ''
    const server = createServer((_, response) => {
      asked += 1
      const body = document(id)
      response.writeHead(200, { 'content-type': 'application/json', ...headers })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    id = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client.json`
    return { id, asked: () => asked }
  }
  const ask = (id: string) => {
    const query = new URLSearchParams({
      client_id: id,
      redirect_uri: 'https://app.example.com/cb',
      response_type: 'code',
      scope: 'openid',
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
    })
    return new TestBrowser(started.url, issuer).get(`/oauth/authorize?${query}`)
  }

  it('works where it is configured, and is read once as long as it may be kept', async () => {
    await start({ documents: true })
    const { id, asked } = await serve((client_id) => ({ ...app, client_id }), { 'cache-control': 'max-age=600' })
    expect((await ask(id)).has('password')).toBe(true)
    expect((await ask(id)).has('password')).toBe(true)
    expect(asked()).toBe(1)
    started.clock.advance(601)
    await ask(id)
    expect(asked()).toBe(2)
    await started.close()
    await start({ documents: false })
    expect((await ask(id)).status).toBe(400)
    expect(asked()).toBe(2)
  })

  it('is not believed to belong to a sector that does not list it', async () => {
    await start({ documents: true, loopbackRedirects: true })
    const sector = await serve(() => ['https://other.example/cb'])
    const document = { ...app, subject_type: 'pairwise', sector_identifier_uri: sector.id }
    const { id } = await serve((client_id) => ({ ...document, client_id }))
    expect((await ask(id)).status).toBe(400)
    expect(sector.asked()).toBe(1)
  })

  it('is refused where very many are being read', async () => {
    await start({ documents: true })
    const waiting: ServerResponse[] = []
    const server = createServer((_, response) => waiting.push(response))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const asked = Array.from({ length: 100 }, (_, index) => ask(`${origin}/${index}`))
    await vi.waitFor(() => expect(waiting).toHaveLength(100), 5000)
    expect((await ask(`${origin}/one-more`)).status).toBe(503)
    for (const response of waiting) response.destroy()
    await Promise.all(asked)
    expect((await ask(`${(await serve((client_id) => ({ ...app, client_id }))).id}`)).has('password')).toBe(true)
  })

  it.each([
    ['that names another address', { ...app, client_id: 'https://other.example/client.json' }],
    ['with a secret', (client_id: string) => ({ ...app, client_id, client_secret: 'x' })],
    [
      'that proves itself by a secret',
      (client_id: string) => ({ ...app, client_id, token_endpoint_auth_method: 'client_secret_basic' }),
    ],
    ['without this redirect_uri', (client_id: string) => ({ redirect_uris: ['https://other.example/'], client_id })],
    ['that is too large', (client_id: string) => ({ ...app, client_id, software_id: 'x'.repeat(6000) })],
    ['that is no JSON', () => '<html>'],
  ])('is refused for a document %s', async (_, document) => {
    await start({ documents: true })
    const { id } = await serve((client_id) => (typeof document === 'function' ? document(client_id) : document))
    expect((await ask(id)).status).toBe(400)
  })

  it.each([
    'https://app.example.com',
    'https://app.example.com/',
    'https://u@app.example.com/c',
    'https://app.example.com/a/../c',
    'https://app.example.com/c#x',
  ])('is not asked for under %s', async (id) => {
    await start({ documents: true })
    expect((await ask(id)).status).toBe(400)
  })
})
