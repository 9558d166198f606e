import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from './client-keys.ts'
import { basic, claimsOf, issuer, type Provider, redirectUri, startProvider, web } from './provider.ts'

// Signed requests on their way through the authorization endpoint; the object itself is tested in
// protocol/request-object.test.ts.

const keys = createClientKeys()
const otherKeys = createClientKeys()
let provider: Provider
let server: Server
let asked: string[]
let served: string
let address: string

beforeAll(async () => {
  asked = []
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(200, { 'content-type': 'application/oauth-authz-req+jwt' }).end(served)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/request`
  const metadata = { ...web.metadata, request_uris: [address, 'http://127.0.0.1:1/closed'] }
  provider = await startProvider({ jwks: keys.jwks, metadata }, [
    { ...web, id: 'other', jwks: otherKeys.jwks },
    { ...web, id: 'signed', jwks: keys.jwks, metadata: { ...metadata, require_signed_request_object: true } },
  ])
})
afterAll(async () => {
  server.close().closeAllConnections()
  await provider.close()
})

const build = (claims: Record<string, unknown> = {}, by = keys, typ = 'oauth-authz-req+jwt'): Promise<string> =>
  by.sign({ iss: 'web', aud: issuer, ...provider.parameters(), ...claims }, { typ })
const ask = async (given: Record<string, string>, client_id = 'web') =>
  provider.goOn(await provider.browser.get(`/oauth/authorize?${new URLSearchParams({ client_id, ...given })}`))

describe('section 5, the request', () => {
  it('5 a request needs nothing beside the client and the object', async () => {
    const answer = await ask({ request: await build({ state: 'inside' }) })
    expect(answer.callback.get('state')).toBe('inside')
    expect((await provider.exchange(answer.callback.get('code'))).status).toBe(200)
  })

  it('5 and 6.3 nothing that stands outside the object counts', async () => {
    const outside = {
      scope: 'openid orders:read orders:write',
      state: 'outside',
      nonce: 'outside',
      prompt: 'none',
      max_age: '0',
    }
    const request = await build({ scope: 'openid', state: 'inside', nonce: 'inside' })
    const answer = await ask({ request, ...outside, redirect_uri: 'https://evil.test/' })
    expect(answer.callback.get('state')).toBe('inside')
    const { body } = await provider.exchange(answer.callback.get('code'))
    expect(body.scope).toBe('openid')
    expect(claimsOf(body.id_token ?? '').nonce).toBe('inside')
  })

  it('5 an object of another client, or without the outer client_id, is refused', async () => {
    const foreign = await build({ iss: 'other', client_id: 'other' }, otherKeys)
    expect((await ask({ request: foreign })).status).toBe(400)
    const mixed = await build({ client_id: 'other' })
    expect((await ask({ request: mixed })).status).toBe(400)
    const page = await provider.browser.get(`/oauth/authorize?request=${await build()}`)
    expect([page.status, page.headers.get('location')]).toEqual([400, null])
  })

  it('5 request and request_uri exclude each other', async () => {
    const given = { request: await build(), request_uri: address, redirect_uri: redirectUri }
    expect((await ask(given)).callback.get('error')).toBe('invalid_request')
  })
})

describe('section 5.2, request_uri', () => {
  it('5.2.3 a registered address is asked, and what stands there counts', async () => {
    served = await build({ state: 'fetched' })
    const answer = await ask({ request_uri: address, state: 'outside' })
    expect(answer.callback.get('state')).toBe('fetched')
    expect(asked).toEqual(['/request'])
  })

  it.each(['?x', '/', '#x', '/../request'])(
    '10.4 (OpenID Connect Core section 6.2) an address that is not registered is never asked: %s',
    async (more) => {
      const before = asked.length
      const page = await ask({ request_uri: address + more, redirect_uri: redirectUri })
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
      expect(asked).toHaveLength(before)
    },
  )

  it('10.4 an address that does not answer, or answers with something else, is invalid_request_uri and no error of ours', async () => {
    for (const [uri, text] of [
      ['http://127.0.0.1:1/closed', ''],
      [address, '<html>'],
      [address, 'x'.repeat(70_000)],
    ] as const) {
      served = text
      const page = await ask({ request_uri: uri })
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
    }
  })
})

describe('section 6, what is refused', () => {
  it('6.2 an object that is not signed by the client is invalid_request_object, told by a redirect where that is safe', async () => {
    const request = await build({}, otherKeys)
    const answer = await ask({ request, redirect_uri: redirectUri, state: 's' })
    expect(Object.fromEntries(answer.callback)).toMatchObject({ error: 'invalid_request_object', state: 's' })
    const nowhere = await ask({ request })
    expect([nowhere.status, nowhere.headers.get('location')]).toEqual([400, null])
  })

  it('6.1 an encrypted object is refused: no key for it is published', async () => {
    const five = `${Buffer.from('{"alg":"ECDH-ES","enc":"A128GCM"}').toString('base64url')}..a.b.c`
    const answer = await ask({ request: five, redirect_uri: redirectUri })
    expect(answer.callback.get('error')).toBe('invalid_request_object')
    const metadata = await provider.metadata()
    expect(metadata).not.toHaveProperty('request_object_encryption_alg_values_supported')
  })

  it('6.2 half of a character in the state is told, and no error of ours', async () => {
    const request = await build({ state: '\ud83d' })
    const answer = await ask({ request, redirect_uri: redirectUri })
    expect([answer.status, answer.callback.get('error')]).toEqual([303, 'invalid_request_object'])
    expect((await provider.post('/oauth/par', { request })).body.error).toBe('invalid_request_object')
  })

  it('10.5 a client that must sign cannot leave it, by whatever way', async () => {
    const plain = await provider.authorize({ client_id: 'signed' })
    expect(plain.callback.get('error')).toBe('invalid_request')
    const form = provider.parameters({ client_id: undefined })

    const pushed = await provider.post('/oauth/par', form, basic('signed', 'web-secret'))
    expect(pushed.body.error).toBe('invalid_request')
    const signed = await build({ iss: 'signed', client_id: 'signed' })
    expect((await ask({ request: signed }, 'signed')).callback.get('code')).toMatch(/^ghc_/)
    const good = await provider.post('/oauth/par', { request: signed }, basic('signed', 'web-secret'))
    expect(good.status).toBe(201)
    const answer = await ask({ request_uri: good.body.request_uri ?? '' }, 'signed')
    expect(answer.callback.get('code')).toMatch(/^ghc_/)
  })

  it('4 a client assertion is no request object, and a request object no client assertion', async () => {
    const { client_assertion = '' } = await keys.assertion('web', provider.clock.now())
    expect((await ask({ request: client_assertion })).status).toBe(400)
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    const now = provider.clock.now()
    const both = { sub: 'web', jti: 'both', exp: now + 60 }
    for (const object of [await build(), await build(both), await build(both, keys, 'JWT')]) {
      const answer = await provider.token({ ...form, client_assertion: object }, {})
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    }
    const asRequest = await ask({ request: await build({ sub: 'web' }), redirect_uri: redirectUri })
    expect(asRequest.callback.get('error')).toBe('invalid_request_object')
  })
})
