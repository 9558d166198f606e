import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { guardHono } from './adapters/hono.ts'
import { guardNode } from './adapters/node.ts'
import { digestRequest } from './request-binding.ts'
import { createTestIssuer, type TestPrincipal } from './testing/index.ts'

const issuer = createTestIssuer({ audience: 'https://api.example.com/orders' })
const guard = issuer.guard()
const request = { method: 'GET', target: '/orders/7?page=2' }
const identity = (principal: TestPrincipal = {}): string => issuer.token({ type: 'identity', request, ...principal })
const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'good',
    (error: { reason: string }) => error.reason,
  )
const asked = (more: object = {}, token = identity()): Promise<string> =>
  reasonOf(guard.authorize({ authorization: `Bearer ${token}`, ...request, ...more }))

describe('an identity that is bound to a request', () => {
  it('is good for its method, path and query, and for no others', async () => {
    expect(await asked()).toBe('good')
    expect(await asked({ method: 'POST' })).toBe('wrong_request')
    expect(await asked({ target: '/orders/8?page=2' })).toBe('wrong_request')
    expect(await asked({ target: '/orders/7?page=3' })).toBe('wrong_request')
    expect(await asked({ target: '/orders/7' })).toBe('wrong_request')
    expect(await asked({ method: undefined })).toBe('wrong_request')
    expect(await asked({ target: undefined })).toBe('wrong_request')
  })

  it('is remembered, and still looked at each time', async () => {
    const token = identity()
    expect(await asked({}, token)).toBe('good')
    expect(await asked({ method: 'DELETE' }, token)).toBe('wrong_request')
  })

  it('is good for nobody who sees no request, and the log says what to do', async () => {
    for (const promise of [guard.verify(identity()), guard.check(identity())]) {
      await expect(promise).rejects.toMatchObject({
        status: 401,
        code: 'invalid_token',
        reason: 'wrong_request',
        cause: { message: expect.stringContaining('guard.authorize with method and target') },
      })
    }
  })

  it('stands beside other bindings and replaces none of them', async () => {
    const both = { claims: { cnf: { 'req#S256': digestRequest(request), 'x5t#S256': 'cert' } } }
    expect(await asked({}, identity(both))).toBe('sender_constraint')
    expect(await asked({ findCertificateThumbprint: () => 'cert' }, identity(both))).toBe('good')
    expect(await asked({ findCertificateThumbprint: () => 'cert', method: 'PUT' }, identity(both))).toBe(
      'wrong_request',
    )
    const unknown = { claims: { cnf: { 'else#S256': 'x' } } }
    expect(await asked({}, identity(unknown))).toBe('sender_constraint')
  })
})

describe('a target', () => {
  const digest = (target: string): string => digestRequest({ method: 'GET', target })

  it('is the same in every spelling that proxies and frameworks make of it', () => {
    expect(digest("/a?q='x'|{y}")).toBe(digest('/a?q=%27x%27%7C%7By%7D'))
    expect(digest('/caf%c3%a9?x=%2f')).toBe(digest('/caf%C3%A9?x=%2F'))
    expect(digest('/a?')).toBe(digest('/a'))
  })

  it('is another one in everything else', () => {
    const targets = ['/a', '/A', '/a/', '/a?x', '/a?x=', '/a?x=?', '/a?x=%3F', '/a?y&x', '/a?x&y', '/%61', '/a??']
    expect(new Set(targets.map(digest)).size).toBe(targets.length)
    expect(digestRequest({ method: 'get', target: '/a' })).not.toBe(digest('/a'))
  })
})

describe('the adapters', () => {
  const target = `/orders/7?q='"<a>|b'&x=%2f`
  const bound = issuer.headers({ type: 'identity', request: { method: 'GET', target } })

  it('of node:http hand the request over', async () => {
    const server = createServer(guardNode(guard)((_request, response, { subject }) => void response.end(subject)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect((await fetch(url + target, { headers: bound })).status).toBe(200)
    expect((await fetch(`${url}/orders/8`, { headers: bound })).status).toBe(401)
    expect((await fetch(url + target, { headers: bound, method: 'DELETE' })).status).toBe(401)
    await new Promise((resolve) => server.close(resolve))
  })

  it('of the Fetch standard hand the request over', async () => {
    const ask = async (url: string): Promise<number> => {
      const req = {
        method: 'GET',
        url: new URL(url).href,
        header: (name: string) => new Headers(bound).get(name) ?? undefined,
      }
      return (await guardHono(guard)({ req, set: () => {} }, async () => {}))?.status ?? 200
    }
    expect(await ask(`http://localhost${target}`)).toBe(200)
    expect(await ask('http://localhost/orders/7')).toBe(401)
  })
})

describe('who has acted', () => {
  it('is a list, the last one first', async () => {
    const actors = ['service:cart', 'service:orders']
    expect((await guard.verify(issuer.token({ actors }))).actors).toEqual(actors)
    expect((await guard.verify(issuer.token())).actors).toEqual([])
  })
})
