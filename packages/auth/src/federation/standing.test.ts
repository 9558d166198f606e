import type { SessionId, UserId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type AskedOfProgram,
  type OwnProgram,
  providerOf,
  right,
  startOwnProgram,
} from '../testing/outside-providers.ts'
import { claimsOf, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { compileMapping } from './mapping.ts'
import type { ProviderSettings } from './provider-settings.ts'

let program: OwnProgram
let started: StartedAuth
beforeEach(async () => {
  program = await startOwnProgram()
})
afterEach(async () => {
  await started.close()
  program.close()
})

const start = async (settings: Partial<ProviderSettings> = {}): Promise<void> => {
  started = await startAuth({ settings: { providers: [providerOf({ definition: program.definition, ...settings })] } })
}
const signIn = (username = 'ann') => started.signIn({ username, password: right })
const refresh = async (token: string): Promise<{ readonly status: number; readonly refresh_token: string }> => {
  const response = await started.postJson('/token/refresh', { refresh_token: token })
  return { status: response.status, ...((await response.json()) as { refresh_token: string }) }
}
const refreshes = (): number => program.asked.filter(({ event }) => event === 'refresh').length
/** Answers a refresh so, and a check as always. */
const onRefresh = (answer: (asked: AskedOfProgram) => unknown): void => {
  const { answer: before } = program
  program.answer = (asked) => (asked.event === 'refresh' ? answer(asked) : before?.(asked))
}
const sessionOf = ({ access_token }: { access_token: string }): SessionId => claimsOf(access_token).sid as SessionId
const check = (session: SessionId): Promise<void> => started.auth.federation.standing.checkSession(session, {})

describe('a session that rests on a provider’s word', () => {
  it('asks again at its interval, and goes on while the provider says yes', async () => {
    await start()
    onRefresh(({ subject }) => ({ user: { subject } }))
    const session = sessionOf(await signIn())
    started.clock.advance(299)
    await check(session)
    expect(refreshes()).toBe(0)
    started.clock.advance(1)
    await check(session)
    await check(session)
    expect(refreshes()).toBe(1)
    // Each yes counts from when it was said.
    for (let hours = 0; hours < 4; hours += 1) {
      started.clock.advance(3600)
      await check(session)
    }
    onRefresh(() => undefined)
    started.clock.advance(3600)
    await check(session)
  })

  it('ends once the provider says no, with all others that rest on the same word', async () => {
    await start()
    onRefresh(() => ({ refused: true }))
    const [first, second, other] = [await signIn(), await signIn(), await signIn('bob')]
    started.clock.advance(300)
    await expect(check(sessionOf(first))).rejects.toMatchObject({ code: 'invalid_grant' })
    const { sessions } = started.store
    expect(await sessions.findById(sessionOf(first))).toBeUndefined()
    expect(await sessions.findById(sessionOf(second))).toBeUndefined()
    expect(await sessions.findById(sessionOf(other))).toBeDefined()
  })

  it('ends for nobody where the provider is away or answers nonsense', async () => {
    await start()
    const session = sessionOf(await signIn())
    for (const answer of [undefined, { user: { subject: 'somebody else' } }, { nonsense: true }]) {
      onRefresh(() => answer)
      started.clock.advance(300)
      await check(session)
    }
    expect(refreshes()).toBe(3)
    expect(await started.store.sessions.findById(session)).toBeDefined()
  })

  it('ends where the account is disabled here', async () => {
    await start()
    onRefresh(({ subject }) => ({ user: { subject } }))
    const signedIn = await signIn()
    const id = claimsOf(signedIn.access_token).sub as UserId
    await started.store.users.setStatus({ id, status: 'disabled', at: started.clock.now() })
    started.clock.advance(300)
    await expect(check(sessionOf(signedIn))).rejects.toMatchObject({ code: 'invalid_grant' })
  })

  it('loses the roles that the provider brings no more, and ends by that', async () => {
    let groups = ['clerk']
    program.answer = ({ username, subject }) => ({ user: { subject: username ?? subject, groups } })
    await start({ mapping: compileMapping({ roles: 'claims.groups' }) })
    const signedIn = await signIn()
    const id = claimsOf(signedIn.access_token).sub as UserId
    expect((await started.store.users.findById(id))?.roles).toBe('clerk')
    groups = []
    started.clock.advance(300)
    await check(sessionOf(signedIn)).catch(() => {})
    expect((await started.store.users.findById(id))?.roles).toBe('')
    expect(await started.store.sessions.findById(sessionOf(signedIn))).toBeUndefined()
  })

  it('asks once where many look at the same moment', async () => {
    await start()
    onRefresh(({ subject }) => ({ user: { subject } }))
    const [first, second] = [sessionOf(await signIn()), sessionOf(await signIn())]
    started.clock.advance(300)
    await Promise.all([check(first), check(first), check(second)])
    expect(refreshes()).toBe(1)
  })

  it('is not asked about where that is off, or the provider is not configured any more', async () => {
    await start({ recheckEvery: seconds(0) })
    const session = sessionOf(await signIn())
    started.clock.advance(86_000)
    await check(session)
    started.auth.replaceSettings({ ...started.settings, providers: [providerOf({ name: 'other' })] })
    await check(session)
    expect(refreshes()).toBe(0)
  })
})

describe('a refresh of tokens', () => {
  it('is refused once the provider says no', async () => {
    await start()
    onRefresh(({ subject }) => ({ user: { subject } }))
    const signedIn = await signIn()
    started.clock.advance(300)
    const next = await refresh(signedIn.refresh_token)
    expect(next.status).toBe(200)
    onRefresh(() => ({ refused: true }))
    started.clock.advance(300)
    expect((await refresh(next.refresh_token)).status).toBe(400)
  })
})
