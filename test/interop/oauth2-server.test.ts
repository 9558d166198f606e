import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOAuth2Provider } from '@gatehouse/auth/federation/oauth2'
import type { OAuth2Settings } from '@gatehouse/auth/federation/oauth2-settings'
import type { Provider } from '@gatehouse/auth/federation/provider'
import { createOutbound } from '@gatehouse/auth/outbound/outbound'
import { seconds } from '@gatehouse/core/time'
import OAuth2Server, { Request, Response } from '@node-oauth/oauth2-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const callback = 'https://auth.example.com/federation/git/callback'
const state = 'S'.repeat(43)
const clock = { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() }
const outbound = createOutbound({ allowLoopback: true })

/** A provider of plain OAuth 2 on @node-oauth/oauth2-server. Everybody who comes is alice, with the id 42. */
function createUpstream(): Server {
  const client = {
    ...{ id: 'gatehouse', grants: ['authorization_code', 'refresh_token', 'password'], redirectUris: [callback] },
  }
  const alice = { id: 42, login: 'alice' }
  const codes = new Map<string, OAuth2Server.AuthorizationCode>()
  const tokens = new Map<string, OAuth2Server.Token>()
  const refreshTokens = new Map<string, OAuth2Server.RefreshToken>()
  const oauth = new OAuth2Server({
    model: {
      getClient: async (id, secret) => id === 'gatehouse' && (secret === null || secret === 'hidden') && client,
      saveAuthorizationCode: async (code, of, user) => {
        const saved = { ...code, client: of, user }
        codes.set(code.authorizationCode, saved)
        return saved
      },
      getAuthorizationCode: async (code) => codes.get(code),
      revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
      saveToken: async (token, of, user) => {
        const saved = { ...token, client: of, user }
        tokens.set(token.accessToken, saved)
        if (token.refreshToken !== undefined) {
          refreshTokens.set(token.refreshToken, { ...saved, refreshToken: token.refreshToken })
        }
        return saved
      },
      getAccessToken: async (token) => tokens.get(token),
      getRefreshToken: async (token) => refreshTokens.get(token),
      revokeToken: async ({ refreshToken }) => refreshTokens.delete(refreshToken),
      getUser: async (name, password) => name === 'alice' && password === 'right' && alice,
    },
  })
  return createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    const body = Object.fromEntries(new URLSearchParams(await readAll(request)))
    const [asked, answer] = [
      new Request({
        ...{ method: request.method ?? 'GET', query: Object.fromEntries(url.searchParams), body },
        headers: request.headers as Record<string, string>, // none of those that are read comes twice
      }),
      new Response(),
    ]
    try {
      if (url.pathname === '/authorize') {
        await oauth.authorize(asked, answer, { authenticateHandler: { handle: () => alice } })
      } else if (url.pathname === '/token') await oauth.token(asked, answer)
      else answer.body = (await oauth.authenticate(asked, answer)).user
    } catch {
      // What went wrong stands in the answer.
    }
    const headers = { 'content-type': 'application/json', ...answer.headers }
    response.writeHead(answer.body?.id === undefined ? (answer.status ?? 500) : 200, headers)
    response.end(JSON.stringify(answer.body ?? {}))
  })
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer) // no encoding was set
  return Buffer.concat(chunks).toString()
}

let upstream: Server
let base: string
beforeAll(async () => {
  upstream = createUpstream()
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` // TCP
})
afterAll(() => {
  outbound.close()
  upstream.close()
})

const create = (settings: Partial<OAuth2Settings> = {}): Provider =>
  createOAuth2Provider(
    { name: 'git', issuer: 'https://auth.example.com', clock, outbound },
    {
      ...{ clientId: 'gatehouse', authentication: { method: 'client_secret_basic', secret: 'hidden' } },
      ...{ authorizationEndpoint: `${base}/authorize`, tokenEndpoint: `${base}/token` },
      ...{ userinfo: [{ url: `${base}/me` }], subject: 'id', scopes: [], authorizationParameters: {} },
      ...{ pkce: true, tokenAnswer: 'json', passwordGrant: true, keepTokens: true },
      ...settings,
    },
  )

async function signIn(provider: Provider, change: (memory: object) => object = (memory) => memory) {
  const started = await provider.redirect?.start({ callback, state, fresh: false, locales: [] })
  const url = started && 'url' in started.go ? started.go.url : ''
  const { headers } = await fetch(url, { redirect: 'manual' })
  const parameters = new URL(headers.get('location') ?? '').searchParams
  const memory = { ...change(started?.memory ?? {}) }
  return provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
}

describe('@node-oauth/oauth2-server', () => {
  it('signs somebody in, by a code with a challenge', async () => {
    expect(await signIn(create())).toMatchObject({
      ...{ subject: '42', claims: { id: 42, login: 'alice' }, tokens: { refreshToken: expect.any(String) } },
    })
    const other = signIn(create(), () => ({ verifier: 'x'.repeat(43) }))
    await expect(other).rejects.toMatchObject({ reason: 'invalid_answer' })
  })

  it('takes the secret in the form too, and no other', async () => {
    const withSecret = (secret: string) => create({ authentication: { method: 'client_secret_post', secret } })
    expect(await signIn(withSecret('hidden'))).toMatchObject({ subject: '42' })
    await expect(signIn(withSecret('other'))).rejects.toMatchObject({ reason: 'misconfigured' })
  })

  it('is asked again with refresh tokens that count once', async () => {
    const provider = create()
    const tokens = (await signIn(provider))?.tokens
    const again = await provider.refresh?.({ subject: '42', tokens })
    expect(again).toMatchObject({ subject: '42', tokens: { refreshToken: expect.any(String) } })
    expect(again?.tokens?.refreshToken).not.toBe(tokens?.refreshToken)
    expect(await provider.refresh?.({ subject: '42', tokens })).toBeUndefined()
  })

  it('checks a name and a password', async () => {
    const check = (password: string) => create().check?.({ username: 'alice', password, address: '127.0.0.1' })
    expect(await check('right')).toMatchObject({ subject: '42' })
    expect(await check('wrong')).toBeUndefined()
  })
})
