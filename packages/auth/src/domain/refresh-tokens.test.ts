import { seconds } from '@gatehouse/core/time'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimsOf, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { parseRefreshToken } from './refresh-tokens.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const refresh = async (refresh_token: string): Promise<{ status: number; token: string; access: string }> => {
  const response = await started.postJson('/token/refresh', { refresh_token })
  const body = (await response.json()) as { refresh_token?: string; access_token?: string }
  return { status: response.status, token: body.refresh_token ?? '', access: body.access_token ?? '' }
}
const auditTypes = async (): Promise<string[]> =>
  (await started.store.audit.list({ limit: 100 })).map(({ type }) => type)

describe('a refresh token', () => {
  it('is read in one spelling only', async () => {
    const { refresh_token } = await started.signIn()
    expect(parseRefreshToken(refresh_token)?.generation).toBe(1)
    const [head = '', generation = '', mac = ''] = refresh_token.split('.')
    const spellings = [
      '',
      refresh_token.toUpperCase(),
      `${refresh_token} `,
      `${refresh_token}=`,
      `${head}.01.${mac}`,
      `${head}.0.${mac}`,
      `${head}.-1.${mac}`,
      `${head}.${generation}.${mac.slice(0, -1)}`,
      `${head}.${generation}.${mac.slice(0, -1)}${mac.endsWith('B') ? 'C' : 'B'}`,
      `${head}.${generation}`,
      `${'9'.repeat(5000)}`,
    ]
    for (const spelling of spellings) {
      const parsed = parseRefreshToken(spelling)
      if (parsed) expect((await refresh(spelling)).status).toBe(400)
      else expect(parsed).toBeUndefined()
    }
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  it('with a wrong MAC changes nothing, whatever generation it claims', async () => {
    const { refresh_token } = await started.signIn()
    const [head = '', , mac = ''] = refresh_token.split('.')
    for (const generation of [1, 2, 3, 999]) {
      const forged = `${head}.${generation}.${generation === 1 ? mac.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) : mac}`
      expect((await refresh(forged)).status).toBe(400)
    }
    expect(await auditTypes()).not.toContain('refresh_token_theft')
    expect((await refresh(refresh_token)).status).toBe(200)
  })
})

describe('rotation', () => {
  it('gives a retry within the window the same successor', async () => {
    const { refresh_token } = await started.signIn()
    const first = await refresh(refresh_token)
    started.clock.advance(30)
    const retry = await refresh(refresh_token)
    expect(retry.token).toBe(first.token)
    expect(claimsOf(retry.access).gid).toBe(claimsOf(first.access).gid)
    expect((await refresh(first.token)).status).toBe(200)
  })

  it('takes the previous token after the window as theft: the grant ends, and with it every token', async () => {
    const { refresh_token } = await started.signIn()
    const first = await refresh(refresh_token)
    started.clock.advance(31)
    expect((await refresh(refresh_token)).status).toBe(400)
    expect(await auditTypes()).toContain('refresh_token_theft')
    expect((await refresh(first.token)).status).toBe(400)
    const validation = await (await started.postJson('/validate', { token: first.access })).json()
    expect(validation).toEqual({ valid: false, reason: 'revoked' })
  })

  it('takes it as theft also with a proof of a key, which is nothing that the grant knows of', async () => {
    const { refresh_token } = await started.signIn()
    await refresh(refresh_token)
    started.clock.advance(31)
    const nonce = started.auth.dpop.nonces.current()
    const dpop = createTestProver().proof({ iat: started.clock.now(), nonce })
    const form = { grant_type: 'refresh_token', refresh_token, client_id: 'first-party' }
    const response = await started.postForm('/oauth/token', form, { dpop })
    expect([response.status, (await response.json()) as object]).toMatchObject([400, { error: 'invalid_grant' }])
    expect(await auditTypes()).toContain('refresh_token_theft')
  })

  it('takes anything older as theft, also within the window', async () => {
    const { refresh_token } = await started.signIn()
    const second = await refresh(refresh_token)
    const third = await refresh(second.token)
    expect((await refresh(refresh_token)).status).toBe(400)
    expect((await refresh(third.token)).status).toBe(400)
    expect(await auditTypes()).toContain('refresh_token_theft')
  })

  it('gives it again where the clock was set back a little', async () => {
    const { refresh_token } = await started.signIn()
    const first = await refresh(refresh_token)
    started.clock.advance(-60)
    expect((await refresh(refresh_token)).token).toBe(first.token)
  })

  it('refuses while the clock is behind the last rotation, without calling it theft', async () => {
    const { refresh_token } = await started.signIn()
    const second = await refresh(refresh_token)
    started.clock.advance(-61)
    expect((await refresh(refresh_token)).status).toBe(400)
    expect(await auditTypes()).not.toContain('refresh_token_theft')
    started.clock.advance(61)
    expect((await refresh(second.token)).status).toBe(200)
  })

  it('ends a grant whose token is newer than the database: a backup was restored', async () => {
    const { refresh_token } = await started.signIn()
    const grant = parseRefreshToken(refresh_token)
    const rows = await started.store.grants.find(grant?.grant ?? ('' as never))
    const second = await refresh(refresh_token)
    const third = await refresh(second.token)
    // What a restored backup looks like: the row as it was, its tokens of later generations still out there.
    await started.store.grants.end(rows?.id ?? ('' as never))
    if (rows) await started.store.grants.insert(rows)
    expect((await refresh(third.token)).status).toBe(400)
    expect(await auditTypes()).toContain('refresh_token_from_future')
    expect(await started.store.grants.find(rows?.id ?? ('' as never))).toBeUndefined()
  })

  it('leaves revocations that outlive its tokens, also where the lifetime was raised before a retry', async () => {
    const { refresh_token } = await started.signIn()
    expect((await refresh(refresh_token)).status).toBe(200)
    const lifetimes = { ...started.settings.lifetimes, accessToken: seconds(7200) }
    started.auth.replaceSettings({ ...started.settings, lifetimes })
    const retried = await refresh(refresh_token)
    const headers = { authorization: `Bearer ${retried.access}` }
    expect((await started.postJson('/logout', {}, headers)).status).toBe(204)
    started.clock.advance(3600)
    await started.auth.revocations.follow()
    expect(await (await started.postJson('/validate', { token: retried.access })).json()).toEqual({
      valid: false,
      reason: 'revoked',
    })
  })

  it('ends by idleness, and by age however often it is used', async () => {
    const idle = await started.signIn()
    started.clock.advance(86_400)
    expect((await refresh(idle.refresh_token)).status).toBe(400)

    let { refresh_token: token } = await started.signIn()
    for (let day = 0; day < 29; day += 1) {
      started.clock.advance(86_000)
      token = (await refresh(token)).token
      expect(token).not.toBe('')
    }
    started.clock.advance(86_000)
    expect((await refresh(token)).status).toBe(200)
    started.clock.advance(86_000)
    expect((await refresh(token)).status).toBe(400)
  })

  it('grows no row however often it happens', async () => {
    let { refresh_token: token } = await started.signIn()
    const before = (await started.store.audit.list({ limit: 1000 })).length
    for (let count = 0; count < 50; count += 1) token = (await refresh(token)).token
    expect((await started.store.audit.list({ limit: 1000 })).length).toBe(before)
    expect((await started.store.grants.find(parseRefreshToken(token)?.grant ?? ('' as never)))?.generation).toBe(51)
  })
})
