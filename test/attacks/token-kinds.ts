import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { createClientKeys } from '../rfc/client-keys.ts'
import { basic, issuer, orders, type Provider, redirectUri, startProvider, web } from '../rfc/provider.ts'

/** Everything that Gatehouse or a client of it makes and that looks like a token. */
export const kinds = [
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
export type Kind = (typeof kinds)[number]

/** One of each, and the provider that they are for. */
export interface AllTokens {
  readonly provider: Provider
  readonly tokens: Readonly<Record<Kind, string>>
  close(): Promise<void>
}

const keys = createClientKeys()
const prover = createTestProver()

/** Starts a provider whose client `web` may do everything, and makes one token of each kind. */
export async function makeAllTokens(): Promise<AllTokens> {
  const logoutTokens: string[] = []
  const receiver = createServer((request, response) => {
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
  const provider = await startWithEverything(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`)
  return {
    provider,
    tokens: await makeTokens(provider, logoutTokens),
    async close() {
      receiver.close().closeAllConnections()
      await provider.close()
    },
  }
}

function startWithEverything(backchannel_logout_uri: string): Promise<Provider> {
  const { permissions } = web
  return startProvider(
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
}

const tokensOf = async (provider: Provider, client_id: string): Promise<Record<string, string>> => {
  const code = (await provider.authorize({ client_id })).callback.get('code')
  return (await provider.exchange(code, {}, basic(client_id, 'web-secret'))).body
}

async function makeLogoutToken(provider: Provider, received: readonly string[]): Promise<string> {
  const browser = provider.newBrowser()
  await provider.exchange((await provider.authorize({}, browser)).callback.get('code'))
  const page = await browser.get('/oauth/logout')
  await browser.submit(page, {})
  for (let tries = 0; tries < 100 && received.length === 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
  return received[0] ?? ''
}

async function makeTokens(provider: Provider, logoutTokens: readonly string[]): Promise<Record<Kind, string>> {
  const now = provider.clock.now()
  const own = await provider.tokens({ scope: 'openid offline_access orders:read' })
  const verified = provider.auth.verifier.verify(own.access_token ?? '')
  if ('refused' in verified) throw new Error('the token is good')
  const told = await provider.userinfo((await tokensOf(provider, 'told')).access_token ?? '')
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
    'opaque access token': (await tokensOf(provider, 'sealed')).access_token ?? '',
    'refresh token': own.refresh_token ?? '',
    'ID token': own.id_token ?? '',
    'logout token': await makeLogoutToken(provider, logoutTokens),
    'authorization response': response.callback.get('response') ?? '',
    'userinfo answer': told.body.text ?? '',
    'introspection answer': introspection.body.text ?? '',
    'identity for a service': provider.auth.accessTokens.issueIdentity(verified, { audience: orders }),
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
