import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { failureOf } from '../testing/openid-visits.ts'
import {
  type BelievingProvider,
  type OwnProgram,
  providerOf,
  right,
  startOwnProgram,
  writeBelievingProvider,
} from '../testing/outside-providers.ts'
import type { CheckDoor } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import type { ProviderSettings } from './provider-settings.ts'
import { createProviders, type Providers } from './providers.ts'

let outbound: Outbound
let program: OwnProgram
let believing: BelievingProvider
let providers: Providers
let corp: ProviderSettings
beforeEach(async () => {
  outbound = createOutbound({ allowLoopback: true })
  program = await startOwnProgram()
  believing = writeBelievingProvider()
  corp = providerOf({ definition: program.definition })
  const parts = { issuer: 'https://auth.example.com', clock: new ManualClock(), outbound }
  const other = providerOf({ name: 'other', definition: believing.definition })
  providers = createProviders(parts, [corp, other])
})
afterEach(() => {
  providers.close()
  program.close()
  believing.remove()
  outbound.close()
})

const check = (settings = corp, password = right): ReturnType<CheckDoor> =>
  providers.use(settings, async (opened) => opened.check?.({ username: 'ann', password, address: '192.0.2.1' }))

describe('the configured providers', () => {
  it('are listed in their order, and found by name', () => {
    expect(providers.list().map(({ name }) => name)).toEqual(['corp', 'other'])
    expect(providers.find('corp')).toBe(corp)
    expect([providers.find('nobody'), providers.isAvailable('nobody')]).toEqual([undefined, false])
  })

  it('are left alone once one does not answer, while the others are asked', async () => {
    program.answer = undefined
    for (let time = 0; time < 3; time += 1) {
      expect(providers.isAvailable('corp')).toBe(true)
      expect(await failureOf(check())).toMatchObject({ reason: 'unavailable' })
    }
    expect(providers.isAvailable('corp')).toBe(false)
    expect(await failureOf(check())).toMatchObject({ reason: 'unavailable', detail: 'it has not answered lately' })
    expect(program.asked).toHaveLength(3)
    const other = providers.find('other')
    expect(other && (await providers.use(other, async ({ redirect }) => redirect !== undefined))).toBe(true)
  })

  it('are not left alone for saying no, or for being set up wrongly', async () => {
    program.answer = () => ({ refused: true })
    for (let time = 0; time < 4; time += 1) expect(await check()).toBeUndefined()
    program.answer = () => ({ nonsense: true })
    for (let time = 0; time < 4; time += 1) {
      expect(await failureOf(check())).toMatchObject({ reason: 'invalid_answer' })
    }
    expect(providers.isAvailable('corp')).toBe(true)
  })

  it('are asked on whatever they answer to a password: a stranger may have typed it', async () => {
    const judge = () => providers.check(corp, { username: 'ann', password: right, address: '192.0.2.1' })
    program.answer = () => ({ refused: true })
    for (let time = 0; time < 4; time += 1) expect(await judge()).toBeUndefined()
    expect(providers.isFailing('corp')).toBe(false)
    for (const answer of [() => ({ nonsense: true }), undefined]) {
      program.answer = answer
      for (let time = 0; time < 4; time += 1) expect(await failureOf(judge())).toMatchObject({ stage: 'answered' })
      expect([providers.isFailing('corp'), providers.isAvailable('corp')]).toEqual([false, true])
    }
    program.close()
    for (let time = 0; time < 3; time += 1) expect(await failureOf(judge())).toMatchObject({ stage: 'unasked' })
    expect([providers.isFailing('corp'), providers.isAvailable('corp')]).toEqual([true, false])
  })

  it('are left alone once they have been silent about three passwords', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-silent-'))
    const file = join(folder, 'silent.mjs')
    writeFileSync(file, 'export const check = () => new Promise(() => {})')
    const silent = providerOf({ definition: { kind: 'module', settings: { file, settings: {}, limitMs: 100 } } })
    const judge = () => providers.check(silent, { username: 'ann', password: right, address: '192.0.2.1' })
    providers.replace([silent])
    try {
      for (let time = 0; time < 3; time += 1) {
        expect(providers.isAvailable('corp')).toBe(true)
        expect(await failureOf(judge())).toMatchObject({ reason: 'unavailable', stage: 'unanswered' })
      }
      expect(await failureOf(judge())).toMatchObject({ stage: 'unasked' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('have heard no password where they cannot be opened, and are left alone', async () => {
    const file = join(tmpdir(), 'gatehouse-there-is-no-such-module.mjs')
    const absent = providerOf({ definition: { kind: 'module', settings: { file, settings: {}, limitMs: 100 } } })
    providers.replace([absent])
    const judge = () => providers.check(absent, { username: 'ann', password: right, address: '192.0.2.1' })
    for (let time = 0; time < 3; time += 1) {
      expect(await failureOf(judge())).toMatchObject({ reason: 'misconfigured', stage: 'unasked' })
    }
    expect(providers.isAvailable('corp')).toBe(false)
  })

  it('are not left alone for how many others are being asked', async () => {
    const crowded = new ProviderFailure('unavailable', 'too many ask').at('crowded')
    for (let time = 0; time < 4; time += 1) {
      expect(await failureOf(providers.use(corp, async () => Promise.reject(crowded)))).toBe(crowded)
    }
    expect([providers.isFailing('corp'), providers.isAvailable('corp')]).toEqual([true, true])
    expect(await check()).toMatchObject({ subject: 'ann' })
  })

  it('fail as providers do, whatever their kind throws', async () => {
    const failure = await failureOf(
      providers.use(corp, async () => {
        throw new TypeError('with a secret in it')
      }),
    )
    expect(failure).toMatchObject({ reason: 'unavailable', detail: 'it failed unexpectedly: TypeError' })
  })

  it('are opened anew after they could not be opened', async () => {
    believing.remove()
    const other = providers.find('other')
    if (!other) throw new Error('it is gone')
    const open = () => providers.use(other, async ({ redirect }) => redirect !== undefined)
    expect(await failureOf(open())).toBeInstanceOf(ProviderFailure)
    believing = writeBelievingProvider()
    providers.replace([providerOf({ name: 'other', definition: believing.definition })])
    expect(await open()).toBe(true)
  })

  it('are asked under other settings once these are replaced', async () => {
    expect(await check()).toBeDefined()
    const second = await startOwnProgram()
    try {
      second.answer = () => ({ user: { subject: 'of-the-second' } })
      providers.replace([providerOf({ definition: second.definition })])
      expect(await check()).toMatchObject({ subject: 'of-the-second' })
      providers.replace([])
      expect(await failureOf(check())).toMatchObject({ reason: 'misconfigured' })
    } finally {
      second.close()
    }
  })

  it('may be in a private network where that was said of them alone', async () => {
    const strict = createOutbound({ allowLoopback: false })
    const parts = { issuer: 'https://auth.example.com', clock: new ManualClock(), outbound: strict }
    const settings = { url: 'https://10.255.255.1/', secret: 's'.repeat(32), refresh: false }
    const at = (isPrivate: boolean) =>
      providerOf({ name: `private-${isPrivate}`, isPrivate, definition: { kind: 'webhook', settings } })
    const [open, closed] = [at(true), at(false)]
    const configured = createProviders(parts, [open, closed])
    const ask = (one: ProviderSettings) =>
      failureOf(
        configured.use(one, async (opened) =>
          opened.check?.({ username: 'ann', password: right, address: '192.0.2.1' }),
        ),
      )
    expect(await ask(closed)).toMatchObject({ reason: 'misconfigured' })
    const asked = ask(open)
    strict.close()
    expect(await asked).toMatchObject({ reason: 'unavailable' })
    configured.close()
  })
})
