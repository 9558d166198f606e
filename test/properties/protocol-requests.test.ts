import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, issuer, type Provider, redirectUri, startProvider } from '../rfc/provider.ts'

/** Made-up requests to the endpoints of the protocol: what holds for every answer, whatever was asked. */

let provider: Provider
beforeAll(async () => {
  provider = await startProvider({}, [], {
    settings: { registration: { ...noRegistration, mode: 'open', perMinute: 1_000_000, limit: 1_000_000 } },
  })
})
afterAll(() => provider.close())

const values: Record<string, readonly string[]> = {
  client_id: ['web', 'spa', 'nobody', 'usr_x', ''],
  redirect_uri: [
    redirectUri,
    `${redirectUri}/`,
    `${redirectUri}?x=1`,
    'https://evil.test/',
    'javascript:1',
    '//evil.test',
    '',
  ],
  response_type: ['code', 'token', 'id_token', 'code id_token', 'none', ''],
  response_mode: ['query', 'fragment', 'form_post', 'jwt', 'query.jwt', 'form_post.jwt', 'web_message'],
  scope: ['openid', 'openid orders:read', 'admin', 'a"b', ''],
  code_challenge: ['x', 'A'.repeat(43)],
  code_challenge_method: ['S256', 'plain'],
  prompt: ['none', 'login', 'consent', 'none login', 'x'],
  max_age: ['0', '1', '-1', '1e9', '99999999999'],
  id_token_hint: ['x', 'a.b.c'],
  claims: ['{}', '{"id_token":{"acr":{"essential":true,"value":"9"}}}', '{', '[]'],
  request: ['x', 'e30.e30.x'],
  request_uri: ['urn:ietf:params:oauth:request_uri:x', 'https://evil.test/r'],
  resource: [issuer, 'https://evil.test', 'x'],
  authorization_details: ['[]', '[{}]', 'x'],
  dpop_jkt: ['x', 'A'.repeat(43)],
  grant_type: [
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'password',
    'urn:openid:params:grant-type:ciba',
  ],
  code: ['x', `ghc_${'A'.repeat(43)}`],
  refresh_token: ['x', 'ghr_a.1.b', 'ghr_'],
  token: ['x', 'a.b.c', 'gha_x', 'ghr_x.1.y'],
  client_secret: ['web-secret', 'x'],
  client_assertion: ['x', 'a.b.c'],
  login_hint: ['alice', '"><script>'],
  user_code: ['BCDF-GHJK', 'x'],
}
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 60 }))
const parameter = fc
  .constantFrom(...Object.keys(values))
  .chain((name) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...(values[name] ?? [''])) }, { weight: 1, arbitrary: text }),
    ),
  )
/** Mostly names that mean something, at times twice or unknown. */
const parameters = fc.array(
  fc.oneof({ weight: 9, arbitrary: parameter }, { weight: 1, arbitrary: fc.tuple(text, text) }),
  {
    maxLength: 8,
  },
)
// What cannot be sent as UTF-8 comes as its replacement, and so is compared as that.
const wellFormed = (value: string): string => new TextDecoder().decode(new TextEncoder().encode(value))
const encode = (list: readonly (readonly [string, string])[]): string =>
  new URLSearchParams(list.map(([name, value]): [string, string] => [name, value])).toString()

describe('an authorization request', () => {
  it('is never an error of ours, and never leads to where nothing is registered', async () => {
    await fc.assert(
      fc.asyncProperty(parameters, fc.boolean(), text, async (list, byPost, state) => {
        const base = Object.entries(provider.parameters({ state: undefined })).filter(
          ([name]) => !list.some(([given]) => given === name),
        )
        const given: (readonly [string, string])[] = [...base, ...list, ['state', state]]
        const query = encode(given)
        const answer = byPost
          ? await fetch(`${provider.url}/oauth/authorize`, {
              method: 'POST',
              redirect: 'manual',
              body: query,
              headers: { 'content-type': 'application/x-www-form-urlencoded' },
            })
          : await fetch(`${provider.url}/oauth/authorize?${query}`, { redirect: 'manual' })
        const page = await answer.text()
        expect(answer.status).toBeLessThan(500)
        const location = answer.headers.get('location')
        if (location === null) {
          expect([200, 400, 404]).toContain(answer.status)
          if (answer.status !== 200) expect(page).not.toContain('<form')
          return
        }
        expect(answer.status).toBe(303)
        if (/^\/(login|consent)\?flow=[\w-]{22}$/.test(location)) return
        expect(location).toMatch(/^https:\/\/app\.example\.com\/cb[?#]/)
        const back = new URLSearchParams(location.slice(redirectUri.length + 1))
        if (back.has('response')) return
        expect(back.get('iss')).toBe(issuer)
        expect(back.get('state')).toBe(state === '' ? null : wellFormed(state))
      }),
      { numRuns: 400 },
    )
    expect(provider.refusals.filter(({ error }) => error === 'server_error')).toEqual([])
  })
})

describe('a form', () => {
  const endpoints = [
    '/oauth/token',
    '/oauth/par',
    '/oauth/introspect',
    '/oauth/revoke',
    '/oauth/device',
    '/oauth/backchannel',
  ]
  const credentials = fc.constantFrom(
    {},
    basic('web', 'web-secret'),
    basic('web', 'x'),
    { authorization: 'Bearer x' },
    { dpop: 'x' },
  )

  it.each(endpoints)('to %s is answered with JSON and the status of its kind', async (path) => {
    await fc.assert(
      fc.asyncProperty(parameters, credentials, async (list, headers) => {
        const answer = await provider.post(path, encode(list), headers)
        expect(answer.status).toBeLessThan(500)
        if (answer.status < 400) return
        expect(answer.headers.get('content-type')).toBe('application/json')
        expect(answer.body.error).toMatch(/^[a-z_]+$/)
        expect(answer.headers.get('cache-control')).toBe('no-store')
      }),
      { numRuns: 120 },
    )
    expect(provider.refusals.filter(({ error }) => error === 'server_error')).toEqual([])
  })
})

describe('a page’s form', () => {
  it.each(['/login/password', '/consent', '/device', '/oauth/logout'])(
    'to %s is never an error of ours',
    async (path) => {
      const field = fc.constantFrom('flow', 'username', 'password', 'session', 'decision', 'user_code', 'state')
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(field, text), { maxLength: 6 }), async (list) => {
          const answer = await provider.post(path, encode(list), {})
          expect(answer.status).toBeLessThan(500)
          expect(answer.headers.get('location') ?? '/').toMatch(/^\//)
        }),
        { numRuns: 60 },
      )
      expect(provider.refusals.filter(({ error }) => error === 'server_error')).toEqual([])
    },
  )
})

describe('a registration', () => {
  it('is never an error of ours', async () => {
    const member = fc.constantFrom(
      'redirect_uris',
      'jwks',
      'grant_types',
      'scope',
      'client_name',
      'jwks_uri',
      'contacts',
      'client_id',
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.dictionary(member, fc.jsonValue()), fc.jsonValue()), async (said) => {
        const answer = await provider.postJson('/oauth/register', said)
        expect([201, 400]).toContain(answer.status)
        const { error } = (await answer.json()) as { error?: string }
        if (answer.status === 400)
          expect(['invalid_request', 'invalid_client_metadata', 'invalid_redirect_uri']).toContain(error)
      }),
      { numRuns: 150 },
    )
    expect(provider.refusals.filter(({ error }) => error === 'server_error')).toEqual([])
  })
})
