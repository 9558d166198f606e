import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { signWebhook } from '../outbound/sign-webhook.ts'
import type { CheckDoor, OutsideIdentity, Provider } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import { createWebhookProvider } from './webhook.ts'

const secret = 'k3J9x-Qz71_Lm02vPs84TtYw5-RrBnHd'
let server: Server
let outbound: Outbound
let provider: Provider
let requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[]
let respond: (response: ServerResponse) => void

beforeEach(async () => {
  requests = []
  outbound = createOutbound({ allowLoopback: true })
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      requests.push({ headers: request.headers, body })
      respond(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ask` // it listens at a port
  provider = createWebhookProvider(
    { name: 'own', issuer: 'https://auth.example.com', clock: new ManualClock(), outbound },
    { url, secret, refresh: true },
  )
})
afterEach(() => {
  outbound.close()
  server.closeAllConnections()
  server.close()
})

const json =
  (content: unknown, status = 200, type = 'application/json') =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': type })
    response.end(typeof content === 'string' ? content : JSON.stringify(content))
  }
const check = (password = 'right'): ReturnType<CheckDoor> | undefined =>
  provider.check?.({ username: 'alice', password, address: '192.0.2.1' })
const failureOf = async (promise: Promise<unknown> | undefined): Promise<ProviderFailure> => {
  const error = await promise?.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ProviderFailure) return error
  throw new Error('it did not fail as a provider does')
}

describe('a program of one’s own, asked over HTTP', () => {
  it('tells who somebody is, being asked by a signed message', async () => {
    respond = json({ user: { subject: '42', email: 'a@example.com', groups: ['x'], amr: ['pwd', 'otp'] } })
    expect(await check()).toEqual({
      subject: '42',
      amr: ['pwd', 'otp'],
      claims: { email: 'a@example.com', groups: ['x'] },
    })
    const [{ headers, body } = { headers: {}, body: '' }] = requests
    const asked = { event: 'check', username: 'alice', password: 'right', address: '192.0.2.1' }
    expect(JSON.parse(body)).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), ...asked })
    expect(headers['gatehouse-signature']).toBe(signWebhook(secret, new ManualClock().now(), body))
  })

  it('refuses, with a reason or without, and is not asked without a password', async () => {
    respond = json({ refused: true })
    expect(await check()).toBeUndefined()
    respond = json({ refused: true, reason: 'locked' })
    expect(await check()).toBeUndefined()
    respond = json({ refused: true, subject: '42' })
    expect(await check()).toEqual({ wrongFor: '42' })
    expect(await provider.refresh?.({ subject: '42' })).toBeUndefined()
    expect([await check(''), requests.length]).toEqual([undefined, 4])
  })

  it('is asked again about somebody, and only about them', async () => {
    const again = (): Promise<OutsideIdentity | undefined> | undefined => provider.refresh?.({ subject: '42' })
    respond = json({ user: { subject: '42', name: 'A' } })
    expect(await again()).toEqual({ subject: '42', claims: { name: 'A' } })
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({ event: 'refresh', subject: '42' })
    respond = json({ refused: true })
    expect(await again()).toBeUndefined()
    respond = json({ user: { subject: '43' } })
    expect(await failureOf(again())).toMatchObject({ reason: 'invalid_answer' })
  })

  it.each([
    ['nothing', json(''), 'invalid_answer'],
    ['no JSON', json('{'), 'invalid_answer'],
    ['neither', json({}), 'invalid_answer'],
    ['both', json({ user: { subject: '42' }, refused: true }), 'invalid_answer'],
    ['not refused', json({ refused: false }), 'invalid_answer'],
    ['nobody', json({ user: { subject: '' } }), 'invalid_answer'],
    ['a number for a subject', json({ user: { subject: 42 } }), 'invalid_answer'],
    ['a prototype', json('{"user":{"subject":"42","__proto__":{"admin":true}}}'), 'invalid_answer'],
    ['HTML', json('<p>', 200, 'text/html'), 'invalid_answer'],
    ['too much', json({ user: { subject: '42', more: 'x'.repeat(200_000) } }), 'invalid_answer'],
    ['a redirect', (response: ServerResponse) => response.writeHead(302, { location: '/' }).end(), 'invalid_answer'],
    ['201', json({ user: { subject: '42' } }, 201), 'misconfigured'],
    ['401', json({ user: { subject: '42' } }, 401), 'misconfigured'],
    ['503', json({ user: { subject: '42' } }, 503), 'unavailable'],
    ['the end of the connection', (response: ServerResponse) => response.destroy(), 'unavailable'],
  ] as const)('has failed where it answers %s', async (_, answer, reason) => {
    respond = answer
    const failure = await failureOf(check('a-password-of-mine'))
    expect(failure.reason).toBe(reason)
    expect(failure.detail).not.toMatch(/a-password-of-mine|<p>/)
  })

  it.each([401, 403, 404])(
    'turns everybody away by %d, unless it has just taken somebody’s question',
    async (status) => {
      respond = json({}, status)
      expect(await failureOf(check())).toMatchObject({ reason: 'misconfigured', stage: 'unasked' })
      respond = json({ refused: true })
      await check()
      respond = json({}, status)
      expect(await failureOf(check())).toMatchObject({ reason: 'misconfigured', stage: 'answered' })
      const now = performance.now() + 60_001
      const later = vi.spyOn(performance, 'now').mockImplementation(() => now)
      expect(await failureOf(check())).toMatchObject({ stage: 'unasked' })
      later.mockRestore()
    },
  )

  it('has heard a password once there was a connection', async () => {
    respond = (response) => response.destroy()
    expect(await failureOf(check())).toMatchObject({ reason: 'unavailable', stage: 'answered' })
    server.close()
    server.closeAllConnections()
    expect(await failureOf(check())).toMatchObject({ reason: 'unavailable', stage: 'unasked' })
  })

  it('has failed where it drips', async () => {
    respond = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
    }
    const started = performance.now()
    expect(await failureOf(check())).toMatchObject({ reason: 'unavailable', stage: 'unanswered' })
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('is looked at without anybody’s password', async () => {
    const look = async (): Promise<unknown[]> => {
      const findings = []
      for await (const finding of provider.examine()) findings.push(finding)
      return findings
    }
    respond = json({ refused: true })
    expect(await look()).toEqual([{ what: 'webhook', state: 'ok', says: expect.stringContaining('it answers') }])
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ id: expect.any(String), event: 'examine' })
    respond = json({}, 403)
    expect(await look()).toMatchObject([{ state: 'wrong', says: expect.stringContaining('answered 403') }])
  })
})
