import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from '../rfc/client-keys.ts'
import { basic, issuer, type Members, orders, type Provider, redirectUri, startProvider, web } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'

/**
 * Everything that Gatehouse or a client of it makes and that looks like a token, at every place that takes one: none may
 * pass for another, and whatever was tried in vain must still be good for what it is.
 */
const kinds = [
  'access token',
  'opaque access token',
  'refresh token',
  'ID token',
  'logout token',
  'authorization response',
  'userinfo answer',
  'introspection answer',
  'identity for a service',
  'client assertion',
  'request object',
  'DPoP proof',
  'authorization code',
  'pushed request',
  'device code',
  'user code',
  'CIBA request',
  'registration token',
  'session cookie',
  'browser cookie',
  'DPoP nonce',
] as const
type Kind = (typeof kinds)[number]

const keys = createClientKeys()
const prover = createTestProver()
let provider: Provider
let receiver: Server
const logoutTokens: string[] = []
let tokens: Record<Kind, string>

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      logoutTokens.push(new URLSearchParams(body).get('logout_token') ?? '')
      response.end()
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const backchannel_logout_uri = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const { permissions } = web
  provider = await startProvider(
    {
      grantTypes: [
        ...web.grantTypes,
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:openid:params:grant-type:ciba',
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ],
      permissions: { ...permissions, tokenExchange: { audiences: new Set([orders]), impersonation: false } },
      jwks: keys.jwks,
      metadata: { ...web.metadata, backchannel_logout_uri, backchannel_token_delivery_mode: 'poll' },
    },
    [
      { ...web, id: 'sealed', permissions: { ...permissions, accessTokenFormat: 'opaque' } },
      { ...web, id: 'told', metadata: { ...web.metadata, userinfo_signed_response_alg: 'RS256' } },
      {
        ...web,
        id: 'keyed',
        authMethod: 'private_key_jwt',
        secret: undefined,
        secretEitherWay: false,
        jwks: keys.jwks,
      },
    ],
    { settings: { registration: { ...noRegistration, mode: 'open' } } },
  )
  tokens = await makeTokens()
})
afterAll(async () => {
  receiver.close().closeAllConnections()
  await provider.close()
})

const tokensOf = async (client_id: string, given: Members = {}): Promise<Record<string, string>> => {
  const code = (await provider.authorize({ client_id, ...given })).callback.get('code')
  return (await provider.exchange(code, {}, basic(client_id, 'web-secret'))).body
}

async function makeLogoutToken(): Promise<string> {
  const browser = provider.newBrowser()
  await provider.exchange((await provider.authorize({}, browser)).callback.get('code'))
  const page = await browser.get('/oauth/logout')
  await browser.submit(page, {})
  for (let tries = 0; tries < 100 && logoutTokens.length === 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
  return logoutTokens[0] ?? ''
}

async function makeTokens(): Promise<Record<Kind, string>> {
  const now = provider.clock.now()
  const own = await provider.tokens({ scope: 'openid offline_access orders:read' })
  const verified = provider.auth.verifier.verify(own.access_token ?? '')
  if ('refused' in verified) throw new Error('the token is good')
  const told = await provider.userinfo((await tokensOf('told')).access_token ?? '')
  const introspection = await provider.post(
    '/oauth/introspect',
    { token: own.access_token },
    { ...basic('web', 'web-secret'), accept: 'application/token-introspection+jwt' },
  )
  const device = await provider.post('/oauth/device', { scope: 'orders:read' })
  const ciba = await provider.post('/oauth/backchannel', { scope: 'openid', login_hint: 'alice' })
  const registered = (await (
    await provider.postJson('/oauth/register', { redirect_uris: [redirectUri] })
  ).json()) as Record<string, string>
  const pushed = await provider.post('/oauth/par', provider.parameters())
  const response = await provider.authorize({ response_mode: 'jwt' })
  return {
    'access token': own.access_token ?? '',
    'opaque access token': (await tokensOf('sealed')).access_token ?? '',
    'refresh token': own.refresh_token ?? '',
    'ID token': own.id_token ?? '',
    'logout token': await makeLogoutToken(),
    'authorization response': response.callback.get('response') ?? '',
    'userinfo answer': told.body.text ?? '',
    'introspection answer': introspection.body.text ?? '',
    'identity for a service': provider.auth.accessTokens.issueIdentity(verified, { name: 'orders', audience: orders }),
    'client assertion': (await keys.assertion('keyed', now)).client_assertion ?? '',
    'request object': await keys.sign({ iss: 'web', aud: issuer, exp: now + 200, ...provider.parameters() }),
    'DPoP proof': prover.proof({ iat: now, nonce: provider.auth.dpop.nonces.current() }),
    'authorization code': (await provider.authorize()).callback.get('code') ?? '',
    'pushed request': pushed.body.request_uri ?? '',
    'device code': device.body.device_code ?? '',
    'user code': device.body.user_code ?? '',
    'CIBA request': ciba.body.auth_req_id ?? '',
    'registration token': registered.registration_access_token ?? '',
    'session cookie': provider.browser.cookies.get('__Host-gatehouse_session') ?? '',
    'browser cookie': provider.browser.cookies.get('__Host-gatehouse_browser') ?? '',
    'DPoP nonce': provider.auth.dpop.nonces.current(),
  }
}

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
    present: async (token) => read(await provider.postJson('/validate', { token })),
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
