import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { describe, expect, it } from 'vitest'
import { useProviderVisits } from '../testing/provider-visit.ts'
import { createStanding, type Standing } from './standing.ts'

const visits = useProviderVisits()
const bob = { sub: 'bob', preferred_username: 'bob' }

/** Two processes on one store, and a session of bob's. */
async function startTwo() {
  const provider = visits.provider({ recheckEvery: seconds(60) }, { keepTokens: true })
  const { clock, store, auth } = await visits.start([provider])
  const browser = visits.newBrowser()
  await visits.signIn(bob, browser, { refresh_token: 'rt-0' })
  const signedIn = await visits.sessionIn(browser)
  if (!signedIn) throw new Error('nobody is signed in')
  const { providers, people, sessions, tokens } = auth.federation
  const newProcess = () => createStanding({ store, clock, providers, people, sessions, tokens })
  const { id } = signedIn.session
  return { clock, store, auth, provider, id, one: newProcess(), two: newProcess() }
}

/** A provider that takes each refresh token once; it answers the first after `time` milliseconds. */
async function rotate(now: number, time = 400): Promise<{ readonly used: string[] }> {
  const claims = { nonce: undefined, iat: now, exp: now + 600, ...bob }
  const id_token = await visits.upstream.signIdToken(claims)
  const used: string[] = []
  visits.upstream.answers.set('/token', async ({ form }, response) => {
    const token = form.get('refresh_token') ?? ''
    const isUsed = used.includes(token)
    const refresh_token = `rt-${used.push(token)}`
    if (!isUsed) await sleep(used.length === 1 ? time : 0)
    const given = { access_token: 'at', token_type: 'Bearer', expires_in: 600, id_token, refresh_token }
    response.writeHead(isUsed ? 400 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isUsed ? { error: 'invalid_grant' } : given))
  })
  return { used }
}

const outcomeOf = (standing: Standing, id: SessionId): Promise<string> =>
  standing.checkSession(id, {}).then(
    () => 'goes on',
    ({ code }: { readonly code: string }) => code,
  )

describe('two processes on one store', () => {
  it.each([61, 14_401])('ask once between them, and both go on, after %i s', async (silence) => {
    const { clock, store, id, one, two } = await startTwo()
    clock.advance(silence)
    const { used } = await rotate(clock.now())
    const first = outcomeOf(one, id)
    await sleep(100)
    expect(await Promise.all([first, outcomeOf(two, id), outcomeOf(two, id)])).toEqual(Array(3).fill('goes on'))
    expect(used).toEqual(['rt-0'])
    expect(await store.sessions.findById(id)).toBeDefined()
  })

  it('ask once between them where both come at the same moment', async () => {
    const { clock, id, one, two } = await startTwo()
    clock.advance(14_401)
    const { used } = await rotate(clock.now())
    expect(await Promise.all([outcomeOf(one, id), outcomeOf(two, id)])).toEqual(['goes on', 'goes on'])
    expect(used).toEqual(['rt-0'])
  })

  it('look at the store for what the other hears, and for nothing that is asked here', async () => {
    const { clock, store, auth, id } = await startTwo()
    let looks = 0
    const find: typeof store.providerSessions.find = (row) => {
      looks += 1
      return store.providerSessions.find(row)
    }
    const counting = { ...store, providerSessions: { ...store.providerSessions, find } }
    const alone = createStanding({ ...auth.federation, store: counting, clock })
    clock.advance(14_401)
    await rotate(clock.now())
    expect(await Promise.all([outcomeOf(alone, id), outcomeOf(alone, id)])).toEqual(['goes on', 'goes on'])
    expect(looks).toBe(0)
  })

  it('hear at once of an ask that has failed, and of a no', async () => {
    const { clock, store, id, one, two } = await startTwo()
    clock.advance(14_401)
    let answer = { status: 503, body: {} as object }
    visits.upstream.answers.set('/token', async (_, response) => {
      await sleep(300)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
    })
    const both = async (): Promise<readonly string[]> => {
      const first = outcomeOf(one, id)
      await sleep(100)
      return Promise.all([first, outcomeOf(two, id)])
    }
    const begun = performance.now()
    expect(await both()).toEqual(['temporarily_unavailable', 'temporarily_unavailable'])
    expect(performance.now() - begun).toBeLessThan(2000)
    answer = { status: 400, body: { error: 'invalid_grant' } }
    expect(await both()).toEqual(['invalid_grant', 'invalid_grant'])
    expect(await store.sessions.findById(id)).toBeUndefined()
  })

  it('ask anew where one has asked and is gone', async () => {
    const { clock, store, id, two } = await startTwo()
    clock.advance(14_401)
    const row = await store.sessions.findById(id)
    const asked = { id: row?.provider_session ?? '', before: seconds(clock.now() - 14_401), at: clock.now() }
    expect(await store.providerSessions.beginCheck(asked)).toBe(true)
    clock.advance(15)
    await rotate(clock.now())
    expect(await outcomeOf(two, id)).toBe('goes on')
  })

  it('do not believe a no to a token that the other has replaced', async () => {
    const { clock, store, provider, id, one, two } = await startTwo()
    clock.advance(700)
    const { used } = await rotate(clock.now(), 200)
    const fresh = one.freshTokens(provider, 'bob')
    await sleep(100)
    expect(await outcomeOf(two, id)).toBe('goes on')
    expect((await fresh)?.accessToken).toBe('at')
    expect(used).toEqual(['rt-0', 'rt-0', 'rt-1'])
    expect(await store.sessions.findById(id)).toBeDefined()
  })
})
