import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'
const back = 'https://app.example.com/bye'
const pkce = newPkce()

let started: StartedAuth
let browser: TestBrowser
const servers: Server[] = []
afterEach(async () => {
  await started.close()
  for (const server of servers.splice(0)) server.close()
})

/** Starts with a web client, signs in, and gives its tokens. */
async function start(metadata: object = {}, permissions: object = {}): Promise<Record<string, string>> {
  started = await startAuth({
    clients: [
      {
        id: 'web',
        secret: 'web-secret',
        grantTypes: ['authorization_code', 'refresh_token'],
        metadata: { redirect_uris: [redirectUri], post_logout_redirect_uris: [back], ...metadata },
        permissions: { ...noPermissions, skipConsent: true, ...permissions },
      },
    ],
  })
  browser = new TestBrowser(started.url, issuer)
  return signIn()
}

async function signIn(): Promise<Record<string, string>> {
  const query = new URLSearchParams({
    client_id: 'web',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid offline_access',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
  })
  const page = await browser.get(`/oauth/authorize?${query}`)
  const answer = page.has('password') ? await browser.signIn(page, 'alice', goodPassword) : page
  const response = await started.postForm(
    '/oauth/token',
    {
      grant_type: 'authorization_code',
      code: answer.callback.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: pkce.verifier,
    },
    basic('web', 'web-secret'),
  )
  return (await response.json()) as Record<string, string>
}

const logout = (parameters: Record<string, string | undefined>): Promise<ShownPage> => {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return browser.get(`/oauth/logout?${new URLSearchParams(given)}`)
}
const isValid = async (token: string | undefined): Promise<boolean> =>
  ((await (await started.postJson('/validate', { token })).json()) as { valid: boolean }).valid

describe('logout that a client begins (RP-Initiated Logout)', () => {
  it('happens at once with an ID token of the session, also an expired one, and leads back with the state', async () => {
    const tokens = await start()
    started.clock.advance(290)
    expect(await isValid(tokens.access_token)).toBe(true)
    started.clock.advance(9)
    const answer = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: back, state: 'a b&c' })
    expect(answer.headers.get('location')).toBe(`${back}?state=a%20b%26c`)
    expect(browser.cookies.has('__Host-gatehouse_session')).toBe(false)
    expect(await isValid(tokens.access_token)).toBe(false)
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }
    expect((await started.postForm('/oauth/token', refresh, basic('web', 'web-secret'))).status).toBe(400)
  })

  it.each([
    ['no hint', {}],
    ['no hint but a client', { client_id: 'web', post_logout_redirect_uri: back }],
    ['an address that is not registered', { hint: true, post_logout_redirect_uri: `${back}/` }],
    ['another client', { hint: true, client_id: 'reports', post_logout_redirect_uri: back }],
    ['a changed hint', { hint: 'changed', post_logout_redirect_uri: back }],
    ['an access token as hint', { hint: 'access', post_logout_redirect_uri: back }],
  ])('asks first and leads nowhere with %s', async (_, { hint, ...parameters }: Record<string, unknown>) => {
    const tokens = await start()
    const [head = '', body = '', signature = ''] = (tokens.id_token ?? '').split('.')
    const changed = `${head}.${body.slice(0, -2)}${body.endsWith('A') ? 'B' : 'A'}A.${signature}`
    const id_token_hint =
      hint === true
        ? tokens.id_token
        : hint === 'access'
          ? tokens.access_token
          : hint === 'changed'
            ? changed
            : undefined
    const page = await logout({ ...(parameters as Record<string, string>), id_token_hint })
    expect(page.has('sign-out')).toBe(true)
    expect(await isValid(tokens.access_token)).toBe(true)
    const done = await browser.submit(page, {})
    expect(done.has('signed-out')).toBe(true)
    expect(done.headers.get('location')).toBeNull()
    expect(await isValid(tokens.access_token)).toBe(false)
  })

  it('asks first when the hint is of another session than the browser’s', async () => {
    const first = await start()
    const other = browser
    browser = new TestBrowser(started.url, issuer)
    const second = await signIn()
    expect((await logout({ id_token_hint: first.id_token, post_logout_redirect_uri: back })).has('sign-out')).toBe(true)
    expect(await isValid(first.access_token)).toBe(true)
    expect(await isValid(second.access_token)).toBe(true)
    browser = other
  })

  it('refuses a confirmation that another site has sent', async () => {
    const tokens = await start()
    const page = await logout({})
    const refused = await browser.post('/oauth/logout', page.form.fields, { 'sec-fetch-site': 'cross-site' })
    expect(refused.status).toBe(403)
    expect(await isValid(tokens.access_token)).toBe(true)
  })

  it('loads the pages of clients that want it in a frame, and names the session where asked', async () => {
    const tokens = await start({
      frontchannel_logout_uri: 'https://app.example.com/out?x=1',
      frontchannel_logout_session_required: true,
    })
    const page = await logout({ id_token_hint: tokens.id_token, post_logout_redirect_uri: back })
    const sid = claimsOf(tokens.id_token ?? '').sid
    expect(page.text).toContain(
      `src="https://app.example.com/out?x=1&amp;iss=${encodeURIComponent(issuer)}&amp;sid=${sid}"`,
    )
    expect(page.headers.get('content-security-policy')).toContain('frame-src https://app.example.com')
    expect(page.headers.get('refresh')).toBe(`2; url=${back}`)
  })
})

describe('telling clients of sessions that have ended (Back-Channel Logout)', () => {
  const listen = async (answers: number[]): Promise<{ uri: string; tokens: string[] }> => {
    const tokens: string[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        tokens.push(new URLSearchParams(body).get('logout_token') ?? '')
        response.writeHead(answers.shift() ?? 200).end()
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/backchannel`, tokens }
  }
  const until = async (condition: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 100 && !condition(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  it('sends a logout token that is no other kind of token', async () => {
    const client = await listen([])
    const tokens = await start({ backchannel_logout_uri: client.uri })
    await logout({ id_token_hint: tokens.id_token })
    await until(() => client.tokens.length > 0)
    const [token = ''] = client.tokens
    const claims = claimsOf(token)
    const { sub, sid } = claimsOf(tokens.id_token ?? '')
    expect(claims).toMatchObject({ iss: issuer, aud: 'web', sub, sid })
    expect(claims.events).toEqual({ 'http://schemas.openid.net/event/backchannel-logout': {} })
    expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(120)
    expect(claims.nonce).toBeUndefined()
    expect(claims.jti).toMatch(/^[\w-]{22}$/)
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({
      typ: 'logout+jwt',
    })
    expect(await isValid(token)).toBe(false)
    const hinted = await browser.get(`/oauth/logout?id_token_hint=${token}&post_logout_redirect_uri=${back}`)
    expect(hinted.headers.get('location')).toBeNull()
  })

  it('tries again after a failure, later each time, also after a restart, and is done after one success', async () => {
    const client = await listen([500, 404])
    const tokens = await start({ backchannel_logout_uri: client.uri })
    await logout({ id_token_hint: tokens.id_token })
    await until(() => client.tokens.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await started.auth.logoutDeliveries.deliver()).toBe(0)
    started.clock.advance(6)
    await started.auth.logoutDeliveries.deliver()
    expect(client.tokens).toHaveLength(2)
    started.clock.advance(31)
    expect(await started.auth.logoutDeliveries.deliver()).toBe(1)
    started.clock.advance(4000)
    await started.auth.logoutDeliveries.deliver()
    expect(client.tokens).toHaveLength(3)
    expect(new Set(client.tokens.map((token) => claimsOf(token).jti)).size).toBe(3)
  })

  it('tells a client that people sign in to by the API', async () => {
    const client = await listen([])
    const permissions = { ...noPermissions, firstParty: true }
    const metadata = { backchannel_logout_uri: client.uri }
    const app = { id: 'app', authMethod: 'none' as const, secret: undefined, scopes: ['orders:read'], permissions }
    started = await startAuth({ clients: [{ ...app, metadata }] })
    const { access_token } = await started.signIn({ client_id: 'app' })
    await started.signIn({ client_id: 'first-party' })
    const { sub, sid } = claimsOf(access_token)
    await started.postJson('/logout', {}, { authorization: `Bearer ${access_token}` })
    expect(await started.auth.logoutDeliveries.deliver()).toBe(1)
    expect(claimsOf(client.tokens[0] ?? '')).toMatchObject({ aud: 'app', sub, sid })
  })

  it('does not let one client that hangs hold up the user', async () => {
    const hanging = createServer(() => {})
    servers.push(hanging)
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    const uri = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/`
    const tokens = await start({ backchannel_logout_uri: uri })
    const before = Date.now()
    await logout({ id_token_hint: tokens.id_token })
    expect(Date.now() - before).toBeLessThan(2000)
    hanging.closeAllConnections()
  })
})
