import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from './client-keys.ts'
import { type Answered, basic, issuer, type Members, type Provider, startProvider, web } from './provider.ts'

// Pushed authorization requests.

const keys = createClientKeys()
let provider: Provider
beforeAll(async () => {
  const pushing = { ...web.metadata, require_pushed_authorization_requests: true }
  const byKey = { authMethod: 'private_key_jwt', secretEitherWay: false, secret: undefined, jwks: keys.jwks } as const
  provider = await startProvider({}, [
    { ...web, id: 'other', secret: 'other-secret' },
    { ...web, id: 'pushing', metadata: pushing },
    { ...web, ...byKey, id: 'keyed' },
    // As for a browser app of the gateway.
    { ...web, id: 'app:shop.example.com' },
  ])
})
afterAll(() => provider.close())

const push = (given: Members = {}, headers?: Record<string, string>): Promise<Answered> =>
  provider.post('/oauth/par', provider.parameters(given), headers)
const visit = async (request_uri: string | undefined, given: Record<string, string> = {}) => {
  const query = new URLSearchParams({ client_id: 'web', request_uri: request_uri ?? '', ...given })
  return provider.goOn(await provider.browser.get(`/oauth/authorize?${query}`))
}

describe('section 2.1, the request', () => {
  it('2.1 pushing is for the client itself', async () => {
    expect((await push({}, {})).status).toBe(401)
    expect((await push({}, basic('web', 'wrong'))).body.error).toBe('invalid_client')
    expect((await push({ client_id: 'spa' }, {})).status).toBe(201)
    expect((await push({ client_id: 'other' })).body.error).toBe('invalid_request')
  })

  it('2.1 what is pushed may not have a request_uri', async () => {
    const { body } = await push()
    expect((await push({ request_uri: body.request_uri })).body.error).toBe('invalid_request')
  })

  it('2.1 it takes the same client assertions as the token endpoint: for the issuer, once, and for no endpoint’s address', async () => {
    const now = provider.clock.now()
    const withAudience = async (aud: unknown) =>
      push({ client_id: undefined, ...(await keys.assertion('keyed', now, { aud })) }, {})
    expect((await withAudience(issuer)).status).toBe(201)
    for (const aud of [`${issuer}/oauth/par`, `${issuer}/oauth/token`, [issuer], [issuer, 'x'], `${issuer}/`])
      expect((await withAudience(aud)).body.error, JSON.stringify(aud)).toBe('invalid_client')
    const once = await keys.assertion('keyed', now)
    const statuses = [
      await push({ client_id: undefined, ...once }, {}),
      await push({ client_id: undefined, ...once }, {}),
    ]
    expect(statuses.map(({ status }) => status)).toEqual([201, 401])
  })

  it('2.3 a pushed request is judged at once, as at the authorization endpoint', async () => {
    const cases: readonly (readonly [Members, string])[] = [
      [{ redirect_uri: 'https://evil.test/cb' }, 'invalid_request'],
      [{ redirect_uri: undefined }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ response_type: undefined }, 'invalid_request'],
      [{ response_mode: 'web_message' }, 'invalid_request'],
      [{ scope: 'admin' }, 'invalid_scope'],
      [{ prompt: 'none login' }, 'invalid_request'],
      [{ max_age: '-1' }, 'invalid_request'],
      [{ claims: '[]' }, 'invalid_request'],
      [{ authorization_details: '[{"type":"x"}]' }, 'invalid_authorization_details'],
      [{ id_token_hint: 'x' }, 'invalid_request'],
      [{ request: 'x' }, 'invalid_request_object'],
      [{ dpop_jkt: 'short' }, 'invalid_request'],
    ]
    for (const [given, error] of cases) {
      const answer = await push(given)
      expect([answer.status, answer.body.error], JSON.stringify(given)).toEqual([400, error])
    }
  })
})

describe('section 2.2, the answer', () => {
  it('2.2 the answer is 201 with a name that cannot be guessed, for less than ten minutes', async () => {
    const { status, body, headers } = await push()
    expect(status).toBe(201)
    expect(body.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w-]{43}$/)
    expect(Number(body.expires_in)).toBeGreaterThan(5)
    expect(Number(body.expires_in)).toBeLessThan(600)
    expect(headers.get('cache-control')).toBe('no-store')
    expect((await push()).body.request_uri).not.toBe(body.request_uri)
  })

  it('2.2 the name is over after that time', async () => {
    const { body } = await push()
    provider.clock.advance(Number(body.expires_in))
    expect((await visit(body.request_uri)).status).toBe(400)
  })
})

describe('section 4, the authorization request', () => {
  it('4 everything is taken from what was pushed and nothing from what stands beside it', async () => {
    const { body } = await push({ state: 'pushed', scope: 'openid' })
    const beside = {
      state: 'beside',
      scope: 'openid orders:write',
      redirect_uri: 'https://evil.test/',
      prompt: 'none',
      response_mode: 'fragment',
    }
    const answer = await visit(body.request_uri, beside)
    expect(answer.headers.get('location')).toMatch(/^https:\/\/app\.example\.com\/cb\?/)
    expect(answer.callback.get('state')).toBe('pushed')
    expect((await provider.exchange(answer.callback.get('code'))).body.scope).toBe('openid')
  })

  it('4 a name is for the client that has pushed', async () => {
    const { body } = await push()
    for (const given of [{ client_id: 'other' }, { client_id: 'spa' }, { client_id: 'nobody' }, { client_id: '' }])
      expect((await visit(body.request_uri, given)).status, given.client_id).toBe(400)
    expect((await visit(body.request_uri)).callback.get('code')).toMatch(/^ghc_/)
  })

  it('4 a name leads to one answer, and until then the page may be loaded again', async () => {
    const { body } = await push()
    const path = `/oauth/authorize?client_id=web&request_uri=${body.request_uri}`
    const stranger = provider.newBrowser()
    expect((await stranger.get(path)).has('password')).toBe(true)
    const page = await stranger.get(path)
    expect((await provider.goOn(page, stranger)).callback.get('code')).toMatch(/^ghc_/)
    const again = await stranger.get(path)
    expect([again.status, again.headers.get('location')]).toEqual([400, null])
  })

  it('4 of twenty uses of a name at once one leads to an answer', async () => {
    await provider.authorize() // signed in from here on
    const { body } = await push()
    const answers = await Promise.all(Array.from({ length: 20 }, () => visit(body.request_uri)))
    expect(answers.filter((answer) => answer.callback.has('code'))).toHaveLength(1)
    expect(answers.every(({ status }) => status < 500)).toBe(true)
  })

  it.each(['urn:ietf:params:oauth:request_uri:', 'urn:ietf:params:oauth:request_uri:x', 'urn:other:x'])(
    '4 an unknown name is a page and no redirect: %s',
    async (uri) => {
      const page = await visit(uri, { redirect_uri: 'https://app.example.com/cb' })
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
    },
  )
})

describe('section 5, a server whose clients must all push', () => {
  afterEach(() => provider.auth.replaceSettings({ ...provider.settings, requirePushedRequests: false }))

  it('5 says so, and refuses what was not pushed of every client; for a browser app it asks itself', async () => {
    const told = async () => (await provider.metadata()).require_pushed_authorization_requests
    expect(await told()).toBe(false)
    provider.auth.replaceSettings({ ...provider.settings, requirePushedRequests: true })
    expect(await told()).toBe(true)
    const { callback } = await provider.authorize()
    expect([callback.get('error'), callback.get('error_description')]).toEqual([
      'invalid_request',
      'This client must push its requests to /oauth/par',
    ])
    expect((await visit((await push()).body.request_uri)).callback.get('code')).toMatch(/^ghc_/)
    const app = await provider.authorize({ client_id: 'app:shop.example.com' })
    expect(app.callback.get('code')).toMatch(/^ghc_/)
  })
})

describe('section 6, clients that must push', () => {
  it('6 clients that must push are refused without it', async () => {
    const plain = await provider.authorize({ client_id: 'pushing' })
    expect(plain.callback.get('error')).toBe('invalid_request')
    const pushed = await push({ client_id: undefined }, basic('pushing', 'web-secret'))
    expect((await visit(pushed.body.request_uri, { client_id: 'pushing' })).callback.get('code')).toMatch(/^ghc_/)
  })
})

it('what was pushed is in no cookie and no address of the browser', async () => {
  const { body } = await push({ state: 'canary-state', nonce: 'canary-nonce', login_hint: 'canary-hint' })
  const browser = provider.newBrowser()
  const page = await browser.get(`/oauth/authorize?client_id=web&request_uri=${body.request_uri}`)
  expect(page.has('password')).toBe(true)
  expect(page.url).not.toMatch(/canary|app\.example/)
  for (const value of browser.cookies.values()) {
    expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain('canary')
    expect(value).not.toContain('canary')
  }
})
