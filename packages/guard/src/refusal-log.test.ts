import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import { afterEach, expect, it, vi } from 'vitest'
import { createGuard } from './index.ts'
import { GuardRefusal } from './refusal.ts'
import { createRefusalLog } from './refusal-log.ts'
import { createTestIssuer } from './testing/index.ts'

afterEach(() => vi.restoreAllMocks())

const refusal = (reason: ConstructorParameters<typeof GuardRefusal>[0], cause?: unknown) =>
  new GuardRefusal(reason, { realm: 's', cause })

it('tells what the service itself can mend, with what is behind it, and nothing else', () => {
  const lines: string[] = []
  const tell = createRefusalLog(new ManualClock(), (line) => lines.push(line))
  tell(refusal('no_credentials'))
  tell(refusal('expired'))
  tell(refusal('revoked'))
  tell(refusal('insufficient_scope'))
  tell(refusal('keys_unavailable', new Error('no keys', { cause: new Error('ENOTFOUND auth.example') })))
  expect(lines).toEqual([
    'Gatehouse guard: refused with 503 temporarily_unavailable: keys_unavailable: no keys: ENOTFOUND auth.example',
  ])
})

it('tells each reason once a minute', () => {
  const lines: string[] = []
  const clock = new ManualClock()
  const tell = createRefusalLog(clock, (line) => lines.push(line))
  for (let count = 0; count < 100; count += 1) tell(refusal('wrong_audience'))
  tell(refusal('unknown_key'))
  expect(lines).toHaveLength(2)
  clock.advance(60)
  tell(refusal('wrong_audience'))
  expect(lines).toHaveLength(3)
})

it('a guard says whom a token is for that is for somebody else, and nothing of it beside', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const issuer = createTestIssuer({ audience: 'https://api.example.com/orders' })
  const token = issuer.token({ audience: 'https://api.example.com/others' })
  const heard: GuardRefusal[] = []
  const guard = issuer.guard({ onRefusal: (one) => heard.push(one) })
  await expect(guard.verify(token)).rejects.toThrow()
  await expect(guard.check(token)).rejects.toThrow()
  await expect(guard.check(undefined)).rejects.toThrow()
  await expect(guard.check(issuer.token(), { scopes: ['never:given'] })).rejects.toThrow()
  expect(heard.map(({ reason }) => reason)).toEqual([
    'wrong_audience',
    'wrong_audience',
    'no_credentials',
    'insufficient_scope',
  ])
  expect(heard[0]?.cause).toMatchObject({
    message: 'the token is for https://api.example.com/others, and this service is https://api.example.com/orders',
  })
  expect(warn).not.toHaveBeenCalled()
})

it('a guard that reaches nobody says so by itself', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const server = createServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await expect(createGuard({ issuer, audience: 'a' }).check('a.b.c')).rejects.toThrow()
  server.close()
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/keys_unavailable.*answered 404/))
})
