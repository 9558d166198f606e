import { afterEach, beforeEach, expect, it } from 'vitest'
import type { NotedFailure } from '../federation/federation.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { noteProviderFailure } from './note-provider-failure.ts'

let started: StartedAuth
let logged: NotedFailure[]
beforeEach(async () => {
  logged = []
  started = await startAuth({ onProviderFailure: (failure) => void logged.push(failure) })
})
afterEach(() => started.close())

const note = (why: string, address = '192.0.2.1') => {
  const { store, clock, auth } = started
  const by = { address, request_id: 'req_1' }
  const failure = new ProviderFailure('invalid_answer', why)
  return noteProviderFailure({ store, clock, federation: auth.federation }, 'corp', by, failure)
}
const rows = async () => {
  const all = await started.store.audit.list({ type: 'provider_failed', limit: 1000 })
  return all.map(({ detail, count }) => [JSON.parse(detail).why as string, count]).reverse()
}

it('notes each reason, also after another of the same minute, and each once in the log', async () => {
  await note('nobody in this browser waits for it')
  await note('its clock is 70 s ahead')
  await note('nobody in this browser waits for it')
  await note('its clock is 71 s ahead')
  expect(await rows()).toEqual([
    ['nobody in this browser waits for it', 2],
    ['its clock is 70 s ahead', 2],
  ])
  expect(logged).toEqual([
    { provider: 'corp', reason: 'invalid_answer', why: expect.any(String), address: '192.0.2.1', request_id: 'req_1' },
    expect.objectContaining({ why: 'its clock is 70 s ahead' }),
  ])
  started.clock.advance(60)
  await note('nobody in this browser waits for it')
  expect(logged).toHaveLength(3)
})

it('makes no more rows than there may be, whatever a stranger has a provider say', async () => {
  for (let at = 0; at < 200; at += 1) await note(`it sent the browser back with: ${'x'.repeat(at)}`)
  expect((await rows()).length).toBeLessThanOrEqual(32)
  expect(logged.length).toBe((await rows()).length)
})
