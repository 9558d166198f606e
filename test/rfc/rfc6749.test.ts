import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, claimsOf, issuer, orders, type Provider, spa, startProvider, web } from './provider.ts'

// OAuth 2.0, where the tests beside protocol/ leave something to be shown.

let provider: Provider
beforeAll(async () => {
  const loopback = { ...web.metadata, redirect_uris: ['http://127.0.0.1/cb', 'http://localhost:7000/cb'] }
  provider = await startProvider({}, [
    { ...web, id: 'other', secret: 'other-secret' },
    { ...spa, id: 'desktop', metadata: loopback },
    { ...web, id: 'fragments', metadata: { ...web.metadata, response_modes: ['fragment'] } },
    { ...web, id: 'machine', grantTypes: ['client_credentials'] },
    { id: 'away', authMethod: 'private_key_jwt', metadata: { jwks_uri: 'http://127.0.0.1:9/' } },
  ])
})
afterAll(() => provider.close())

const asOther = basic('other', 'other-secret')
/** Endpoints at which clients prove themselves, with a form that each takes but for what is added. */
const clientEndpoints: readonly (readonly [path: string, form: Record<string, string>])[] = [
  ['/oauth/token', { grant_type: 'client_credentials' }],
  ['/oauth/par', { response_type: 'code' }],
  ['/oauth/introspect', { token: 'x' }],
  ['/oauth/revoke', { token: 'x' }],
  ['/oauth/device', { scope: 'orders:read' }],
  ['/oauth/backchannel', { scope: 'openid' }],
]
/** One that is good but for its signature. */
function assertionOf(client: string): string {
  const now = provider.clock.now()
  const claims = { iss: client, sub: client, aud: issuer, exp: now + 60, jti: client }
  const parts = [{ alg: 'ES256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return [...parts, Buffer.alloc(64).toString('base64url')].join('.')
}
const encode = (form: Record<string, string>): string => new URLSearchParams(form).toString()

describe('section 2.3, client authentication', () => {
  it.each(clientEndpoints)('2.3 two methods in one request are invalid_request at %s', async (path, form) => {
    const twice = { ...form, client_id: 'web', client_secret: 'web-secret' }
    expect(await provider.post(path, twice)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    const third = { ...form, client_assertion: 'x.y.z', client_assertion_type: 'x' }
    expect(await provider.post(path, third)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it.each(clientEndpoints)('2.3.1 a wrong secret is invalid_client with a challenge at %s', async (path, form) => {
    const answer = await provider.post(path, form, basic('web', 'wrong'))
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
    const unknown = await provider.post(path, form, basic('nobody', 'wrong'))
    expect({ ...unknown.body, request_id: '' }).toEqual({ ...answer.body, request_id: '' })
  })

  // RFC 9110 section 15.5.2. A browser would ask people for a password, so that what a page sends has none.
  it.each(clientEndpoints)(
    '5.2 who names no client is challenged at %s, and who proves itself in the form is not',
    async (path, form) => {
      const challenge = async (more: Record<string, string>, headers: Record<string, string> = {}) => {
        const answer = await provider.post(path, { ...form, ...more }, headers)
        expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
        return answer.headers.get('www-authenticate')
      }
      const assertion = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
      expect(await challenge({})).toBe('Basic realm="gatehouse"')
      expect(await challenge({}, { authorization: 'Bearer x' })).toBe('Basic realm="gatehouse"')
      expect(await challenge({ client_id: 'web', client_secret: 'wrong' })).toBeNull()
      expect(await challenge({ ...assertion, client_assertion: 'x.y.z' })).toBeNull()
      // Its keys are out of reach.
      expect(await challenge({ ...assertion, client_assertion: assertionOf('away') })).toBeNull()
      expect(await challenge({ client_id: 'nobody' })).toBeNull()
    },
  )

  it.each(clientEndpoints)('2.3.1 a secret in the query is refused at %s', async (path, form) => {
    const answer = await provider.post(`${path}?client_id=web&client_secret=web-secret`, form, {})
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })
})

describe('section 3.1, the authorization endpoint', () => {
  it('3.1 an unknown parameter is ignored, and an empty one counts as absent', async () => {
    const answer = await provider.authorize({ fancy: 'x', claims: '', resource: '', max_age: '', prompt: '' })
    expect(answer.callback.get('code')).toMatch(/^ghc_/)
    const nothing = await provider.browser.get(provider.authorizePath({ redirect_uri: '' }))
    expect([nothing.status, nothing.headers.get('location')]).toEqual([400, null])
  })

  it('3.1.1 a missing response_type is invalid_request, and an order of its words does not matter', async () => {
    const missing = await provider.authorize({ response_type: undefined })
    expect(missing.callback.get('error')).toBe('invalid_request')
    for (const response_type of ['token', 'id_token', 'none', 'id_token code', 'code token', 'CODE']) {
      const answer = await provider.authorize({ response_type })
      expect(answer.callback.get('error'), response_type).toBe('unsupported_response_type')
      expect(answer.callback.has('access_token') || answer.callback.has('id_token')).toBe(false)
    }
  })

  it.each(['http://127.0.0.1:49152/cb', 'http://127.0.0.1/cb'])(
    '3.1.2.3 (RFC 8252 section 7.3) a loopback address may have any port: %s',
    async (uri) => {
      const answer = await provider.authorize({ client_id: 'desktop', redirect_uri: uri })
      expect(answer.headers.get('location')?.startsWith(`${uri}?code=`)).toBe(true)
      const code = answer.callback.get('code')
      const elsewhere = { client_id: 'desktop', redirect_uri: 'http://127.0.0.1:1/cb' }
      expect((await provider.exchange(code, elsewhere, {})).body.error).toBe('invalid_grant')
      const again = await provider.authorize({ client_id: 'desktop', redirect_uri: uri })
      const form = { client_id: 'desktop', redirect_uri: uri }
      expect((await provider.exchange(again.callback.get('code'), form, {})).status).toBe(200)
    },
  )

  it.each([
    'http://localhost:7001/cb',
    'http://127.0.0.1:7000/other',
    'http://127.0.0.2:7000/cb',
    'https://127.0.0.1/cb',
    'http://[::1]:7000/cb',
    'http://127.0.0.1:99999/cb',
    'http://127.0.0.1:80@evil.test/cb',
  ])('3.1.2.3 (RFC 8252 section 7.3) and nothing else may: %s', async (uri) => {
    const page = await provider.browser.get(provider.authorizePath({ client_id: 'desktop', redirect_uri: uri }))
    expect([page.status, page.headers.get('location')]).toEqual([400, null])
  })
})

describe('section 3.2, endpoints that take forms', () => {
  it.each(clientEndpoints)('3.2 a parameter that comes twice is invalid_request at %s', async (path, form) => {
    for (const twice of [...Object.keys(form), 'client_id', 'extension']) {
      const text = `${encode({ extension: 'a', client_id: 'web', ...form })}&${twice}=a`
      const answer = await provider.post(path, text)
      expect(answer, twice).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    }
  })

  it.each(clientEndpoints)('3.2 only a form that is posted will do at %s', async (path, form) => {
    const got = await fetch(provider.url + path)
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    const json = await provider.postJson(path, form, basic('web', 'web-secret'))
    expect(json.status).toBe(400)
    const query = await provider.post(`${path}?${encode(form)}`, form)
    expect(query).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })
})

describe('section 3.3, scope', () => {
  it('3.3 what may not be had is left out of the code’s tokens, and the answer says what is granted', async () => {
    const { scope, access_token = '' } = await provider.tokens({ scope: 'openid orders:read admin inventory:read' })
    expect(scope).toBe('openid orders:read')
    expect(claimsOf(access_token).scope).toBe(scope)
  })

  it('3.3 a scope of another form is invalid_scope', async () => {
    for (const scope of ['a"b', 'a  b', 'ä', ' a'])
      expect((await provider.authorize({ scope })).callback.get('error'), scope).toBe('invalid_scope')
  })
})

describe('section 4.1.2, the authorization response', () => {
  const states = ['a', '%2B+%20 ', 'ünï😀', '"><script>', 'a&code=x#y', 'x'.repeat(4000), '\u0000\u0001', ' a ']

  it.each(states)('4.1.2 the state comes back byte for byte, by GET and by POST (%#)', async (state) => {
    const raw = (location: string | null): string => /[?&]state=([^&]*)/.exec(location ?? '')?.[1] ?? ''
    const given = { state, prompt: 'none' }
    const got = await provider.newBrowser().get(provider.authorizePath(given))
    const posted = await provider.newBrowser().post('/oauth/authorize', provider.parameters(given))
    for (const answer of [got, posted, await provider.authorize({ state })]) {
      expect(decodeURIComponent(raw(answer.headers.get('location')))).toBe(state)
    }
  })

  it('4.1.2 no state comes back where none was sent', async () => {
    const answer = await provider.authorize({ state: undefined })
    expect([...answer.callback.keys()].sort()).toEqual(['code', 'iss'])
  })

  it('4.1.2 a code is 256 bits that do not repeat', async () => {
    const codes = await Promise.all([1, 2, 3].map(async () => (await provider.authorize()).callback.get('code')))
    expect(new Set(codes).size).toBe(3)
    for (const code of codes) expect(code).toMatch(/^ghc_[\w-]{43}$/)
  })

  it('4.1.2 a code is not in clear in the store', async () => {
    const code = (await provider.authorize()).callback.get('code') ?? ''
    const row = await provider.store.authorizationCodes.find(hash('sha256', code, 'base64url'))
    expect(row).toBeDefined()
    expect(JSON.stringify(row)).not.toContain(code.slice(4))
  })
})

describe('section 4.1.2.1, refused authorization requests', () => {
  it.each(['query', 'fragment', 'form_post', 'jwt', 'form_post.jwt'])(
    '4.1.2.1 an unknown client and an unregistered redirect_uri get a page and no redirect, in mode %s',
    async (response_mode) => {
      for (const bad of [{ client_id: 'nobody' }, { redirect_uri: 'https://evil.test/cb' }]) {
        const given = provider.parameters({ ...bad, response_mode })
        for (const page of [
          await provider.browser.get(`/oauth/authorize?${new URLSearchParams(given)}`),
          await provider.browser.post('/oauth/authorize', given),
        ]) {
          expect([page.status, page.headers.get('location')]).toEqual([400, null])
          expect(page.text).not.toContain('evil.test')
          expect(page.text).not.toContain('<form')
        }
      }
    },
  )

  it('4.1.2.1 a response mode that the client may not use is told in it all the same', async () => {
    const answer = await provider.browser.get(provider.authorizePath({ client_id: 'fragments' }))
    expect(answer.callback.get('error')).toBe('invalid_request')
  })

  it('4.1.2.1 an error has a description of printable ASCII', async () => {
    const answer = await provider.authorize({ scope: 'nö' })
    expect(answer.callback.get('error_description')).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  it('4.1.2.1 a client without the grant is unauthorized_client', async () => {
    const answer = await provider.browser.get(provider.authorizePath({ client_id: 'machine' }))
    expect(answer.callback.get('error')).toBe('unauthorized_client')
  })
})

describe('section 4.1.3, exchanging a code', () => {
  it('4.1.3 a public client names itself, and is another client than a confidential one', async () => {
    const code = (await provider.authorize({ client_id: 'spa' })).callback.get('code')
    expect((await provider.exchange(code, {}, {})).body.error).toBe('invalid_client')
    const { status, body } = await provider.exchange(code, { client_id: 'spa' }, {})
    expect([status, claimsOf(body.access_token ?? '').client_id]).toEqual([200, 'spa'])
    const ofWeb = (await provider.authorize()).callback.get('code')
    expect((await provider.exchange(ofWeb, { client_id: 'spa' }, {})).body.error).toBe('invalid_grant')
    expect((await provider.exchange(ofWeb)).body.error).toBe('invalid_grant')
  })

  it('4.1.3 a missing code is invalid_request, and an unknown one looks like a foreign one', async () => {
    expect((await provider.exchange(null)).body.error).toBe('invalid_request')
    const unknown = await provider.exchange(`ghc_${'A'.repeat(43)}`)
    const foreign = await provider.exchange((await provider.authorize()).callback.get('code'), {}, asOther)
    expect({ ...unknown.body, request_id: '' }).toEqual({ ...foreign.body, request_id: '' })
  })
})

describe('section 5, answers of the token endpoint', () => {
  it('5.1 they are kept nowhere', async () => {
    for (const answer of [
      await provider.token({ grant_type: 'client_credentials' }),
      await provider.token({ grant_type: 'nonsense' }),
      await provider.token({ grant_type: 'client_credentials' }, basic('web', 'wrong')),
    ])
      expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('5.2 an error is JSON with a code, a sentence and an id, and with nothing of the inside', async () => {
    const long = 'x'.repeat(30_000)
    for (const form of [
      { grant_type: 'authorization_code', code: "' OR 1=1 --" },
      { grant_type: 'refresh_token', refresh_token: `ghr_${long}` },
      { grant_type: 'refresh_token', refresh_token: 'ghr_a.1.b' },
      { grant_type: long },
      { grant_type: 'client_credentials', scope: long },
      { grant_type: 'client_credentials', audience: '\u0000' },
    ]) {
      const { status, body, headers } = await provider.token(form)
      expect([400, 401]).toContain(status)
      expect(headers.get('content-type')).toBe('application/json')
      expect(Object.keys(body).sort()).toEqual(['error', 'error_description', 'request_id'])
      expect(JSON.stringify(body)).not.toMatch(/at \w+|sqlite|select |node:/i)
    }
  })
})

describe('section 6, refreshing', () => {
  const refresh = (refresh_token: string | undefined, form = {}, headers?: Record<string, string>) =>
    provider.token({ grant_type: 'refresh_token', refresh_token, ...form }, headers)
  const scope = 'orders:read orders:write'

  it('6 a scope may be narrowed for one token, the grant keeps its own', async () => {
    const { refresh_token } = await provider.tokens({ scope })
    const narrow = await refresh(refresh_token, { scope: 'orders:read' })
    expect(narrow.body.scope).toBe('orders:read')
    expect((await refresh(narrow.body.refresh_token)).body.scope).toBe(scope)
  })

  it('6 a scope cannot grow, and asking costs nothing', async () => {
    const { refresh_token } = await provider.tokens({ scope: 'orders:read' })
    expect((await refresh(refresh_token, { scope })).body.error).toBe('invalid_scope')
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  it('6 a refresh token is nothing to another client, which ends nothing by it', async () => {
    const { refresh_token } = await provider.tokens({ scope })
    for (const [form, headers] of [
      [{}, asOther],
      [{ client_id: 'spa' }, {}],
    ] as const) {
      const answer = await refresh(refresh_token, form, headers)
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    }
    expect((await refresh(refresh_token, {}, basic('web', 'wrong'))).status).toBe(401)
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  it('6 a refresh without the token is invalid_request', async () => {
    expect((await refresh(undefined)).body.error).toBe('invalid_request')
  })
})

describe('what OAuth 2.1 has taken out', () => {
  it('4.2 there is no implicit grant and 4.3 no password grant', async () => {
    const form = { grant_type: 'password', username: 'alice', password: 'correct horse battery' }
    expect((await provider.token(form)).body.error).toBe('unsupported_grant_type')
    const { grant_types_supported, response_types_supported } = await provider.metadata()
    expect(grant_types_supported).not.toContain('password')
    expect(grant_types_supported).not.toContain('implicit')
    expect(response_types_supported).toEqual(['code'])
  })

  it('4.4 client credentials bring no refresh token and no ID token, and speak for no user', async () => {
    const { body } = await provider.token({ grant_type: 'client_credentials', scope: 'orders:read', audience: orders })
    expect([body.refresh_token, body.id_token]).toEqual([undefined, undefined])
    expect(claimsOf(body.access_token ?? '')).toMatchObject({ sub: 'web', aud: orders })
    expect((await provider.userinfo(body.access_token ?? '')).status).toBe(403)
  })

  it('a redirect_uri is required at each step', async () => {
    const code = (await provider.authorize()).callback.get('code')
    expect((await provider.exchange(code, { redirect_uri: undefined })).body.error).toBe('invalid_grant')
  })
})
