import type { ClientId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { ManualClock } from '@gatehouse/core/time'
import type { AuditEventRow } from '@gatehouse/store/rows'
import { openStore } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { basic, type StartedAuth, startAuth } from '../../testing/start-auth.ts'
import { assertionType } from './client-assertion.ts'
import { createClientRefusals } from './client-refusals.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth({
    clients: [
      { id: 'worker', secret: 'worker-secret-worker-secret', grantTypes: ['client_credentials'] },
      { id: 'signer', secret: undefined, authMethod: 'private_key_jwt', grantTypes: ['client_credentials'] },
      { id: 'vault', secret: undefined, authMethod: 'tls_client_auth', grantTypes: ['client_credentials'] },
    ],
  })
})
afterEach(() => started.close())

const rows = async (): Promise<readonly AuditEventRow[]> => {
  await started.auth.clientRefusals.write()
  return (await started.store.audit.list({ type: 'client_authentication', limit: 100 })).reverse()
}
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const grant_type = 'client_credentials'
const statusAt = async (path: string, form: Record<string, string>, headers = {}): Promise<number> =>
  (await started.postForm(path, form, headers)).status

describe('a client that does not prove itself', () => {
  it('stands in the audit trail with what was wrong, and with nothing of what it sent', async () => {
    const wrong = 'a-wrong-secret'
    const client_assertion = `${part({ alg: 'ES256' })}.${part({ iss: 'signer', sub: 'signer' })}.${'A'.repeat(86)}`
    const tries: readonly [Record<string, string>, Record<string, string>?][] = [
      [{}, basic('worker', wrong)],
      [{ client_id: 'signer', client_secret: wrong }],
      [{ client_assertion, client_assertion_type: assertionType }],
      [{ client_id: 'vault' }],
      [{}, basic(wrong, wrong)],
      [{}],
    ]
    for (const [form, headers] of tries)
      expect(await statusAt('/oauth/token', { grant_type, ...form }, headers)).toBe(401)
    const events = await rows()
    expect(events.map(({ result, client_id, count }) => [result, client_id, count])).toEqual([
      ['wrong_secret', 'worker', 1],
      ['wrong_method', 'signer', 1],
      ['wrong_assertion', 'signer', 1],
      ['wrong_certificate', 'vault', 1],
      ['unknown_client', null, 1],
      ['no_client', null, 1],
    ])
    expect(events[0]).toMatchObject({ address: '127.0.0.1', request_id: expect.stringMatching(/^req_/) })
    for (const secret of [wrong, client_assertion]) expect(JSON.stringify(events)).not.toContain(secret)
  })

  it('stands there whichever endpoint it asked, and who proves itself does not', async () => {
    const paths = ['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/par', '/oauth/device']
    for (const path of paths) expect(await statusAt(path, { grant_type, token: 't' }, basic('worker', 'no'))).toBe(401)
    const asked = await started.postJson('/validate', { token: 't' }, basic('worker', 'no'))
    expect(asked.status).toBe(401)
    expect(await statusAt('/oauth/token', { grant_type }, basic('worker', 'worker-secret-worker-secret'))).toBe(200)
    expect(await statusAt('/oauth/token', { grant_type: 'none' }, basic('worker', 'worker-secret-worker-secret'))).toBe(
      400,
    )
    expect(await rows()).toMatchObject([{ result: 'wrong_secret', client_id: 'worker', count: 6 }])
  })

  it('is one row a minute for each client, and those that there are not are one for all of them', async () => {
    const ask = (id: string) => statusAt('/oauth/token', { grant_type }, basic(id, 'no'))
    for (const id of ['worker', 'first', 'second', 'worker']) await ask(id)
    const counts = async () => (await rows()).map(({ result, client_id, count }) => [result, client_id, count])
    const minute = [
      ['wrong_secret', 'worker', 2],
      ['unknown_client', null, 2],
    ]
    expect(await counts()).toEqual(minute)
    // Also where some of them have been written before.
    await ask('worker')
    expect((await counts())[0]).toEqual(['wrong_secret', 'worker', 3])
    started.clock.advance(60)
    await ask('worker')
    expect((await counts()).at(-1)).toEqual(['wrong_secret', 'worker', 1])
  })
})

describe('a flood of them', () => {
  const refusal = new GatehouseError('invalid_client')
  const from = (number: number) => ({
    ...{ fault: 'unknown_client' as const, client: undefined, requestId: 'req_1' },
    address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
  })

  it('from everywhere is at most so many rows a minute, and loses none of them', async () => {
    const { store, clock } = started
    const refusals = createClientRefusals({ store, clock })
    for (let number = 0; number < 3000; number += 1) {
      refusals.note(refusal, from(number))
      if (number % 500 === 0) await refusals.write()
    }
    await refusals.write()
    const events = await store.audit.list({ type: 'client_authentication', limit: 5000 })
    expect(events).toHaveLength(1001)
    expect(events.find(({ address }) => address === null)).toMatchObject({ count: 2000, client_id: null })
    clock.advance(60)
    refusals.note(refusal, from(2999))
    await refusals.write()
    expect(await store.audit.list({ type: 'client_authentication', limit: 5000 })).toHaveLength(1002)
  })

  it('hides nobody who guesses at the secret of a client meanwhile', async () => {
    const { store, clock } = started
    const refusals = createClientRefusals({ store, clock })
    const worker = await started.auth.clients.find('worker' as ClientId)
    for (let number = 0; number < 1500; number += 1) refusals.note(refusal, from(number))
    for (let number = 0; number < 7; number += 1)
      refusals.note(refusal, { ...from(number), fault: 'wrong_secret', client: worker })
    await refusals.write()
    const events = await store.audit.list({ type: 'client_authentication', limit: 5000 })
    expect(events.filter(({ result }) => result === 'wrong_secret')).toMatchObject([
      { client_id: 'worker', count: 7, address: null },
    ])
  })

  it('piles up no further where the database is long in giving no answer', async () => {
    const { store, clock } = started
    let { append } = store.audit
    const audit = { ...store.audit, append: (event: Parameters<typeof append>[0]) => append(event) }
    const refusals = createClientRefusals({ store: { audit }, clock })
    for (let minute = 0; minute < 6; minute += 1) {
      const waited = new Promise<void>((done) => setTimeout(done, 20))
      append = async () => {
        await waited
        throw new Error('away')
      }
      refusals.note(refusal, from(0))
      const written = refusals.write()
      for (let number = 0; number < 1000; number += 1) refusals.note(refusal, from(number))
      await expect(written).rejects.toThrow('away')
      clock.advance(60)
    }
    append = store.audit.append
    await refusals.write()
    expect(await store.audit.list({ type: 'client_authentication', limit: 10_000 })).toHaveLength(2000)
  })

  it('is written once the database is there again, and piles up no further meanwhile', async () => {
    const clock = new ManualClock()
    const store = await openStore({ url: ':memory:', clock })
    await store.migrate()
    let isAway = true
    const append: typeof store.audit.append = (event) =>
      isAway ? Promise.reject(new Error('away')) : store.audit.append(event)
    const refusals = createClientRefusals({ store: { audit: { ...store.audit, append } }, clock })
    for (let minute = 0; minute < 5; minute += 1) {
      for (let number = 0; number < 1000; number += 1) refusals.note(refusal, from(number))
      await expect(refusals.write()).rejects.toThrow('away')
      clock.advance(60)
    }
    isAway = false
    await refusals.write()
    const events = await store.audit.list({ limit: 10_000 })
    expect(events).toHaveLength(2000)
    expect(events.at(-1)?.at).toBe(clock.now() - 300)
    await store.close()
  })

  it('is nothing where it was something else that went wrong', async () => {
    const { store, clock } = started
    const refusals = createClientRefusals({ store, clock })
    for (const code of ['temporarily_unavailable', 'too_many_requests', 'invalid_request'] as const)
      refusals.note(new GatehouseError(code), from(1))
    await refusals.write()
    expect(await rows()).toEqual([])
  })
})
