import type { ClientId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ConfiguredClient, noPermissions } from '../domain/clients.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

/** With a client of one's own beside the others. */
const restartWith = async (client: Partial<ConfiguredClient>): Promise<void> => {
  await started.close()
  const metadata = { redirect_uris: ['https://own.example.com/cb'] }
  const permissions = { ...noPermissions, firstParty: true }
  const own: Partial<ConfiguredClient> = { id: 'own-app', authMethod: 'none', secret: undefined, metadata, permissions }
  started = await startAuth({
    clients: [{ ...own, scopes: ['orders:read'], grantTypes: ['authorization_code', 'refresh_token'], ...client }],
  })
}

const json = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>

describe('POST /login', () => {
  it('answers with a pair whose access token says who, for whom and how', async () => {
    const response = await started.postJson('/login', { username: ' Alice ', password: goodPassword })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const pair = await json(response)
    expect(pair).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'orders:read orders:write' })
    expect(claimsOf(pair.access_token as string)).toMatchObject({
      iss: issuer,
      aud: issuer,
      client_id: 'first-party',
      sub: expect.stringMatching(/^usr_/),
      roles: ['clerk'],
      amr: ['pwd'],
      acr: '1',
      iat: started.clock.now(),
      exp: started.clock.now() + 300,
    })
  })

  it('grants what is both asked and allowed, and refuses where nothing is left', async () => {
    expect((await started.signIn({ scope: 'orders:read admin' })).scope).toBe('orders:read')
    const refused = await started.postJson('/login', { username: 'alice', password: goodPassword, scope: 'admin' })
    expect([refused.status, (await json(refused)).error]).toEqual([400, 'invalid_scope'])
  })

  it('issues for a known audience only', async () => {
    const pair = await started.signIn({ audience: 'https://auth.example.com/orders' })
    expect(claimsOf(pair.access_token).aud).toBe('https://auth.example.com/orders')
    const refused = await started.postJson('/login', {
      username: 'alice',
      password: goodPassword,
      audience: 'https://evil.example',
    })
    expect((await json(refused)).error).toBe('invalid_target')
  })

  it('acts for first-party clients alone', async () => {
    expect(claimsOf((await started.signIn({ client_id: 'desk-app' })).access_token).client_id).toBe('desk-app')
    for (const client_id of ['reports', 'nobody', 'usr_x']) {
      const refused = await started.postJson('/login', { username: 'alice', password: goodPassword, client_id })
      expect([refused.status, (await json(refused)).error]).toEqual([401, 'invalid_client'])
    }
  })

  it.each(['dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens'])(
    'gives a client with %s no tokens, which it could not bind, and says where it gets them',
    async (member) => {
      await restartWith({ metadata: { redirect_uris: ['https://own.example.com/cb'], [member]: true } })
      const client_id = 'own-app'
      const { refresh_token } = await started.signIn()
      for (const [path, body] of Object.entries({
        '/login': { username: 'alice', password: goodPassword, client_id },
        '/token/refresh': { refresh_token, client_id },
      })) {
        const refused = await started.postJson(path, body)
        expect(refused.status).toBe(400)
        expect(await json(refused)).toMatchObject({
          error: 'unauthorized_client',
          error_description: expect.stringContaining('/oauth/authorize'),
        })
      }
    },
  )

  it('gives no refresh token to a client that may not use one, and takes none of it', async () => {
    await restartWith({ grantTypes: ['authorization_code'] })
    const asked = { username: 'alice', password: goodPassword, client_id: 'own-app' }
    const pair = await json(await started.postJson('/login', asked))
    expect(claimsOf(pair.access_token as string).client_id).toBe('own-app')
    expect(pair).not.toHaveProperty('refresh_token')
    const { refresh_token } = await started.signIn()
    const refused = await started.postJson('/token/refresh', { refresh_token, client_id: 'own-app' })
    expect([refused.status, (await json(refused)).error]).toEqual([400, 'unauthorized_client'])
  })

  it('lets first-party origins alone read its answer', async () => {
    const from = async (origin: string) =>
      (await started.postJson('/login', { username: 'alice', password: 'x' }, { origin })).headers.get(
        'access-control-allow-origin',
      )
    expect(await from('https://app.example.com')).toBe('https://app.example.com')
    expect(await from('https://evil.example')).toBeNull()
  })
})

describe('POST /token/refresh', () => {
  it('answers with the next pair of the same session', async () => {
    const first = await started.signIn()
    const second = await json(await started.postJson('/token/refresh', { refresh_token: first.refresh_token }))
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const [before, after] = [claimsOf(first.access_token), claimsOf(second.access_token as string)]
    expect([after.sid, after.gid, after.sub, after.auth_time, after.roles]).toEqual([
      before.sid,
      before.gid,
      before.sub,
      before.auth_time,
      before.roles,
    ])
    expect(after.jti).not.toBe(before.jti)
  })

  it('narrows one access token without narrowing the grant, and loses nothing by a refusal', async () => {
    const { refresh_token } = await started.signIn()
    const wide = await started.postJson('/token/refresh', { refresh_token, scope: 'orders:read admin' })
    expect((await json(wide)).error).toBe('invalid_scope')
    const narrow = await json(await started.postJson('/token/refresh', { refresh_token, scope: 'orders:read' }))
    expect(narrow.scope).toBe('orders:read')
    const whole = await json(await started.postJson('/token/refresh', { refresh_token: narrow.refresh_token }))
    expect(whole.scope).toBe('orders:read orders:write')
  })

  it('refuses the refresh token of another client and leaves its grant as it is', async () => {
    const { refresh_token } = await started.signIn({ client_id: 'desk-app' })
    expect((await json(await started.postJson('/token/refresh', { refresh_token }))).error).toBe('invalid_grant')
    const own = await started.postJson('/token/refresh', { refresh_token, client_id: 'desk-app' })
    expect(own.status).toBe(200)
  })

  it('names the field that is missing or of the wrong type', async () => {
    expect((await json(await started.postJson('/token/refresh', {}))).error_description).toBe(
      'The field refresh_token is missing',
    )
    expect((await json(await started.postJson('/token/refresh', { refresh_token: 7 }))).error_description).toBe(
      'The field refresh_token must be string',
    )
  })
})

describe('POST /validate', () => {
  it('says what a good token says', async () => {
    const { access_token } = await started.signIn()
    expect(
      await json(await started.postJson('/validate', { token: access_token, audience: issuer, scope: 'orders:read' })),
    ).toMatchObject({
      valid: true,
      ...claimsOf(access_token),
    })
  })

  it('says why a token is not good for what is asked', async () => {
    const { access_token, refresh_token } = await started.signIn()
    const reason = async (body: object) => (await json(await started.postJson('/validate', body))).reason
    expect(await reason({ token: access_token, audience: 'https://auth.example.com/orders' })).toBe('wrong_audience')
    expect(await reason({ token: access_token, scope: 'orders:read admin' })).toBe('insufficient_scope')
    expect(await reason({ token: refresh_token })).toBe('malformed')
    expect(await reason({ token: `${access_token.slice(0, -4)}AAAA` })).toBe('bad_signature')
    started.clock.advance(300)
    expect(await reason({ token: access_token })).toBe('expired')
  })

  it('asks an authenticated service for its own audience by default', async () => {
    const forOrders = await started.signIn({ audience: 'https://auth.example.com/orders' })
    const valid = async (token: string) =>
      (await json(await started.postJson('/validate', { token }, basic('service:orders', 'orders-secret')))).valid
    expect(await valid(forOrders.access_token)).toBe(true)
    expect((await started.postJson('/validate', { token: 'x' }, basic('service:orders', 'wrong'))).status).toBe(401)
  })

  it('can be closed to strangers', async () => {
    started.auth.replaceSettings({ ...started.settings, requireClientToValidate: true })
    const { access_token } = await started.signIn()
    expect((await started.postJson('/validate', { token: access_token })).status).toBe(401)
    expect(
      (await started.postJson('/validate', { token: access_token }, basic('reports', 'reports-secret'))).status,
    ).toBe(200)
  })

  it('tells of a sealed token only to a client that answers for it: not to whoever carries it, nor to its own client', async () => {
    const orders = 'https://auth.example.com/orders'
    const { token } = started.auth.accessTokens.issue(
      { sub: 'usr_alice', client_id: 'reports' as ClientId, aud: orders, scope: 'openid' },
      seconds(300),
      'opaque',
    )
    for (const audience of [undefined, orders]) {
      const ask = (headers = {}) => started.postJson('/validate', { token, audience }, headers)
      expect((await ask()).status).toBe(401)
      const own = await json(await ask(basic('reports', 'reports-secret')))
      expect(own).toEqual({ valid: false, reason: 'wrong_audience' })
      const told = await json(await ask(basic('service:orders', 'orders-secret')))
      expect(told).toMatchObject({ valid: true, sub: 'usr_alice' })
    }
    const other = { token, audience: issuer }
    const refused = await started.postJson('/validate', other, basic('service:orders', 'orders-secret'))
    expect(await json(refused)).toEqual({ valid: false, reason: 'wrong_audience' })
  })

  it('limits failed signatures of one address, but not of a client that authenticates', async () => {
    const limited = await startAuth({ failureLimit: 3 })
    const { access_token } = await limited.signIn()
    const forged = `${access_token.slice(0, -6)}AAAAAA`
    for (let count = 0; count < 3; count += 1) {
      expect((await limited.postJson('/validate', { token: forged })).status).toBe(200)
    }
    const refused = await limited.postJson('/validate', { token: access_token })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
    expect((await limited.postJson('/validate', { token: forged }, basic('reports', 'reports-secret'))).status).toBe(
      200,
    )
    limited.clock.advance(61)
    expect((await limited.postJson('/validate', { token: access_token })).status).toBe(200)
    await limited.close()
  })
})

describe('POST /logout', () => {
  const isValid = async (token: string): Promise<unknown> =>
    (await json(await started.postJson('/validate', { token }))).valid

  it('ends everything that was issued from the session, and no other session', async () => {
    const first = await started.signIn()
    const second = await json(await started.postJson('/token/refresh', { refresh_token: first.refresh_token }))
    const other = await started.signIn()
    const response = await started.postJson('/logout', {}, { authorization: `Bearer ${first.access_token}` })
    expect(response.status).toBe(204)
    expect(await isValid(first.access_token)).toBe(false)
    expect(await isValid(second.access_token as string)).toBe(false)
    expect((await started.postJson('/token/refresh', { refresh_token: second.refresh_token })).status).toBe(400)
    expect(await isValid(other.access_token)).toBe(true)
    expect((await started.postJson('/token/refresh', { refresh_token: other.refresh_token })).status).toBe(200)
  })

  it('is answered although the others cannot be told of it: they look for themselves', async () => {
    await started.close()
    started = await startAuth({ hint: () => Promise.reject(new Error('the connection broke')) })
    const { access_token } = await started.signIn()
    const headers = { authorization: `Bearer ${access_token}` }
    expect((await started.postJson('/logout', {}, headers)).status).toBe(204)
    expect((await started.postJson('/logout', {}, headers)).status).toBe(401)
  })

  it('takes a refresh token too, and no body where the header says who', async () => {
    const first = await started.signIn()
    expect((await started.postJson('/logout', { refresh_token: first.refresh_token })).status).toBe(204)
    expect(await isValid(first.access_token)).toBe(false)
    const second = await started.signIn()
    const bare = await fetch(`${started.url}/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${second.access_token}` },
    })
    expect(bare.status).toBe(204)
  })

  it('takes the client’s name, as a refresh does, and ends only what is that client’s', async () => {
    const { refresh_token } = await started.signIn()
    const other = await started.postJson('/logout', { refresh_token, client_id: 'another' })
    expect([other.status, (await json(other)).error]).toEqual([400, 'invalid_grant'])
    expect((await started.postJson('/logout', { refresh_token, client_id: 'first-party' })).status).toBe(204)
    expect((await started.postJson('/token/refresh', { refresh_token })).status).toBe(400)
  })

  it('refuses without credentials, with bad ones, and with a token that has no session', async () => {
    expect((await started.postJson('/logout', {})).status).toBe(401)
    const bad = await started.postJson('/logout', {}, { authorization: 'Bearer x.y.z' })
    expect([bad.status, bad.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('invalid_token')])
    expect((await started.postJson('/logout', { refresh_token: 'ghr_x' })).status).toBe(400)
    const machine = await json(
      await started.postForm('/oauth/token', { grant_type: 'client_credentials' }, basic('reports', 'reports-secret')),
    )
    expect((await started.postJson('/logout', {}, { authorization: `Bearer ${machine.access_token}` })).status).toBe(
      403,
    )
  })

  it('keeps revocations for as long as the last token can live', async () => {
    const first = await started.signIn()
    started.clock.advance(200)
    await started.postJson('/token/refresh', { refresh_token: first.refresh_token })
    await started.postJson('/logout', { refresh_token: first.refresh_token })
    const entries = await started.store.revocations.from(0, 10)
    expect(entries.map(({ kind }) => kind).sort()).toEqual(['gid', 'sid'])
    for (const entry of entries) expect(entry.expires_at).toBeGreaterThanOrEqual(started.clock.now() + 300)
  })
})
