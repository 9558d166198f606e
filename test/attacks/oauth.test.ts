import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setUserStatus } from '@gatehouse/auth/domain/users'
import { openStore } from '@gatehouse/store/store'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClientKeys } from '../rfc/client-keys.ts'
import { basic, claimsOf, issuer, type Provider, redirectUri, startProvider, web } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'

/** Attacks on the protocol. A refusal is no error of ours, writes one audit event at the most, and costs nobody anything. */

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-oauth-'))
afterAll(() => rmSync(folder, { recursive: true }))

const keys = createClientKeys()
const keyed = {
  ...web,
  id: 'keyed',
  authMethod: 'private_key_jwt' as const,
  secret: undefined,
  secretEitherWay: false,
  jwks: keys.jwks,
}
let provider: Provider
beforeEach(async () => {
  provider = await startProvider({}, [
    { ...web, id: 'other', secret: 'other-secret' },
    { ...web, id: 'greedy', scopes: ['openid', 'orders:read'] },
    keyed,
  ])
})
afterEach(() => provider.close())

const asOther = basic('other', 'other-secret')
const offline = 'openid offline_access orders:read'
const isValid = async (token: string | undefined): Promise<boolean> =>
  ((await (await provider.postJson('/validate', { token })).json()) as { valid: boolean }).valid
const refresh = (refresh_token: string | undefined, headers?: Record<string, string>) =>
  provider.token({ grant_type: 'refresh_token', refresh_token }, headers)

describe('codes and refresh tokens in the wrong hands', () => {
  it('a code that another client presents is lost to both, and says nothing', async () => {
    const code = (await provider.authorize()).callback.get('code')
    const stolen = await refusing(provider, () => provider.exchange(code, {}, asOther))
    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await provider.exchange(code)).body.error).toBe('invalid_grant')
  })

  it('a used code that another client presents ends nothing of the first one’s', async () => {
    const code = (await provider.authorize({ scope: offline })).callback.get('code')
    const { body } = await provider.exchange(code)
    expect((await refusing(provider, () => provider.exchange(code, {}, asOther))).body.error).toBe('invalid_grant')
    expect(await isValid(body.access_token)).toBe(true)
    expect((await refresh(body.refresh_token)).status).toBe(200)
  })

  it('a refresh token that another client presents ends nothing, also when it has been used', async () => {
    const { refresh_token } = await provider.tokens({ scope: offline })
    const next = (await refresh(refresh_token)).body.refresh_token
    for (const token of [refresh_token, next]) {
      const stolen = await refusing(provider, () => refresh(token, asOther))
      expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    }
    expect((await refresh(next)).status).toBe(200)
  })

  it('a replayed code ends what it gave, with one event', async () => {
    const code = (await provider.authorize({ scope: offline })).callback.get('code')
    const { body } = await provider.exchange(code)
    const replayed = await refusing(provider, () => provider.exchange(code))
    expect(replayed.body.error).toBe('invalid_grant')
    expect(await isValid(body.access_token)).toBe(false)
    expect((await refresh(body.refresh_token)).body.error).toBe('invalid_grant')
    const events = await provider.store.audit.list({ limit: 10, type: 'code_reused' })
    expect(events).toHaveLength(1)
  })

  it('a replayed code that has given no grant is one event too, however often it comes and in however many requests', async () => {
    const code = (await provider.authorize({ scope: offline })).callback.get('code')
    await refusing(provider, () => provider.exchange(code, { redirect_uri: 'https://elsewhere.example/cb' }))
    const replays = [1, 2, 3].map(() => refusing(provider, () => provider.exchange(code)))
    for (const { body } of await Promise.all(replays)) expect(body.error).toBe('invalid_grant')
    await refusing(provider, () => provider.exchange(code))
    const events = await provider.store.audit.list({ limit: 10, type: 'code_reused' })
    expect(events).toEqual([expect.objectContaining({ result: 'no_grant', client_id: expect.any(String) })])
  })

  it('a code does not outlive its user or its session', async () => {
    const { id } = (await provider.store.users.findByCanonicalName('alice')) ?? { id: '' as never }
    const afterLogout = (await provider.authorize()).callback.get('code')
    await provider.browser.submit(await provider.browser.get('/oauth/logout'), {})
    expect((await provider.exchange(afterLogout)).body.error).toBe('invalid_grant')
    const code = (await provider.authorize({ scope: offline })).callback.get('code')
    const { refresh_token, access_token } = await provider.tokens({ scope: offline })
    await setUserStatus({ ...provider, ...provider.auth }, { id, status: 'disabled' }, { actor: 'test' })
    expect((await refusing(provider, () => provider.exchange(code))).body.error).toBe('invalid_grant')
    expect((await refusing(provider, () => refresh(refresh_token))).body.error).toBe('invalid_grant')
    expect((await provider.userinfo(access_token ?? '')).status).toBe(401)
    expect(await provider.introspect(access_token)).toEqual({ active: false })
  })

  it('a client that is taken out gets no more tokens, and its users none for it', async () => {
    const { access_token, refresh_token } = await provider.tokens({ scope: offline })
    const page = await provider.newBrowser().get(provider.authorizePath())
    const clients = provider.settings.clients.filter(({ id }) => id !== 'web')
    provider.auth.replaceSettings({ ...provider.settings, clients })
    expect((await refusing(provider, () => provider.token({ grant_type: 'client_credentials' }))).status).toBe(401)
    expect((await refusing(provider, () => refresh(refresh_token))).body.error).toBe('invalid_client')
    expect((await provider.userinfo(access_token ?? '')).status).toBe(401)
    const gone = await provider.browser.get(page.url.replace(provider.url, ''))
    expect([404, 400]).toContain(gone.status)
  })
})

describe('what is used once', () => {
  it('a client assertion is refused the second time, in another process of the same database too', async () => {
    const url = join(folder, 'assertions.db')
    const { clock } = provider
    const startProcess = async () => startProvider({}, [keyed], { clock, store: await openStore({ url, clock }) })
    const processes = [await startProcess(), await startProcess()]
    const form = { grant_type: 'client_credentials', ...(await keys.assertion('keyed', clock.now())) }
    const statuses: number[] = []
    for (const one of [...processes, ...processes]) statuses.push((await one.token(form, {})).status)
    expect(statuses).toEqual([200, 401, 401, 401])
    for (const one of processes) await one.close()
  })

  it('a refused assertion does not use its jti up', async () => {
    const now = provider.clock.now()
    const wrong = { ...(await keys.assertion('keyed', now, { jti: 'kept', aud: 'https://other.test' })) }
    expect((await provider.token({ grant_type: 'client_credentials', ...wrong }, {})).status).toBe(401)
    const right = { ...(await keys.assertion('keyed', now, { jti: 'kept' })) }
    expect((await provider.token({ grant_type: 'client_credentials', ...right }, {})).status).toBe(200)
  })
})

describe('state that a browser could tamper with', () => {
  it('is not in the browser: fields beside the form’s own change nothing', async () => {
    const page = await provider.browser.get(provider.authorizePath())
    const tampered = {
      response_type: 'token',
      redirect_uri: 'https://evil.test/cb',
      client_id: 'other',
      scope: 'openid orders:read orders:write',
      response_mode: 'fragment',
    }
    const answer = await provider.browser.submit(page, {
      username: 'alice',
      password: 'correct horse battery',
      ...tampered,
    })
    expect(answer.headers.get('location')).toMatch(/^https:\/\/app\.example\.com\/cb\?code=/)
    const { body } = await provider.exchange(answer.callback.get('code'))
    expect([body.scope, claimsOf(body.access_token ?? '').client_id]).toEqual(['openid orders:read', 'web'])
  })

  it('a second use of an answered flow gives nothing', async () => {
    const page = await provider.browser.get(provider.authorizePath())
    const fields = { username: 'alice', password: 'correct horse battery' }
    expect((await provider.browser.submit(page, fields)).callback.has('code')).toBe(true)
    const again = await refusing(provider, () => provider.browser.submit(page, fields))
    expect([again.status, again.callback.has('code')]).toEqual([404, false])
  })
})

describe('names that could be mistaken', () => {
  it('a client cannot have the id of a user, and its tokens speak for no user', async () => {
    const form = { grant_type: 'client_credentials', scope: 'openid orders:read' }
    const { access_token = '', scope } = (await provider.token(form, basic('greedy', 'web-secret'))).body
    expect([scope, claimsOf(access_token).sub]).toEqual(['openid orders:read', 'greedy'])
    expect((await provider.userinfo(access_token)).status).toBe(403)
    const page = await provider.browser.get(provider.authorizePath({ client_id: 'usr_AAAAAAAAAAAAAAAAAAAAAA' }))
    expect(page.status).toBe(400)
  })

  it('a client id is compared as it is', async () => {
    for (const client_id of [
      'Web',
      'web ',
      ' web',
      'web\u0000',
      'we%62',
      '__proto__',
      'constructor',
      'toString',
      'x'.repeat(5000),
    ]) {
      const page = await refusing(provider, () => provider.browser.get(provider.authorizePath({ client_id })))
      expect([page.status, page.headers.get('location')], client_id.slice(0, 20)).toEqual([400, null])
      const token = await refusing(provider, () =>
        provider.token({ grant_type: 'client_credentials' }, basic(client_id, 'web-secret')),
      )
      expect(token.status, client_id.slice(0, 20)).toBe(401)
    }
  })

  it('the issuer of an answer is the configured one, whatever host was asked', async () => {
    const page = await fetch(`${provider.url}${provider.authorizePath({ prompt: 'none' })}`, {
      redirect: 'manual',
      headers: { 'x-forwarded-host': 'evil.test', forwarded: 'host=evil.test;proto=http' },
    })
    expect(page.headers.get('location')).toContain(`iss=${encodeURIComponent(issuer)}`)
    expect(page.headers.get('location')?.startsWith(redirectUri)).toBe(true)
  })
})

describe('origins', () => {
  it('the authorization endpoint and the pages answer no page of another origin', async () => {
    for (const path of [provider.authorizePath(), '/login', '/consent', '/oauth/logout', '/device']) {
      const answer = await fetch(provider.url + path, { redirect: 'manual', headers: { origin: 'https://evil.test' } })
      expect(answer.headers.get('access-control-allow-origin'), path).toBeNull()
      const preflight = await fetch(provider.url + path, {
        method: 'OPTIONS',
        headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' },
      })
      expect(preflight.headers.get('access-control-allow-origin'), path).toBeNull()
    }
  })

  it('what may be called by scripts is never called with cookies', async () => {
    for (const path of ['/oauth/token', '/oauth/userinfo', '/oauth/revoke', '/oauth/par', '/.well-known/jwks.json']) {
      const answer = await fetch(provider.url + path, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://a.example',
          'access-control-request-method': path.includes('jwks') ? 'GET' : 'POST',
        },
      })
      expect([answer.status, answer.headers.get('access-control-allow-origin')], path).toEqual([204, '*'])
      expect(answer.headers.get('access-control-allow-credentials'), path).toBeNull()
    }
  })
})
