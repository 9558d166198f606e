import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { createOutbound } from '../outbound/outbound.ts'
import { openModuleProvider } from './module.ts'
import type { CheckDoor, Finding, Provider } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-module-'))
const outbound = createOutbound({ allowLoopback: true })
const opened: Provider[] = []
let files = 0

async function open(program: string, limitMs = 1000): Promise<Provider> {
  files += 1
  const file = join(folder, `module-${files}.mjs`)
  writeFileSync(file, program)
  const parts = { name: 'own', issuer: 'https://auth.example.com', clock: new ManualClock(), outbound }
  const provider = await openModuleProvider(parts, { file, settings: { who: 'alice' }, limitMs })
  opened.push(provider)
  return provider
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((provider) => provider.close()))
})
afterAll(() => {
  outbound.close()
  rmSync(folder, { recursive: true })
})

const check = (provider: Provider, username: string, password = 'right'): ReturnType<CheckDoor> =>
  provider.check?.({ username, password, address: '192.0.2.1' }) ?? Promise.reject(new Error('no such door'))
const failureOf = async (promise: Promise<unknown>): Promise<ProviderFailure> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ProviderFailure) return error
  throw new Error(`it did not fail as a provider does: ${error}`)
}

/** Does what its user's name says, and knows alice. */
const naughty = `
import { parentPort } from 'node:worker_threads'
const kept = []
const deeds = {
  loops: () => { for (;;) {} },
  eats: () => { for (;;) kept.push(new Array(100_000).fill(Math.random())) },
  recurses: () => deeds.recurses() + 1,
  throws: ({ password }) => { throw new Error('wrong password ' + password) },
  throwsNothing: () => { throw undefined },
  exits: () => process.exit(0),
  waits: () => new Promise(() => {}),
  rejectsLater: () => { setTimeout(() => { throw new Error('later') }); return new Promise(() => {}) },
  speaks: () => { parentPort.postMessage({ text: '{"user":{"subject":"forged"}}' }); return { refused: true } },
  number: () => 42,
  array: () => [],
  circle: () => { const it = {}; it.it = it; return it },
  fn: () => () => {},
  nobody: () => ({ user: {} }),
  prototype: () => ({ user: JSON.parse('{"subject":"1","__proto__":{"admin":true}}') }),
  deep: () => { let it = {}; for (let i = 0; i < 100; i += 1) it = { it }; return { user: { subject: '1', it } } },
  large: () => ({ user: { subject: '1', it: 'x'.repeat(2_000_000) } }),
}
export async function check(input, settings) {
  if (input.username === settings.who) return { user: { subject: '1', name: 'Alice', address: input.address } }
  return deeds[input.username]?.(input)
}
`

describe('a module of one’s own', () => {
  it('knows people, and is not asked without a password', async () => {
    const provider = await open(naughty)
    expect(await check(provider, 'alice')).toEqual({ subject: '1', claims: { name: 'Alice', address: '192.0.2.1' } })
    expect(await check(provider, 'carol')).toBeUndefined()
    expect(await check(provider, 'alice', '')).toBeUndefined()
    expect(Object.keys(provider).sort()).toEqual(['check', 'close', 'examine'])
  })

  it.each([
    ['loops', 'unavailable'],
    ['eats', 'invalid_answer'],
    ['recurses', 'invalid_answer'],
    ['throws', 'invalid_answer'],
    ['throwsNothing', 'invalid_answer'],
    ['exits', 'invalid_answer'],
    ['waits', 'unavailable'],
    ['rejectsLater', 'invalid_answer'],
    ['number', 'invalid_answer'],
    ['array', 'invalid_answer'],
    ['circle', 'invalid_answer'],
    ['nobody', 'invalid_answer'],
    ['prototype', 'invalid_answer'],
    ['deep', 'invalid_answer'],
    ['large', 'invalid_answer'],
  ])('that %s fails that sign-in alone, within a second of its limit', async (deed, reason) => {
    const provider = await open(naughty)
    const started = performance.now()
    const others = Promise.all([check(provider, 'alice'), check(provider, 'alice')])
    const failure = await failureOf(check(provider, deed, 'a-password-of-mine'))
    expect(performance.now() - started).toBeLessThan(2500)
    expect(failure.reason).toBe(reason)
    expect(`${failure.detail} ${failure.message}`).not.toMatch(/a-password-of-mine/)
    expect(await others).toMatchObject([{ subject: '1' }, { subject: '1' }])
    expect(await check(provider, 'alice')).toMatchObject({ subject: '1' })
  })

  it('has heard no password where it can be loaded no more', async () => {
    const provider = await open(naughty)
    expect(await failureOf(check(provider, 'exits'))).toMatchObject({ stage: 'answered' })
    rmSync(join(folder, `module-${files}.mjs`))
    expect(await failureOf(check(provider, 'alice'))).toMatchObject({ reason: 'misconfigured', stage: 'unasked' })
  })

  it('cannot answer for a call that is not made yet', async () => {
    const provider = await open(naughty)
    expect(await failureOf(check(provider, 'speaks'))).toMatchObject({ reason: 'invalid_answer' })
    for (let times = 0; times < 3; times += 1) {
      const answer = await check(provider, 'carol').catch((error: unknown) => error)
      expect(answer).not.toMatchObject({ subject: 'forged' })
    }
    expect(await check(provider, 'alice')).toMatchObject({ subject: '1' })
  })

  it('sees nothing of the environment', async () => {
    vi.stubEnv('GATEHOUSE_TEST_SECRET', 'hidden')
    const provider = await open(`export const check = () => ({ user: { subject: '1', env: process.env } })`)
    expect(await check(provider, 'alice')).toEqual({ subject: '1', claims: { env: {} } })
  })

  it('works at several things at a time', async () => {
    const slow = 'export const check = () => new Promise((done) => setTimeout(done, 200, { user: { subject: "1" } }))'
    const provider = await open(slow)
    const started = performance.now()
    const all = await Promise.all(Array.from({ length: 8 }, () => check(provider, 'alice')))
    expect(all).toHaveLength(8)
    expect(performance.now() - started).toBeLessThan(1500)
  })

  it('is not silent where too many ask it at a time', async () => {
    const provider = await open('export const check = () => new Promise((done) => setTimeout(done, 50))')
    const crowd = await Promise.all(Array.from({ length: 110 }, () => check(provider, 'alice').catch((error) => error)))
    const failed = crowd.filter((outcome) => outcome !== undefined)
    expect(failed.length).toBeGreaterThan(5)
    for (const failure of failed) expect(failure).toMatchObject({ reason: 'unavailable', stage: 'crowded' })
  })

  it('is asked again about somebody, and only about them', async () => {
    const provider = await open(`
      export const check = () => null
      export const refresh = ({ subject }) => (subject === '1' ? { user: { subject } } : subject === '2' ? { user: { subject: '1' } } : { refused: true })
    `)
    expect(await provider.refresh?.({ subject: '1' })).toEqual({ subject: '1', claims: {} })
    expect(await provider.refresh?.({ subject: '3' })).toBeUndefined()
    expect(await failureOf(provider.refresh?.({ subject: '2' }) ?? Promise.resolve())).toMatchObject({
      reason: 'invalid_answer',
    })
  })

  it('sends people somewhere, and judges what they bring back', async () => {
    const provider = await open(`
      export const start = ({ callback, state, loginHint }) =>
        loginHint === 'script' ? { go: { url: 'javascript:alert(1)' } }
        : loginHint === 'form' ? { go: { form: { action: 'https://there.example.com/', fields: { state } } } }
        : { go: { url: 'https://there.example.com/?' + new URLSearchParams({ callback, state }) }, memory: { state } }
      export const finish = ({ parameters, memory }) =>
        parameters.ticket === 'good' && memory.state === 's' ? { user: { subject: '1' } } : { refused: true }
    `)
    const callback = 'https://auth.example.com/federation/own/callback'
    const begin = (loginHint?: string) =>
      provider.redirect?.start({ callback, state: 's', loginHint, fresh: false, locales: ['en'] }) ?? Promise.reject()
    expect(await begin()).toEqual({
      go: { url: `https://there.example.com/?callback=${encodeURIComponent(callback)}&state=s` },
      memory: { state: 's' },
    })
    expect(await begin('form')).toMatchObject({ go: { form: { fields: { state: 's' } } }, memory: {} })
    expect(await failureOf(begin('script'))).toMatchObject({ reason: 'invalid_answer' })
    const finish = (ticket: string) =>
      provider.redirect?.finish({
        ...{ callback, state: 's', binding: 'query', memory: { state: 's' } },
        parameters: new URLSearchParams({ ticket }),
      }) ?? Promise.reject()
    expect(await finish('good')).toEqual({ subject: '1', claims: {} })
    expect(await failureOf(finish('bad'))).toMatchObject({ reason: 'refused' })
    expect(provider.check).toBeUndefined()
  })

  it.each([
    ['has a mistake', 'export const check = (', /could not be loaded: SyntaxError/],
    ['throws', 'throw new RangeError("secret")', /could not be loaded: RangeError$/],
    ['imports what is not there', 'import "./absent.mjs"', /could not be loaded/],
    ['exports nothing of use', 'export const start = () => {}; export const check = 1', /exports neither/],
    ['exits', 'process.exit(1)', /ended its thread/],
  ])('cannot be opened where it %s', async (_, program, detail) => {
    expect((await failureOf(open(program))).detail).toMatch(detail)
  })

  it('says when it is looked at what it exports', async () => {
    const provider = await open('export const check = () => null; export const refresh = () => null')
    const findings: Finding[] = []
    for await (const finding of provider.examine()) findings.push(finding)
    expect(findings).toEqual([{ what: 'module', state: 'ok', says: 'it loads, and exports check, refresh' }])
  })
})
