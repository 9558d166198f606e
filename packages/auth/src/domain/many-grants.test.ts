import type { ClientId, GrantId, UserId } from '@gatehouse/core/brand'
import { isRefusal } from '@gatehouse/core/contracts'
import { challengeOf } from '@gatehouse/core/pkce'
import { newGrantId, newSessionId } from '@gatehouse/core/random'
import type { GrantRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { noPermissions } from './clients.ts'
import { buildRefreshToken, createRefreshTokens } from './refresh-tokens.ts'
import { endedAtATime, endSession, keptGrants } from './sessions.ts'
import { setUserStatus } from './users.ts'

const by = { actor: 'test' }
const many = 3000
const redirectUri = 'https://shop.example.com/callback'
let started: StartedAuth
beforeEach(async () => {
  started = await startAuth({
    clients: [
      {
        ...{ id: 'web', secret: 'web-secret', grantTypes: ['authorization_code', 'refresh_token'] },
        metadata: { redirect_uris: [redirectUri] },
        permissions: { ...noPermissions, skipConsent: true },
      },
    ],
  })
})
afterEach(() => started.close())

type Tokens = { readonly access_token: string; readonly refresh_token: string }
const isGood = (token: string): boolean => !isRefusal(started.auth.verifier.verify(token))
const refresh = (refresh_token: string): Promise<Response> => started.postJson('/token/refresh', { refresh_token })
const grantOf = async (token: string): Promise<GrantRow> => {
  const grant = await started.store.grants.find(claimsOf(token).gid as GrantId)
  if (!grant) throw new Error('there is no grant')
  return grant
}
const copy = async (grant: GrantRow, count: number, changes: Partial<GrantRow> = {}): Promise<readonly GrantRow[]> => {
  const rows = Array.from({ length: count }, () => ({ ...grant, id: newGrantId(), ...changes }))
  await started.store.transaction(async ({ grants }) => {
    for (const row of rows) await grants.insert(row)
  })
  return rows
}
const countOf = async (rows: readonly GrantRow[]): Promise<number> =>
  (await Promise.all(rows.map(({ id }) => started.store.grants.find(id)))).filter(Boolean).length

/** The store of somebody who is stopped once the first transaction is committed. */
const stoppedAfterTheFirst = (): Store => ({
  ...started.store,
  transaction: (body) => started.store.transaction(body),
  grants: { ...started.store.grants, removeWithoutSession: () => Promise.reject(new Error('stopped')) },
})
const setStatus = (id: UserId, status: 'active' | 'disabled', store: Store): Promise<void> =>
  setUserStatus({ store, clock: started.clock, revocations: started.auth.revocations }, { id, status }, by)
const disable = (id: UserId, store: Store): Promise<void> => setStatus(id, 'disabled', store)
const tokenOf = (grant: GrantRow): string => buildRefreshToken(started.auth.rings['refresh-token'], grant, 1)
/** One more, that no first transaction ends: it takes the first ones by id. */
async function copyLast(grant: GrantRow): Promise<GrantRow> {
  const row = { ...grant, id: 'zzzzzzzzzzzzzzzzzzzzzz' as GrantId } // of the form of an id
  await started.store.grants.insert(row)
  return row
}

describe('a user with thousands of grants', () => {
  it('is banned by one transaction that touches few of them, whatever becomes of what follows', async () => {
    const signedIn = await started.signIn()
    const grant = await grantOf(signedIn.access_token)
    const rows = await copy(grant, many)
    const before = (await started.store.revocations.last())?.seq ?? 0
    await disable(grant.user_id, stoppedAfterTheFirst())
    expect(await countOf([...rows, grant])).toBe(many + 1 - endedAtATime)
    // Of the grants, of the session, and of what the user had before.
    expect(((await started.store.revocations.last())?.seq ?? 0) - before).toBe(endedAtATime + 2)
    expect(isGood(signedIn.access_token)).toBe(false)
    expect((await refresh(signedIn.refresh_token)).status).toBe(400)
  })

  it('gets nothing more for a grant that remains: no refresh, and no retry', async () => {
    const { access_token } = await started.signIn()
    const grant = await grantOf(access_token)
    await copy(grant, many)
    const last = await copyLast(grant)
    const token = tokenOf(last)
    const next = ((await (await refresh(token)).json()) as Tokens).refresh_token
    await disable(grant.user_id, stoppedAfterTheFirst())
    expect(await countOf([last])).toBe(1)
    // A web client's own answer to the question what its token is worth goes by the same.
    for (const dead of [token, next]) expect((await refresh(dead)).status).toBe(400)
    const { store, clock, auth } = started
    const tokens = createRefreshTokens({
      store,
      clock,
      ring: auth.rings['refresh-token'],
      revocations: auth.revocations,
    })
    expect(await tokens.findGrant(next)).toMatchObject({ usable: false })
  })

  it('keeps nothing once the command has run again', async () => {
    const { access_token } = await started.signIn()
    const grant = await grantOf(access_token)
    const rows = await copy(grant, many)
    await disable(grant.user_id, stoppedAfterTheFirst())
    await disable(grant.user_id, started.store)
    expect(await countOf(rows)).toBe(0)
  })

  it('keeps no token of a session that has expired meanwhile, and every token of a new one', async () => {
    const { access_token } = await started.signIn()
    const grant = await grantOf(access_token)
    await copy(grant, many)
    const session = await started.store.sessions.findById(grant.session_id)
    if (!session) throw new Error('there is no session')
    const expired = { ...session, id: newSessionId() }
    await started.store.sessions.insert(expired)
    const last = await copyLast({ ...grant, session_id: expired.id })
    const token = ((await (await refresh(tokenOf(last))).json()) as Tokens).access_token
    await started.store.sessions.deleteById(expired.id)
    started.clock.advance(1)
    expect(isGood(token)).toBe(true)
    await disable(grant.user_id, started.store)
    expect(isGood(token)).toBe(false)
    await setStatus(grant.user_id, 'active', started.store)
    const anew = await started.signIn()
    expect(isGood(anew.access_token)).toBe(true)
    await disable(grant.user_id, started.store)
    expect(isGood(anew.access_token)).toBe(false)
  })

  it('revokes the session for as long as any token can live, where not all grants are known', async () => {
    const { access_token } = await started.signIn()
    const grant = await grantOf(access_token)
    await copy(grant, many)
    const sid = grant.session_id
    const { store, clock, auth } = started
    const entries = await store.transaction((tables) =>
      endSession({ tables, clock, revocations: auth.revocations }, sid, by),
    )
    const ofSession = entries.find(({ kind }) => kind === 'sid')
    expect(ofSession?.expires_at).toBe(clock.now() + 86_400 + 60)
  })
})

describe('the grants of one client in one session', () => {
  it('are no more than twice what is kept: the oldest end, with their tokens, and no others', async () => {
    const browser = new TestBrowser(started.url, issuer)
    const first = await authorize(browser)
    const grant = await grantOf(first)
    started.clock.advance(1)
    const rows = await copy(grant, 2 * keptGrants - 2, { created_at: started.clock.now() })
    const others = await copy(grant, 2, { client_id: 'other' as ClientId }) // any name will do
    started.clock.advance(1)
    const second = await authorize(browser)
    expect(await countOf([...rows, grant])).toBe(2 * keptGrants - 1)
    started.clock.advance(1)
    const third = await authorize(browser)
    expect(await countOf([...rows, grant])).toBe(keptGrants - 2)
    expect([first, second, third].map(isGood)).toEqual([false, true, true])
    expect(await countOf([await grantOf(third)])).toBe(1)
    expect(await countOf(others)).toBe(2)
    const events = await started.store.audit.list({ limit: 100, type: 'grant_ended' })
    expect(events.filter(({ result }) => result === 'too_many')).toHaveLength(keptGrants + 1)
  })
})

/** An access token by a code. */
async function authorize(browser: TestBrowser): Promise<string> {
  const verifier = 'v'.repeat(43)
  const query = new URLSearchParams({
    ...{ client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'openid offline_access' },
    ...{ code_challenge: challengeOf(verifier), code_challenge_method: 'S256' },
  })
  const page = await browser.get(`/oauth/authorize?${query}`)
  const answer = page.has('password') ? await browser.signIn(page, 'alice', goodPassword) : page
  const code = answer.callback.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const response = await started.postForm('/oauth/token', form, basic('web', 'web-secret'))
  return ((await response.json()) as Tokens).access_token
}
