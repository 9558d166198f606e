import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defaultSignInLimits, type SignInLimits } from '../domain/lockout.ts'
import { setUserStatus } from '../domain/users.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { type OwnProgram, providerOf, right, startOwnProgram } from '../testing/outside-providers.ts'
import { goodPassword, issuer, type StartedAuth, type StartOptions, startAuth } from '../testing/start-auth.ts'

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
const start = async (
  first: ProviderSettings | Pick<StartOptions, 'limits'>,
  ...others: readonly ProviderSettings[]
): Promise<void> => {
  started = await ('definition' in first
    ? startAuth({ settings: { providers: [first, ...others] } })
    : startAuth({ ...first, settings: { providers: others } }))
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
const tooMany = [429, 'too_many_requests']

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
    program.close()
    for (const name of ['eve', 'fred', 'gina']) await login(name)
    for (const name of ['ann', 'alice', 'nobody']) expect([name, await login(name)]).toEqual([name, away])
    const page = await signInByPage('nobody')
    expect([page.status, page.has('error'), page.has('password')]).toEqual([503, true, true])
  })

  it('is told from the first try on, with when to come again', async () => {
    await start(corp())
    program.close()
    const tries = ['nobody', 'alice', 'ann'].map((username) => ({ username, password: 'wrong' }))
    for (const typed of tries) {
      const response = await started.postJson('/login', typed)
      expect([typed.username, response.status, response.headers.get('retry-after')]).toEqual([
        typed.username,
        503,
        '30',
      ])
    }
    started.auth.federation.providers.replace([corp({ definition: other.definition })])
    for (const { username } of tries) expect([username, await login(username, 'wrong')]).toEqual([username, wrong])
  })

  it('locks nobody out, neither who has tried meanwhile nor anybody beside them', async () => {
    await start({ limits: { ...defaultSignInLimits, unjudged: { failures: 1, within: 900 } } }, corp())
    await login('ann')
    program.close()
    for (let time = 0; time < 12; time += 1) expect(await login('ann')).toEqual(away)
    for (let index = 0; index < 60; index += 1) expect(await login(`colleague-${index}`)).toEqual(away)
    expect((await login('alice', goodPassword))[0]).toBe(200)
    started.auth.federation.providers.replace([corp({ definition: other.definition })])
    expect((await login('ann'))[0]).toBe(200)
  })

  it('lets nobody guess the passwords that are judged here, and no limit tells whose these are', async () => {
    await start({ limits: { ...defaultSignInLimits, unjudged: { failures: 12, within: 900 } } }, corp())
    program.close()
    for (const name of ['nobody', 'alice']) {
      for (let time = 0; time < 62; time += 1) expect([name, await login(name, 'wrong')]).toEqual([name, away])
    }
    expect(await login('alice', goodPassword)).toEqual(away)
    started.auth.federation.providers.replace([corp({ definition: other.definition })])
    expect(await login('alice', goodPassword)).toEqual(wrong)
  })

  it('lets nobody guess the passwords that another provider judges, nor try one on many', async () => {
    const limits = { ...defaultSignInLimits, unjudged: { failures: 80, within: 900 } }
    await start({ limits }, corp(), corp({ name: 'other', definition: other.definition }))
    program.close()
    for (let time = 0; time < 10; time += 1) expect(await login('ann', 'wrong')).toEqual(away)
    const { length } = other.asked
    await login('ann')
    expect(other.asked).toHaveLength(length)
    for (let index = 0; index < 69; index += 1) expect(await login(`colleague-${index}`, 'wrong')).toEqual(away)
    expect((await login('bob'))[0]).toBe(200)
    expect(await login('one more', 'wrong')).toEqual(away)
    expect(await login('yet one', 'wrong')).toEqual(tooMany)
    expect(other.asked).toHaveLength(length + 71)
  })

  it('counts against nobody where it turns everybody away, and is then left alone', async () => {
    const server = createServer((_, response) => void response.writeHead(401).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // it listens at a port
    const settings = { url, secret: 's'.repeat(32), refresh: false }
    try {
      await start(corp({ definition: { kind: 'webhook', settings } }))
      for (let time = 0; time < 12; time += 1) expect(await login('ann')).toEqual(away)
      expect(started.auth.federation.providers.isAvailable('corp')).toBe(false)
      started.auth.federation.providers.replace([corp()])
      expect((await login('ann'))[0]).toBe(200)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('costs no more hashes than an office does, and is no way to shut out everybody', async () => {
    const limits = { ...defaultSignInLimits, everyone: { failures: 100, within: 900 } }
    await start({ limits }, corp())
    program.close()
    const hashes = vi.spyOn(started.auth.passwords, 'check').mockResolvedValue('wrong')
    for (let index = 0; index < 600; index += 1) expect(await login(`colleague-${index}`, 'wrong')).toEqual(away)
    expect(await login('one more', 'wrong')).toEqual(tooMany)
    expect(hashes).toHaveBeenCalledTimes(600)
    hashes.mockRestore()
    started.clock.advance(61)
    expect((await login('alice', goodPassword))[0]).toBe(200)
  })

  it('lets an address try as often for whoever has a password here as for anybody', async () => {
    await start(corp())
    program.close()
    const hashes = vi.spyOn(started.auth.passwords, 'check').mockResolvedValue('wrong')
    for (const name of ['nobody', 'alice']) {
      for (let time = 0; time < 600; time += 1) expect([name, await login(name, 'wrong')]).toEqual([name, away])
      expect([name, await login(name, 'wrong')]).toEqual([name, tooMany])
      started.clock.advance(61)
    }
    hashes.mockRestore()
  })

  it('keeps nobody out who has a password here', async () => {
    await start(corp())
    program.close()
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

describe('a provider that fails for some passwords and names', () => {
  /** Nonsense, and a status by which it says that it is out of order. */
  const oddities = [{ nonsense: true }, undefined]

  it.each(oddities)('is guessed at no oftener than one that refuses: %o', async (odd) => {
    await start(corp())
    const { answer } = program
    program.answer = (asked) => (asked.password === right ? answer?.(asked) : odd)
    for (let time = 0; time < 30; time += 1) {
      await login('ann', `guess ${time}`)
      if (time % 3 === 2) expect((await login('mallory'))[0]).toBe(200)
    }
    expect(program.asked.filter(({ username }) => username === 'ann')).toHaveLength(10)
    expect(await login('ann')).toEqual(wrong)
  })

  it.each(oddities)('is not tried by one password on many: %o', async (odd) => {
    await start({ limits: { ...defaultSignInLimits, unjudged: { failures: 70, within: 900 } } }, corp())
    program.answer = () => odd
    for (let index = 0; index < 70; index += 1) expect(await login(`colleague-${index}`, 'wrong')).toEqual(away)
    expect(await login('yet one', 'wrong')).toEqual(tooMany)
    expect(program.asked).toHaveLength(70)
  })

  it('is asked by no more at a time than may still fail', async () => {
    await start({ limits: { ...defaultSignInLimits, unjudged: { failures: 5, within: 900 } } }, corp())
    program.answer = undefined
    await Promise.all(Array.from({ length: 12 }, (_, index) => login(`colleague-${index}`, 'wrong')))
    expect(program.asked).toHaveLength(5)
  })

  it('has a limit of its own for that which leaves an office alone', () => {
    expect(defaultSignInLimits.unjudged).toEqual({ failures: 300, within: 900 })
  })

  it.each(oddities)('is switched off by no stranger, and tells nothing of who has a password here: %o', async (odd) => {
    await start(corp())
    const { answer } = program
    program.answer = (asked) => (asked.username?.startsWith('odd') ? odd : answer?.(asked))
    for (let time = 0; time < 5; time += 1) {
      expect(await login(`odd ${time}`, 'wrong')).toEqual(away)
      for (const name of ['alice', 'nobody']) expect([name, await login(name, 'wrong')]).toEqual([name, wrong])
      expect((await login('ann'))[0]).toBe(200)
    }
  })

  it('is guessed at no oftener where it hangs', async () => {
    await start(corp())
    const { providers } = started.auth.federation
    const hangs = vi.spyOn(providers, 'check').mockRejectedValue(new ProviderFailure('unavailable', 'it hung'))
    for (let time = 0; time < 10; time += 1) expect(await login('ann')).toEqual(away)
    hangs.mockRestore()
    expect(await login('ann')).toEqual(wrong)
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

  it('is none of it where the provider is left alone, for whoever has a password here too', async () => {
    await start(corp())
    program.delay = 400
    await login('nobody', 'wrong')
    const timeOf = async (username: string): Promise<number> => {
      const startedAt = performance.now()
      expect(await login(username, 'wrong')).toEqual(away)
      return performance.now() - startedAt
    }
    program.close()
    for (const name of ['eve', 'fred', 'gina']) await login(name)
    for (const name of ['nobody', 'alice']) expect([name, (await timeOf(name)) < 350]).toEqual([name, true])
  })

  it('is not how long a provider was silent, once it answers again', async () => {
    await start(corp())
    const { providers } = started.auth.federation
    const slow = async (): Promise<never> => {
      await new Promise((resolve) => setTimeout(resolve, 500))
      throw new ProviderFailure('unavailable', 'it hung')
    }
    const hangs = vi.spyOn(providers, 'check').mockImplementation(slow)
    await login('nobody', 'wrong')
    hangs.mockRestore()
    const startedAt = performance.now()
    expect(await login('alice', 'wrong')).toEqual(wrong)
    expect(performance.now() - startedAt).toBeLessThan(450)
  })
})

describe('somebody with several names at a provider', () => {
  const address = { familiar: '198.51.100.7', other: '192.0.2.1' }
  beforeEach(() => {
    program.answer = ({ username = '', password }) => {
      if (!/^(ann|a\.n)/.test(username)) return { refused: true }
      return password === right
        ? { user: { subject: 'one', preferred_username: 'ann' } }
        : { refused: true, subject: 'one' }
    }
  })
  const open = async (limits: Partial<SignInLimits>): Promise<void> => {
    const settings = { providers: [corp()] }
    started = await startAuth({
      limits: { ...defaultSignInLimits, ...limits },
      trustedProxies: ['127.0.0.1'],
      settings,
    })
  }
  const statusFrom = async (from: string, username: string, password = right): Promise<number> =>
    (await started.postJson('/login', { username, password }, { 'x-forwarded-for': from })).status
  const wrongFrom = async (from: string, names: readonly string[]): Promise<void> => {
    for (const name of names) expect(await statusFrom(from, name, 'wrong')).toBe(401)
  }

  it('is locked out by wrong passwords for all of them together, and is told nothing else', async () => {
    await open({ pair: { failures: 3, within: 900 } })
    await wrongFrom(address.other, ['ann', 'ann@example.com'])
    expect(await statusFrom(address.other, 'a.n@example.com')).toBe(200)
    await wrongFrom(address.other, ['ann', 'ann@example.com', 'a.n@example.com'])
    expect(await statusFrom(address.other, 'ann.other')).toBe(401)
    const [refused] = await started.store.audit.list({ limit: 1 })
    expect(refused?.result).toBe('locked')
    // Elsewhere, and after a while.
    expect(await statusFrom(address.familiar, 'ann.other')).toBe(200)
    started.clock.advance(901)
    expect(await statusFrom(address.other, 'ann.other')).toBe(200)
  })

  it('also by tries at once', async () => {
    await open({ pair: { failures: 3, within: 900 } })
    program.delay = 50
    const names = Array.from({ length: 9 }, (_, index) => `ann${index}`)
    const tries = names.map((name) => statusFrom(address.other, name, 'wrong'))
    await vi.waitFor(() => expect(program.asked.length).toBeGreaterThanOrEqual(3))
    // Nobody has been counted yet: their passwords are being hashed.
    program.delay = 0
    expect(await statusFrom(address.other, 'ann.other')).toBe(401)
    expect(new Set(await Promise.all(tries))).toEqual(new Set([401]))
  })

  it('is locked out by strangers nowhere where they have signed in before, and let in again by an operator', async () => {
    await open({ account: { failures: 2, within: 86_400 } })
    expect(await statusFrom(address.familiar, 'ann')).toBe(200)
    await wrongFrom('203.0.113.1', ['ann1'])
    await wrongFrom('203.0.113.2', ['ann2'])
    await wrongFrom('203.0.113.3', ['ann3'])
    expect(await statusFrom(address.other, 'ann4')).toBe(401)
    expect(await statusFrom(address.familiar, 'ann5')).toBe(200)
    await wrongFrom('203.0.113.1', ['ann1'])
    await wrongFrom('203.0.113.2', ['ann2'])
    expect(await statusFrom(address.other, 'ann4')).toBe(401)
    const link = await started.store.linkedIdentities.find({ provider: 'corp', subject: 'one' })
    if (!link) throw new Error('nobody was linked')
    const { store, clock, auth } = started
    await setUserStatus({ store, clock, revocations: auth.revocations }, { id: link.user_id, status: 'active' }, {})
    expect(await statusFrom(address.other, 'ann6')).toBe(200)
  })

  it('is not told from nobody, nor from who has a password here, by what a wrong one does', async () => {
    await open({})
    await statusFrom(address.other, 'ann')
    const workOf = async (username: string): Promise<readonly number[]> => {
      const { signInFailures, linkedIdentities } = started.store
      const spies = [
        ...[vi.spyOn(signInFailures, 'find'), vi.spyOn(signInFailures, 'record')],
        ...[vi.spyOn(linkedIdentities, 'find'), vi.spyOn(started.store.familiarAddresses, 'has')],
      ]
      await wrongFrom(address.other, [username])
      const counts = spies.map(({ mock }) => mock.calls.length)
      for (const spy of spies) spy.mockRestore()
      return counts
    }
    const known = await workOf('ann')
    expect([await workOf('nobody'), await workOf('alice')]).toEqual([known, known])
  })
})

describe('a name that leads to somebody at each of two providers', () => {
  const here = { 'x-forwarded-for': '198.51.100.7' }
  const open = async (limits: Partial<SignInLimits>): Promise<void> => {
    const providers = [corp(), corp({ name: 'other', definition: other.definition })]
    const options = { trustedProxies: ['127.0.0.1'], settings: { providers } }
    started = await startAuth({ limits: { ...defaultSignInLimits, ...limits }, ...options })
  }
  const statusOf = async (
    username: string,
    password: string,
    headers: Record<string, string> = here,
  ): Promise<number> => (await started.postJson('/login', { username, password }, headers)).status

  it.each([
    ['who is not known', undefined],
    ['who never comes here', 'one'],
  ])('lets strangers lock nobody out, where they have signed in before, by the other one, %s', async (_, subject) => {
    program.answer = () => ({ refused: true, ...(subject === undefined ? {} : { subject }) })
    await open({ account: { failures: 2, within: 86_400 } })
    expect(await statusOf('ann', right)).toBe(200)
    for (const end of [1, 2, 3]) {
      expect(await statusOf('ann', 'wrong', { 'x-forwarded-for': `203.0.113.${end}` })).toBe(401)
    }
    expect(await statusOf('ann', right, { 'x-forwarded-for': '192.0.2.1' })).toBe(401)
    expect(await statusOf('ann', right)).toBe(200)
  })

  it('lets nobody guess at the one for ever who signs in as the other in between', async () => {
    program.answer = ({ username, password }) =>
      password === 'ann’s own'
        ? { user: { subject: 'one', preferred_username: username } }
        : { refused: true, subject: 'one' }
    await open({ pair: { failures: 3, within: 900 } })
    for (const password of ['guess 1', 'guess 2', right, 'guess 3']) {
      expect([password, await statusOf('ann', password)]).toEqual([password, password === right ? 200 : 401])
    }
    expect(await statusOf('ann.too', 'ann’s own')).toBe(401)
    expect(await statusOf('ann', right)).toBe(200)
  })
})
