import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { type OwnProgram, providerOf, right, startOwnProgram } from '../testing/outside-providers.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let program: OwnProgram
let other: OwnProgram
let started: StartedAuth
beforeEach(async () => {
  ;[program, other] = await Promise.all([startOwnProgram(), startOwnProgram()])
})
afterEach(async () => {
  await started.close()
  program.close()
  other.close()
})

const corp = (settings: Partial<ProviderSettings> = {}): ProviderSettings =>
  providerOf({ definition: program.definition, ...settings })
const start = async (...providers: readonly ProviderSettings[]): Promise<void> => {
  started = await startAuth({ settings: { providers } })
}
/** POST /login: the status and the code of the error. */
const login = async (username: string, password = right): Promise<readonly [number, string | undefined]> => {
  const response = await started.postJson('/login', { username, password })
  const { error, code } = (await response.json()) as { error?: string; code?: string }
  return [response.status, error ?? code]
}
const signInByPage = async (username: string, password = right): Promise<ShownPage> => {
  const browser = new TestBrowser(started.url, issuer)
  return browser.signIn(await browser.get('/login'), username, password)
}
const wrong = [401, 'invalid_credentials']
const away = [503, 'temporarily_unavailable']

describe('a password that a provider knows', () => {
  it('signs in by the page and by the API, and is none here', async () => {
    await start(corp())
    expect((await login('ann'))[0]).toBe(200)
    expect((await signInByPage('ann')).has('account')).toBe(true)
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'ann' })
    const user = link && (await started.store.users.findById(link.user_id))
    expect(user).toMatchObject({ name: 'The ann', password_hash: null })
  })

  it('is wrong where it is wrong there, for who has been here and for who has not', async () => {
    await start(corp())
    await login('ann')
    expect(await login('ann', 'wrong')).toEqual(wrong)
    expect(await login('nobody', 'wrong')).toEqual(wrong)
    expect((await signInByPage('ann', 'wrong')).has('error')).toBe(true)
    expect(await login('ann', '')).toEqual(wrong)
    expect(program.asked.every(({ password }) => password !== '')).toBe(true)
  })

  it('is not asked of a provider for whoever has a password here', async () => {
    await start(corp())
    expect((await login('alice', goodPassword))[0]).toBe(200)
    expect(await login('alice', right)).toEqual(wrong)
    expect(program.asked).toEqual([])
  })

  it('counts for nothing where it leads to no account here, and nobody learns that', async () => {
    await start(corp({ createsAccounts: false }))
    expect(await login('ann')).toEqual(await login('ann', 'wrong'))
  })

  it('lets nobody in whose account is disabled here', async () => {
    await start(corp())
    await login('ann')
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'ann' })
    if (!link) throw new Error('nothing was linked')
    await started.store.users.setStatus({ id: link.user_id, status: 'disabled', at: started.clock.now() })
    expect(await login('ann')).toEqual(wrong)
  })
})

describe('a password of an older system', () => {
  it('is taken over at the first sign-in, and that system is never asked again', async () => {
    await start(corp({ isShadow: true }))
    expect((await login('ann'))[0]).toBe(200)
    expect(program.asked).toHaveLength(1)
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'ann' })
    const ann = link && (await started.store.users.findById(link.user_id))
    expect(ann?.password_hash).toMatch(/^\$argon2id\$/)
    program.answer = undefined
    expect((await login('ann'))[0]).toBe(200)
    expect((await signInByPage('ann')).has('account')).toBe(true)
    expect(await login('ann', 'wrong')).toEqual(wrong)
    expect(program.asked).toHaveLength(1)
  })

  it('counts no more once there is another one here, by whatever name it is brought', async () => {
    program.answer = ({ password }) => (password === right ? { user: { subject: 'one' } } : { refused: true })
    await start(corp({ isShadow: true }))
    expect((await login('first name'))[0]).toBe(200)
    expect((await login('second name'))[0]).toBe(200)
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'one' })
    const user = link && (await started.store.users.findById(link.user_id))
    if (!user) throw new Error('nobody was linked')
    const hash = await started.auth.passwords.hash(goodPassword)
    const change = { id: user.id, expected: user.password_hash, hash, at: started.clock.now() }
    await started.store.users.setPasswordHash(change)
    for (let time = 0; time < 10; time += 1) expect(await login('third name')).toEqual(wrong)
    expect((await started.store.users.findById(user.id))?.password_hash).toBe(hash)
    const { length } = program.asked
    await login('third name')
    expect(program.asked).toHaveLength(length)
  })

  it('is not taken over where it is wrong', async () => {
    await start(corp({ isShadow: true }))
    expect(await login('ann', 'wrong')).toEqual(wrong)
    expect(await started.store.linkedIdentities.find({ provider: 'corp', subject: 'ann' })).toBeUndefined()
  })
})

describe('a provider of passwords that is away', () => {
  it('is told in the place of a wrong password, to known and unknown names alike', async () => {
    await start(corp())
    await login('ann')
    program.answer = undefined
    for (const name of ['eve', 'fred', 'gina']) await login(name)
    const asked = program.asked.length
    for (const name of ['ann', 'alice', 'nobody']) expect([name, await login(name)]).toEqual([name, away])
    const page = await signInByPage('nobody')
    expect([page.status, page.has('error'), page.has('password')]).toEqual([503, true, true])
    expect(program.asked).toHaveLength(asked)
  })

  it('is told from the first try on, with when to come again', async () => {
    await start(corp())
    program.answer = undefined
    const tries = ['nobody', 'alice', 'ann'].map((username) => ({ username, password: 'wrong' }))
    for (const typed of tries) {
      const response = await started.postJson('/login', typed)
      expect([typed.username, response.status, response.headers.get('retry-after')]).toEqual([
        typed.username,
        503,
        '30',
      ])
    }
    program.answer = () => ({ refused: true })
    for (const { username } of tries) expect([username, await login(username, 'wrong')]).toEqual([username, wrong])
  })

  it('locks nobody out, neither who has tried meanwhile nor anybody beside them', async () => {
    await start(corp())
    await login('ann')
    program.answer = undefined
    for (let time = 0; time < 12; time += 1) expect(await login('ann')).toEqual(away)
    for (let index = 0; index < 60; index += 1) expect(await login(`colleague-${index}`)).toEqual(away)
    expect((await login('alice', goodPassword))[0]).toBe(200)
    started.auth.federation.providers.replace([corp({ definition: other.definition })])
    expect((await login('ann'))[0]).toBe(200)
  })

  it('lets nobody guess the passwords that are judged here', async () => {
    await start(corp())
    program.answer = undefined
    await login('nobody')
    for (let time = 0; time < 10; time += 1) expect(await login('alice', 'wrong')).toEqual(away)
    expect(await login('alice', goodPassword)).toEqual(away)
    started.auth.federation.providers.replace([corp({ definition: other.definition })])
    expect(await login('alice', goodPassword)).toEqual(wrong)
  })

  it('lets nobody guess the passwords that another provider judges, and blames no address for it', async () => {
    await start(corp(), corp({ name: 'other', definition: other.definition }))
    program.answer = undefined
    for (let time = 0; time < 10; time += 1) expect(await login('ann', 'wrong')).toEqual(away)
    const { length } = other.asked
    await login('ann')
    expect(other.asked).toHaveLength(length)
    for (let index = 0; index < 60; index += 1) await login(`colleague-${index}`, 'wrong')
    expect((await login('bob'))[0]).toBe(200)
  })

  it('lets nobody guess where it fails for a wrong password, and is not switched off by who types one', async () => {
    await start(corp())
    await login('ann')
    program.answer = (question) => (question.password === 'wrong' ? { nonsense: true } : undefined)
    for (let index = 0; index < 60; index += 1) expect(await login(`colleague-${index}`, 'wrong')).toEqual(away)
    for (let time = 0; time < 10; time += 1) expect(await login('bob', 'wrong')).toEqual(away)
    const { length } = program.asked
    await login('bob', 'wrong')
    expect(program.asked).toHaveLength(length)
  })

  it('keeps nobody out who has a password here', async () => {
    await start(corp())
    program.answer = undefined
    for (const name of ['eve', 'fred', 'gina', 'hal']) await login(name)
    expect((await login('alice', goodPassword))[0]).toBe(200)
  })

  it('does not keep the next provider from being asked, and is noted without the password', async () => {
    await start(corp(), corp({ name: 'other', definition: other.definition }))
    program.answer = undefined
    expect((await login('ann'))[0]).toBe(200)
    const events = await started.store.audit.list({ type: 'provider_failed', limit: 10 })
    expect(events).toEqual([expect.objectContaining({ result: 'unavailable', target: 'corp' })])
    expect(JSON.stringify(events)).not.toContain(right)
  })
})

describe('an address of a provider’s domain', () => {
  it('has its password heard by that provider alone', async () => {
    const theirs = { domains: ['corp.example'] }
    await start(providerOf({ name: 'other', definition: other.definition }), corp(theirs))
    expect(await login('ann@corp.example', 'wrong')).toEqual(wrong)
    expect((await login('Ann@CORP.example'))[0]).toBe(200)
    expect([program.asked.length, other.asked.length]).toEqual([2, 0])
    await login('ann@elsewhere.example', 'wrong')
    await login('ann', 'wrong')
    expect([program.asked.length, other.asked.length]).toEqual([2, 2])
  })
})

describe('guessing a password that a provider knows', () => {
  it('is stopped before the provider is asked any more', async () => {
    await start(corp())
    for (let time = 0; time < 10; time += 1) expect(await login('ann', 'wrong')).toEqual(wrong)
    expect(program.asked).toHaveLength(10)
    expect(await login('ann')).toEqual(wrong)
    expect(program.asked).toHaveLength(10)
    started.clock.advance(901)
    expect((await login('ann'))[0]).toBe(200)
  })
})

describe('what a password costs', () => {
  /** The hashes of one sign-in, which has to end so. */
  async function hashesOf(username: string, password: string, status: number): Promise<number> {
    const spies = [vi.spyOn(started.auth.passwords, 'check'), vi.spyOn(started.auth.passwords, 'hash')]
    expect((await login(username, password))[0]).toBe(status)
    const count = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
    for (const spy of spies) spy.mockRestore()
    return count
  }

  it('is no hash where a provider accepts it, and one wherever it is refused', async () => {
    await start(corp())
    expect(await hashesOf('ann', right, 200)).toBe(0)
    expect(await hashesOf('ann', right, 200)).toBe(0)
    expect(await hashesOf('ann', 'wrong', 401)).toBe(1)
    expect(await hashesOf('nobody', 'wrong', 401)).toBe(1)
    expect(await hashesOf('alice', 'wrong', 401)).toBe(1)
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'ann' })
    if (!link) throw new Error('nothing was linked')
    await started.store.users.setStatus({ id: link.user_id, status: 'disabled', at: started.clock.now() })
    expect(await hashesOf('ann', right, 401)).toBe(1)
    for (let time = 0; time < 10; time += 1) await login('eve', 'wrong')
    expect(await hashesOf('eve', right, 401)).toBe(1)
  })

  it('is one hash where it is right and leads to nothing here', async () => {
    await start(corp({ createsAccounts: false }))
    expect(await hashesOf('ann', right, 401)).toBe(1)
  })

  it('is one hash where an older system accepts it and another one stands here', async () => {
    program.answer = ({ password }) => (password === right ? { user: { subject: 'one' } } : { refused: true })
    await start(corp({ isShadow: true }))
    await login('first name')
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'one' })
    const user = link && (await started.store.users.findById(link.user_id))
    if (!user) throw new Error('nobody was linked')
    const hash = await started.auth.passwords.hash(goodPassword)
    await started.store.users.setPasswordHash({ ...user, expected: user.password_hash, hash, at: started.clock.now() })
    expect(await hashesOf('second name', right, 401)).toBe(1)
  })

  it('is the time of the provider for whoever is refused, asked about or not', async () => {
    await start(corp())
    for (let time = 0; time < 9; time += 1) await login('alice', 'wrong')
    program.delay = 400
    await login('nobody', 'wrong')
    // Refused for its password, and then for being locked: the provider is not asked about it.
    for (const password of ['wrong', goodPassword]) {
      const startedAt = performance.now()
      expect(await login('alice', password)).toEqual(wrong)
      expect(performance.now() - startedAt).toBeGreaterThan(390)
    }
    expect(program.asked).toHaveLength(1)
  })
})
