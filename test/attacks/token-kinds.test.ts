import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Members, orders, type Provider } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'
import { type AllTokens, type Kind, kinds, makeAllTokens } from './token-kinds.ts'

/**
 * Every kind of token at every place that takes one: none may pass for another, and whatever was tried in vain must still be
 * good for what it is.
 */
let all: AllTokens
let provider: Provider
let tokens: AllTokens['tokens']
beforeAll(async () => {
  all = await makeAllTokens()
  provider = all.provider
  tokens = all.tokens
})
afterAll(() => all.close())

interface Place {
  /** What is good there, and so is not tried. */
  readonly takes: readonly Kind[]
  /** Presents it; the statuses of a refusal follow. */
  readonly present: (token: string) => Promise<{ readonly status: number; readonly body: Record<string, unknown> }>
  readonly refused: (answer: { readonly status: number; readonly body: Record<string, unknown> }) => boolean
}

const isClientError = ({ status }: { readonly status: number }): boolean => status >= 400 && status < 500
const read = async (response: Response) => {
  const text = await response.text()
  return {
    status: response.status,
    body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, unknown>,
  }
}
const bearer =
  (path: string, init: RequestInit = {}) =>
  async (token: string) =>
    read(await fetch(provider.url + path, { ...init, headers: { authorization: `Bearer ${token}` } }))
const grant =
  (grant_type: string, name: string, more: Members = {}, headers?: Record<string, string>) =>
  (token: string) =>
    provider.token({ grant_type, [name]: token, ...more }, headers)
const authorizeWith =
  (name: string, more: Members = {}) =>
  async (token: string) => {
    const page = await provider.browser.get(provider.authorizePath({ [name]: token, prompt: 'none', ...more }))
    return { status: page.status, body: { code: page.callback.get('code') } }
  }
const withCookie = (name: string) => async (token: string) => {
  const browser = provider.newBrowser()
  browser.cookies.set(name, token)
  const page = await browser.get(provider.authorizePath({ prompt: 'none' }))
  return { status: page.status, body: { code: page.callback.get('code') } }
}
const gaveNoCode = ({ body }: { readonly body: Record<string, unknown> }): boolean => (body.code ?? null) === null
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const accessTokens: readonly Kind[] = ['access token', 'opaque access token']

const places: Record<string, Place> = {
  'userinfo, as bearer token': {
    takes: accessTokens,
    present: bearer('/oauth/userinfo'),
    refused: ({ status }) => status === 401,
  },
  'userinfo, in a form': {
    takes: accessTokens,
    present: (access_token) => provider.post('/oauth/userinfo', { access_token }, {}),
    refused: ({ status }) => status === 401,
  },
  validation: {
    takes: accessTokens,
    present: async (token) =>
      read(await provider.postJson('/validate', { token }, basic('service:orders', 'orders-secret'))),
    refused: ({ body }) => body.valid === false,
  },
  introspection: {
    takes: ['access token', 'refresh token', 'opaque access token'],
    present: (token) => provider.post('/oauth/introspect', { token }),
    refused: ({ body }) => body.active === false,
  },
  revocation: {
    takes: ['access token', 'refresh token', 'opaque access token'],
    present: (token) => provider.post('/oauth/revoke', { token }),
    refused: ({ status }) => status === 200,
  },
  'logout, as bearer token': {
    takes: accessTokens,
    present: bearer('/logout', { method: 'POST' }),
    refused: isClientError,
  },
  'logout, as refresh token': {
    takes: ['refresh token'],
    present: async (refresh_token) => read(await provider.postJson('/logout', { refresh_token })),
    refused: isClientError,
  },
  'the refresh of the first party': {
    takes: [],
    present: async (refresh_token) => read(await provider.postJson('/token/refresh', { refresh_token })),
    refused: isClientError,
  },
  'the refresh token grant': {
    takes: ['refresh token'],
    present: grant('refresh_token', 'refresh_token'),
    refused: isClientError,
  },
  'the code grant': {
    takes: ['authorization code'],
    present: (code) => provider.exchange(code),
    refused: isClientError,
  },
  'the device code grant': {
    takes: ['device code'],
    present: grant('urn:ietf:params:oauth:grant-type:device_code', 'device_code'),
    refused: ({ body }) => body.error === 'invalid_grant',
  },
  'the CIBA grant': {
    takes: ['CIBA request'],
    present: grant('urn:openid:params:grant-type:ciba', 'auth_req_id'),
    refused: ({ body }) => body.error === 'invalid_grant',
  },
  'token exchange, as subject': {
    takes: accessTokens,
    present: grant('urn:ietf:params:oauth:grant-type:token-exchange', 'subject_token', {
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: orders,
    }),
    refused: isClientError,
  },
  'token exchange, as subject of type JWT': {
    takes: accessTokens,
    present: grant('urn:ietf:params:oauth:grant-type:token-exchange', 'subject_token', {
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      audience: orders,
    }),
    refused: isClientError,
  },
  'the assertion grant': {
    takes: [],
    present: grant('urn:ietf:params:oauth:grant-type:jwt-bearer', 'assertion'),
    refused: isClientError,
  },
  'client authentication': {
    takes: ['client assertion'],
    present: (client_assertion) =>
      provider.token({ grant_type: 'client_credentials', client_assertion, client_assertion_type: jwtBearer }, {}),
    refused: ({ status, body }) => status === 401 && body.error === 'invalid_client',
  },
  'a client secret': {
    takes: [],
    present: (client_secret) =>
      provider.token({ grant_type: 'client_credentials', client_id: 'web', client_secret }, {}),
    refused: ({ status }) => status === 401,
  },
  'a DPoP proof': {
    takes: ['DPoP proof'],
    present: (dpop) => provider.token({ grant_type: 'client_credentials' }, { ...basic('web', 'web-secret'), dpop }),
    refused: ({ body }) => body.error === 'invalid_dpop_proof',
  },
  'the request parameter': { takes: ['request object'], present: authorizeWith('request'), refused: gaveNoCode },
  'the request parameter of another client': {
    takes: [],
    present: authorizeWith('request', { client_id: 'keyed' }),
    refused: gaveNoCode,
  },
  'the request_uri parameter': {
    takes: ['pushed request'],
    present: authorizeWith('request_uri'),
    refused: gaveNoCode,
  },
  'a pushed request object': {
    takes: ['request object'],
    present: (request) => provider.post('/oauth/par', { request }),
    refused: isClientError,
  },
  'a hint at the authorization endpoint': {
    takes: ['ID token'],
    present: authorizeWith('id_token_hint'),
    refused: gaveNoCode,
  },
  'a hint at CIBA': {
    takes: ['ID token'],
    present: (id_token_hint) => provider.post('/oauth/backchannel', { scope: 'openid', id_token_hint }),
    refused: isClientError,
  },
  'managing a registration': {
    takes: ['registration token'],
    present: bearer('/oauth/register?client_id=web', {}),
    refused: ({ status }) => status === 401,
  },
  'the session cookie': {
    takes: ['session cookie'],
    present: withCookie('__Host-gatehouse_session'),
    refused: gaveNoCode,
  },
  'a page’s flow': {
    takes: [],
    present: async (flow) => {
      const page = await provider.browser.get(`/login?flow=${encodeURIComponent(flow)}`)
      return { status: page.status, body: {} }
    },
    refused: ({ status }) => status === 404,
  },
}

describe('what is no token for a place is refused there', () => {
  it('all of them were made, and differ', () => {
    expect(Object.entries(tokens).filter(([, token]) => token.length < 8)).toEqual([])
    expect(new Set(Object.values(tokens)).size).toBe(kinds.length)
  })

  for (const [name, { takes, present, refused }] of Object.entries(places)) {
    it(name, async () => {
      const passed: Kind[] = []
      for (const kind of kinds.filter((candidate) => !takes.includes(candidate))) {
        const answer = await refusing(provider, () => present(tokens[kind]))
        if (!refused(answer)) passed.push(kind)
      }
      expect(passed).toEqual([])
    })
  }
})

describe('and nothing of it was lost', () => {
  it('each is still good for what it is', async () => {
    for (const kind of accessTokens) expect((await provider.userinfo(tokens[kind])).status, kind).toBe(200)
    const proven = { ...basic('web', 'web-secret'), dpop: tokens['DPoP proof'] }
    expect((await provider.token({ grant_type: 'client_credentials' }, proven)).body.token_type).toBe('DPoP')
    const assertion = { client_assertion: tokens['client assertion'], client_assertion_type: jwtBearer }
    expect((await provider.token({ grant_type: 'client_credentials', ...assertion }, {})).status).toBe(200)
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens['refresh token'] }
    expect((await provider.token(refresh)).status).toBe(200)
    expect((await provider.exchange(tokens['authorization code'])).status).toBe(200)
    for (const name of ['pushed request', 'request object'] as const) {
      const parameter = name === 'request object' ? 'request' : 'request_uri'
      expect((await authorizeWith(parameter)(tokens[name])).body.code, name).toMatch(/^ghc_/)
    }
  })
})
