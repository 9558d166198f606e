import type { GrantId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { replaceRecoveryCodes } from '../domain/recovery-codes.ts'
import { parseRefreshToken } from '../domain/refresh-tokens.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { addTotp, currentCode } from '../testing/totp.ts'

const redirectUri = 'https://app.example.com/cb'
const pkce = newPkce()
const asWeb = basic('web', 'web-secret')
const hour = 3600
const [strong, weak] = [
  { acr: '2', amr: ['pwd', 'otp', 'mfa'] },
  { acr: '1', amr: ['pwd'] },
]

let started: StartedAuth
let browser: TestBrowser
let secret: string
afterEach(() => started.close())

type Tokens = Record<string, string>

async function start(factorIdle: number | null = hour): Promise<void> {
  const limits = { browserIdle: seconds(30 * 86_400), secondFactor: seconds(86_400), perUser: 100 }
  started = await startAuth({
    settings: { sessionLimits: { ...limits, factorIdle: factorIdle === null ? null : seconds(factorIdle) } },
    clients: [
      {
        id: 'web',
        secret: 'web-secret',
        grantTypes: ['authorization_code', 'refresh_token'],
        metadata: { redirect_uris: [redirectUri] },
        permissions: { ...noPermissions, skipConsent: true },
      },
    ],
  })
  secret = await addTotp(started, 'alice')
  browser = new TestBrowser(started.url, issuer)
}

const authorize = (more: Record<string, string> = {}): Promise<ShownPage> => {
  const asked = { client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'openid offline_access' }
  const proof = { code_challenge: pkce.challenge, code_challenge_method: 'S256' }
  return browser.get(`/oauth/authorize?${new URLSearchParams({ ...asked, ...proof, ...more })}`)
}
const token = async (form: Tokens): Promise<Tokens> =>
  (await (await started.postForm('/oauth/token', form, asWeb)).json()) as Tokens
const exchange = (page: ShownPage): Promise<Tokens> =>
  token({
    ...{ grant_type: 'authorization_code', code: page.callback.get('code') ?? '' },
    ...{ redirect_uri: redirectUri, code_verifier: pkce.verifier },
  })
const refresh = (refresh_token = ''): Promise<Tokens> => token({ grant_type: 'refresh_token', refresh_token })
const told = ({ access_token = '' }: Tokens) => claimsOf(access_token)
const showFactor = (page: ShownPage): Promise<ShownPage> => browser.submit(page, { code: currentCode(started, secret) })
const signIn = async (): Promise<Tokens> =>
  exchange(await showFactor(await browser.signIn(await authorize(), 'alice', goodPassword)))
const acrAtIntrospection = async ({ refresh_token = '' }: Tokens): Promise<unknown> =>
  ((await (await started.postForm('/oauth/introspect', { token: refresh_token }, asWeb)).json()) as Tokens).acr
const grantOf = ({ refresh_token = '' }: Tokens) =>
  started.store.grants.find(parseRefreshToken(refresh_token)?.grant ?? ('' as GrantId))

describe('a second factor in a grant', () => {
  it('counts while it is refreshed within the hour, and no longer, for good, once it was not', async () => {
    await start()
    let tokens = await signIn()
    for (let turn = 0; turn < 3; turn += 1) {
      started.clock.advance(hour)
      expect(await acrAtIntrospection(tokens)).toBe('2')
      tokens = await refresh(tokens.refresh_token)
      for (const one of [tokens.access_token, tokens.id_token]) expect(claimsOf(one ?? '')).toMatchObject(strong)
    }
    started.clock.advance(hour + 1)
    expect(await acrAtIntrospection(tokens)).toBe('1')
    for (let turn = 0; turn < 3; turn += 1) {
      tokens = await refresh(tokens.refresh_token)
      for (const one of [tokens.access_token, tokens.id_token]) expect(claimsOf(one ?? '')).toMatchObject(weak)
      expect(await acrAtIntrospection(tokens)).toBe('1')
      started.clock.advance(60)
    }
    // How it began stands in the row: roles rest on that.
    expect(await grantOf(tokens)).toMatchObject({ acr: '2', factor_at: 0 })
    const again = await exchange(await showFactor(await authorize({ acr_values: '2' })))
    expect(told(again)).toMatchObject(strong)
    expect(told(await refresh(again.refresh_token))).toMatchObject(strong)
    expect(told(await refresh(tokens.refresh_token))).toMatchObject(weak)
  })

  it('is the same for a retry, at once and long after', async () => {
    await start()
    const first = await signIn()
    started.clock.advance(hour + 1)
    const answers = await Promise.all([refresh(first.refresh_token), refresh(first.refresh_token)])
    for (const answer of [...answers, await refresh(first.refresh_token)]) expect(told(answer)).toMatchObject(weak)

    const second = await exchange(await showFactor(await authorize({ acr_values: '2' })))
    const lost = await refresh(second.refresh_token)
    started.clock.advance(hour)
    expect(told(await refresh(second.refresh_token))).toMatchObject(strong)
    started.clock.advance(1)
    // The retry is the use that comes too late: what was lost counts no more than it.
    expect(told(await refresh(second.refresh_token))).toMatchObject(weak)
    expect(told(await refresh(lost.refresh_token))).toMatchObject(weak)
  })

  it('counts no longer where the clock was set back, by more than the clocks of two machines may differ', async () => {
    await start()
    let tokens = await signIn()
    started.clock.set(-60)
    tokens = await refresh(tokens.refresh_token)
    expect(told(tokens)).toMatchObject(strong)
    started.clock.set(-61)
    tokens = await refresh(tokens.refresh_token)
    expect(told(tokens)).toMatchObject(weak)
  })

  it('goes on to count where that is not asked for', async () => {
    await start(null)
    const tokens = await signIn()
    started.clock.advance(20 * hour)
    expect(await acrAtIntrospection(tokens)).toBe('2')
    expect(told(await refresh(tokens.refresh_token))).toMatchObject(strong)
    expect((await authorize({ acr_values: '2' })).callback.has('code')).toBe(true)
  })

  it('is the same in what was signed in over the JSON API', async () => {
    await start()
    const asked = await started.postJson('/login', { username: 'alice', password: goodPassword })
    const { mfa_token } = (await asked.json()) as Tokens
    const shown = await started.postJson('/login/mfa', {
      mfa_token,
      method: 'totp',
      code: currentCode(started, secret),
    })
    let tokens = (await shown.json()) as Tokens
    const next = async () => {
      tokens = (await (
        await started.postJson('/token/refresh', { refresh_token: tokens.refresh_token })
      ).json()) as Tokens
      return told(tokens)
    }
    started.clock.advance(hour)
    expect(await next()).toMatchObject(strong)
    started.clock.advance(hour + 1)
    expect(await next()).toMatchObject(weak)
    expect(await next()).toMatchObject(weak)
  })
})

describe('a second factor in the session of a browser', () => {
  it('is asked for again after an hour without a page, also where another page came first', async () => {
    await start()
    await signIn()
    for (let turn = 0; turn < 3; turn += 1) {
      started.clock.advance(hour)
      expect(told(await exchange(await authorize({ acr_values: '2' })))).toMatchObject(strong)
    }
    started.clock.advance(hour + 1)
    expect(told(await exchange(await authorize()))).toMatchObject(weak)
    for (let turn = 0; turn < 2; turn += 1) {
      started.clock.advance(120)
      expect(told(await exchange(await authorize()))).toMatchObject(weak)
    }
    expect((await authorize({ acr_values: '2', prompt: 'none' })).callback.get('error')).toBe('login_required')
    const page = await authorize({ acr_values: '2' })
    expect(page.has('verify')).toBe(true)
    expect(told(await exchange(await showFactor(page)))).toMatchObject(strong)
    expect(told(await exchange(await authorize({ acr_values: '2' })))).toMatchObject(strong)
  })

  it('counts no longer where the clock was set back, and counts again once it has been shown', async () => {
    await start()
    await signIn()
    started.clock.set(-61)
    expect(told(await exchange(await authorize()))).toMatchObject(weak)
    started.clock.set(30)
    expect(told(await exchange(await authorize()))).toMatchObject(weak)
    const { store, clock } = started
    const alice = await store.users.findByCanonicalName('alice')
    if (!alice) throw new Error('no alice')
    const [code = ''] = await store.transaction((tables) => replaceRecoveryCodes(tables, clock, alice.id))
    // Codes of an app from before the last one count no longer.
    clock.set(-86_400)
    const page = await browser.submit(await authorize({ acr_values: '2' }), { method: 'recovery_code', code })
    expect(told(await exchange(page)).acr).toBe('2')
    clock.advance(120)
    expect(told(await exchange(await authorize({ acr_values: '2' }))).acr).toBe('2')
  })

  it('stays what it is where the use could not be noted, and a page from before it was shown anew takes it from nobody', async () => {
    await start()
    await signIn()
    started.clock.advance(hour + 1)
    const page = await authorize({ acr_values: '2' })
    const [row] = await sessionsOfAlice()
    expect(row?.acr).toBe('1')
    expect(told(await exchange(await showFactor(page)))).toMatchObject(strong)
    if (!row) throw new Error('no session')
    // A request that has read the row before the factor was shown, and writes after.
    await started.store.sessions.touch({ ...row, used_at: started.clock.now() })
    expect(told(await exchange(await authorize({ acr_values: '2' })))).toMatchObject(strong)
  })
})

const sessionsOfAlice = async () => {
  const alice = await started.store.users.findByCanonicalName('alice')
  const rows = await started.store.sessions.listByUser(alice?.id ?? ('' as never))
  return rows.filter(({ cookie_hash }) => cookie_hash !== null).reverse()
}
