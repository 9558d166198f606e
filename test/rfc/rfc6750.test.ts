import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Provider, startProvider } from './provider.ts'

// Bearer tokens at Gatehouse's own protected resource, userinfo; the gateway's are in packages/gateway.

let provider: Provider
let token: string
beforeAll(async () => {
  provider = await startProvider()
  token = (await provider.tokens()).access_token ?? ''
})
afterAll(() => provider.close())

const at = (path: string, init: RequestInit = {}): Promise<Response> => fetch(provider.url + path, init)
const authorization = (): Record<string, string> => ({ authorization: `Bearer ${token}` })

describe('section 2, ways to send a token', () => {
  it('2.1 a token is taken in the header, with the scheme in any case', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect((await at('/oauth/userinfo', { headers: { authorization: `${scheme} ${token}` } })).status).toBe(200)
  })

  it('2.2 a token is taken in a form that is posted, and only with the type of a form', async () => {
    expect((await provider.post('/oauth/userinfo', { access_token: token }, {})).status).toBe(200)
    const json = await provider.postJson('/oauth/userinfo', { access_token: token })
    expect(json.status).toBe(400)
  })

  it('2.3 a token is never taken in the query', async () => {
    expect((await at(`/oauth/userinfo?access_token=${token}`)).status).toBe(401)
    expect((await provider.post(`/oauth/userinfo?access_token=${token}`, {}, {})).status).toBe(400)
  })

  it('2 a token is never taken in two ways at once', async () => {
    const both = await provider.post('/oauth/userinfo', { access_token: token }, authorization())
    expect(both).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })
})

describe('section 3, challenges', () => {
  it('3 without a token there is a challenge and no error in it', async () => {
    const answer = await at('/oauth/userinfo')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="gatehouse"')
  })

  it('3.1 a bad token is 401 invalid_token', async () => {
    const answer = await provider.userinfo(token.slice(0, -2) + (token.endsWith('AA') ? 'BA' : 'AA'))
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
  })

  it('3.1 a token without the scope is 403 insufficient_scope, with the scope that would do', async () => {
    const { access_token = '' } = await provider.tokens({ scope: 'orders:read' })
    const answer = await provider.userinfo(access_token)
    expect(answer).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/error="insufficient_scope", scope="openid"/)
  })

  it('5.3 what a token opens is kept by no cache', async () => {
    expect((await provider.userinfo(token)).headers.get('cache-control')).toBe('no-store')
  })
})
