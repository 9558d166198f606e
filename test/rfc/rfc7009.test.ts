import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Provider, spa, startProvider, web } from './provider.ts'

// Revocation: what protocol/protocol.test.ts does not show.

let provider: Provider
beforeAll(async () => {
  const opaque = { ...web.permissions, accessTokenFormat: 'opaque' } as const
  provider = await startProvider({}, [
    { ...web, id: 'other', secret: 'other-secret' },
    { ...web, id: 'sealed', permissions: opaque },
  ])
})
afterAll(() => provider.close())

const revoke = async (token: string | undefined, form = {}, headers?: Record<string, string>): Promise<number> =>
  (await provider.post('/oauth/revoke', { token, ...form }, headers)).status
const isActive = async (token: string | undefined): Promise<unknown> => (await provider.introspect(token)).active
const scope = 'openid offline_access orders:read'

describe('section 2.1, the request', () => {
  it('2.1 revoking is for clients that prove themselves', async () => {
    const { access_token } = await provider.tokens({ scope })
    expect(await revoke(access_token, {}, {})).toBe(401)
    expect(await revoke(access_token, {}, basic('web', 'wrong'))).toBe(401)
    expect(await revoke(access_token, { client_id: 'web' }, {})).toBe(401)
    expect(await isActive(access_token)).toBe(true)
  })

  it('2.1 a public client names itself and revokes what is its own', async () => {
    const code = (await provider.authorize({ client_id: spa.id, scope })).callback.get('code')
    const { body } = await provider.exchange(code, { client_id: spa.id }, {})
    expect(await revoke(body.access_token, { client_id: spa.id }, {})).toBe(200)
    expect((await provider.userinfo(body.access_token ?? '')).status).toBe(401)
  })

  it.each(['access_token', 'refresh_token', 'id_token', 'nonsense', undefined])(
    '2.1 the hint %s is only a hint',
    async (token_type_hint) => {
      const { access_token, refresh_token } = await provider.tokens({ scope })
      expect(await revoke(access_token, { token_type_hint })).toBe(200)
      expect(await isActive(access_token)).toBe(false)
      expect(await isActive(refresh_token)).toBe(true)
      expect(await revoke(refresh_token, { token_type_hint })).toBe(200)
      expect(await isActive(refresh_token)).toBe(false)
    },
  )

  it('2.1 a revoked refresh token takes its access tokens along, an access token takes nothing', async () => {
    const { access_token, refresh_token } = await provider.tokens({ scope })
    const next = await provider.token({ grant_type: 'refresh_token', refresh_token })
    expect(await revoke(access_token)).toBe(200)
    expect(await isActive(next.body.access_token)).toBe(true)
    expect(await revoke(next.body.refresh_token)).toBe(200)
    expect(await isActive(next.body.access_token)).toBe(false)
    const again = await provider.token({ grant_type: 'refresh_token', refresh_token: next.body.refresh_token })
    expect(again.body.error).toBe('invalid_grant')
  })

  it('2.1 an opaque access token can be revoked like any other', async () => {
    const code = (await provider.authorize({ client_id: 'sealed' })).callback.get('code')
    const asSealed = basic('sealed', 'web-secret')
    const { access_token = '' } = (await provider.exchange(code, {}, asSealed)).body
    expect(access_token).toMatch(/^gha_/)
    expect((await provider.userinfo(access_token)).status).toBe(200)
    expect(await revoke(access_token, {}, asSealed)).toBe(200)
    expect((await provider.userinfo(access_token)).status).toBe(401)
  })
})

describe('section 2.2, the answer', () => {
  it('2.2 the answer is 200 for what is unknown, over, revoked before or another client’s', async () => {
    const { access_token } = await provider.tokens({ scope })
    expect(await revoke(access_token, {}, basic('other', 'other-secret'))).toBe(200)
    expect(await isActive(access_token)).toBe(true)
    for (const _ of [1, 2]) expect(await revoke(access_token)).toBe(200)
    for (const token of ['x', 'ghr_x', 'a.b.c', 'gha_x']) expect(await revoke(token)).toBe(200)
  })

  it('2.2.1 unsupported_token_type does not arise: both kinds of tokens can be revoked; what is neither, is unknown', async () => {
    const { id_token } = await provider.tokens({ scope })
    expect(await revoke(id_token)).toBe(200)
    expect(await revoke(undefined)).toBe(400)
  })
})

it('2.3 a page of any origin may call it, without cookies', async () => {
  const answer = await provider.post(
    '/oauth/revoke',
    { token: 'x' },
    { ...basic('web', 'web-secret'), origin: 'https://a.example' },
  )
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
})
