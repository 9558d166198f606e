import { afterEach, describe, expect, it } from 'vitest'
import type { ConfiguredClient } from '../domain/clients.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'
const web = {
  id: 'web',
  secret: 'web-secret',
  grantTypes: ['authorization_code', 'refresh_token'] as const,
  scopes: ['orders:read', 'inventory:read'],
  metadata: { client_name: 'Web', redirect_uris: ['https://elsewhere.example/cb', redirectUri] },
}

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

const start = async (client: Partial<ConfiguredClient> = {}): Promise<void> => {
  started = await startAuth({ clients: [{ ...web, ...client }] })
  browser = new TestBrowser(started.url, issuer)
}

const pkce = newPkce()
const parameters = (given: Record<string, string> = {}): Record<string, string> => ({
  client_id: 'web',
  redirect_uri: redirectUri,
  response_type: 'code',
  scope: 'openid orders:read',
  state: 'st',
  code_challenge: pkce.challenge,
  code_challenge_method: 'S256',
  ...given,
})
const visit = (given: Record<string, string> = {}): Promise<ShownPage> =>
  browser.get(`/oauth/authorize?${new URLSearchParams(parameters(given))}`)
const signIn = (page: ShownPage): Promise<ShownPage> => browser.signIn(page, 'alice', goodPassword)
const allow = (page: ShownPage): Promise<ShownPage> => browser.submit(page, { decision: 'allow' })
const push = async (given: Record<string, string> = {}): Promise<string> => {
  const pushed = await started.postForm('/oauth/par', parameters(given), basic('web', 'web-secret'))
  return ((await pushed.json()) as { request_uri: string }).request_uri
}
const begin = (uri: string): Promise<ShownPage> => visit({ request_uri: uri })

describe('a pushed request (RFC 9126)', () => {
  it('is answered however long its user takes to sign in, but not begun with again', async () => {
    await start()
    const uri = await push()
    const page = await begin(uri)
    started.clock.advance(301)
    await started.store.removeExpired()
    expect((await begin(uri)).status).toBe(400)
    expect((await allow(await signIn(page))).callback.get('code')).toMatch(/^ghc_/)
  })
})

describe('a user who may give nothing of what is asked for', () => {
  it('is asked nothing, and the request is over', async () => {
    await start()
    const uri = await push({ scope: 'inventory:read' })
    const page = await begin(uri)
    const answer = await signIn(page)
    expect(Object.fromEntries(answer.callback)).toMatchObject({ error: 'access_denied', state: 'st', iss: issuer })
    expect((await signIn(page)).status).toBe(404)
    expect((await begin(uri)).status).toBe(400)
  })
})

describe('what a user is told before agreeing', () => {
  it('is also what is asked for by name, once', async () => {
    await start()
    const claims = '{"userinfo":{"preferred_username":null,"roles":null}}'
    const consent = await signIn(await visit({ claims }))
    expect(consent.text).toContain('data-scope="profile"')
    expect(consent.text).not.toContain('data-scope="roles"')
    await allow(consent)
    expect((await visit({ claims })).callback.has('code')).toBe(true)
  })

  it('is asked for again where claims are added', async () => {
    await start()
    await allow(await signIn(await visit()))
    const claims = '{"id_token":{"preferred_username":{"essential":true}}}'
    expect((await visit({ claims })).has('allow')).toBe(true)
  })

  it('is the host that the answer goes to, and not another one that the client has registered', async () => {
    await start()
    const consent = await signIn(await visit())
    expect(consent.text).toContain('<span id="client-host">app.example.com</span>')
  })
})

describe('an address that has been taken from a client', () => {
  it('is sent no answer, whoever was in the middle of something', async () => {
    await start()
    const page = await visit()
    const clients = started.settings.clients.map((client) => {
      const redirect_uris = ['https://elsewhere.example/cb']
      return client.id === 'web' ? { ...client, metadata: { ...client.metadata, redirect_uris } } : client
    })
    started.auth.replaceSettings({ ...started.settings, clients })
    const answer = await signIn(page)
    expect([answer.status, answer.headers.get('location')]).toEqual([404, null])
  })
})

describe('a subject that a client demands by the claims parameter', () => {
  it.each(['{"value":5}', '{"values":[]}', '{"values":["usr_a","usr_b"]}'])('is never passed over: %s', async (sub) => {
    await start()
    const answer = await visit({ claims: `{"id_token":{"sub":${sub}}}` })
    expect(answer.callback.get('error')).toBe('invalid_request')
  })
})

describe('a client that is registered for signed answers alone', () => {
  it('asks for them by their short name', async () => {
    await start({ metadata: { ...web.metadata, response_modes: ['jwt'] } })
    expect((await visit({ response_mode: 'jwt' })).has('password')).toBe(true)
    expect((await visit({ response_mode: 'query' })).callback.get('error')).toBe('invalid_request')
  })
})

describe('what an address may begin', () => {
  it('is less where it is large', async () => {
    await start()
    const state = 'x'.repeat(60_000)
    const statuses: number[] = []
    for (let index = 0; index < 70; index += 1) {
      statuses.push((await new TestBrowser(started.url, issuer).post('/oauth/authorize', parameters({ state }))).status)
    }
    expect(statuses.slice(0, 60).every((status) => status === 200)).toBe(true)
    expect(statuses.at(-1)).toBe(429)
  })

  it('is no end of requests to other servers', async () => {
    await start()
    const uri = 'https://elsewhere.example/request.jwt'
    const ask = () => visit({ request_uri: uri })
    for (let index = 0; index < 20; index += 1) await Promise.all(Array.from({ length: 50 }, ask))
    expect((await ask()).status).toBe(429)
  })
})
