import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Provider, redirectUri, startProvider } from './provider.ts'

// Looking after a registration: what protocol/register.test.ts does not show.

let provider: Provider
beforeAll(async () => {
  const registration = { ...noRegistration, mode: 'open', grantTypes: ['authorization_code', 'refresh_token'] } as const
  provider = await startProvider({}, [], { settings: { registration } })
})
afterAll(() => provider.close())

const register = async (said: object) => {
  const response = await provider.postJson('/oauth/register', said)
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
const app = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access orders:read',
}

describe('section 2, the configuration endpoint', () => {
  const manage = async (method: string, client: Record<string, string>, body?: object) =>
    fetch(`${provider.url}/oauth/register?client_id=${client.client_id}`, {
      method,
      headers: {
        authorization: `Bearer ${client.registration_access_token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })

  it('2.2 a replacement gives no more than a registration could', async () => {
    const { body } = await register(app)
    const wider = { client_id: body.client_id, ...app, scope: 'openid orders:read orders:write admin' }
    const replaced = (await (await manage('PUT', body, wider)).json()) as Record<string, string>
    expect(replaced.scope).toBe('openid orders:read')
    const bad = await manage('PUT', body, { client_id: body.client_id, ...app, redirect_uris: ['javascript:alert(1)'] })
    expect(bad.status).toBe(400)
    const still = (await (await manage('GET', body)).json()) as Record<string, unknown>
    expect(still.redirect_uris).toEqual(app.redirect_uris)
  })

  it('2.3 deleting it ends its grants and its tokens', async () => {
    const { body } = await register(app)
    const headers = basic(body.client_id ?? '', body.client_secret ?? '')
    const answer = await provider.authorize({ client_id: body.client_id, scope: app.scope })
    const tokens = (await provider.exchange(answer.callback.get('code'), {}, headers)).body
    expect((await provider.userinfo(tokens.access_token ?? '')).status).toBe(200)
    expect((await manage('DELETE', body)).status).toBe(204)
    expect((await provider.userinfo(tokens.access_token ?? '')).status).toBe(401)
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    expect((await provider.token(refresh, headers)).body.error).toBe('invalid_client')
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await manage(method, body, method === 'PUT' ? app : undefined)).status, method).toBe(401)
  })
})
