import { posix } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { send, sendRaw } from '../fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { escapes, inside, prefixedRoutes } from '../fixtures/prefixes.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import { normalizePath } from '../normalize-path.ts'
import { rewritePath } from '../rewrite/target-path.ts'
import type { ServiceDefinition } from '../routes.ts'

// A path whose beginning is taken off and replaced must never lead beside what was put on: attack G10.
let upstream: TestUpstream
let test: TestGateway

beforeAll(async () => {
  upstream = await startUpstream()
  const added = [{ path: '/added', require: 'nothing' }] as const
  test = await startGateway([
    {
      name: 's',
      audience: 's',
      upstream: [upstream.origin],
      stripPrefix: '/orders',
      addPrefix: '/v2',
      routes: prefixedRoutes,
    },
    { name: 't', audience: 't', upstream: [upstream.origin], addPrefix: '/v3', routes: added },
  ])
})
afterAll(() => Promise.all([test.stop(), upstream.stop()]))
beforeEach(() => {
  upstream.received.length = 0
})

const statusOf = async (path: string): Promise<number> => {
  const { text } = await sendRaw(test.port, `GET ${path} HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\n\r\n`)
  return Number(text.slice(9, 12))
}

describe('a prefix that is taken off and replaced', () => {
  it.each(Object.entries(inside))('%s is asked for as %s', async (path, asked) => {
    expect(await statusOf(path)).toBe(200)
    expect(upstream.received.map(({ url }) => url)).toEqual([asked])
  })

  it.each(escapes)('%j reaches nobody', async (path) => {
    expect([400, 404]).toContain(await statusOf(path))
    expect(upstream.received).toEqual([])
  })

  it('is told to the service by us alone', async () => {
    await send(test.port, '/orders/1', { headers: { 'x-forwarded-prefix': '/evil', X_Forwarded_Prefix: '/evil' } })
    expect(upstream.received[0]?.headers['x-forwarded-prefix']).toBe('/orders')
    await send(test.port, '/added', { headers: { 'x-forwarded-prefix': '/evil' } })
    expect(upstream.received[1]?.headers).not.toHaveProperty('x-forwarded-prefix')
  })

  it('says in the log what is wrong with another spelling', async () => {
    test.log.length = 0
    expect(await statusOf('/a%3Ab/x')).toBe(400)
    expect(test.log[0]).toMatchObject({ code: 'invalid_request', rule: 'strip_prefix' })
  })

  it('never leads out of what is put on, whatever comes', () => {
    const pieces = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '\\',
      ';',
      '%',
      '25',
      'a',
      'orders',
      '//',
      '#',
      '?',
      '@',
      ':',
    )
    const paths = fc.array(pieces, { maxLength: 12 }).map((parts) => `/orders${parts.join('')}`)
    const property = fc.property(paths, (raw) => {
      const path = normalizePath(raw)
      if (typeof path !== 'string') return
      for (const add of ['/v2', '']) {
        const asked = rewritePath(path, { strip: '/orders', add })
        if (asked === undefined) continue
        expect(asked).toMatch(/^\/(?!\/)/)
        for (const read of [asked, decodeURIComponent(asked)]) {
          const resolved = posix.normalize(read.replaceAll('\\', '/'))
          expect(resolved === (add || '/') || resolved.startsWith(`${add}/`)).toBe(true)
        }
      }
    })
    fc.assert(property, { numRuns: 5000 })
  })
})

describe('a prefix that cannot be meant', () => {
  const service = (more: Partial<ServiceDefinition>, path = '/orders/**'): ServiceDefinition[] => [
    { name: 's', audience: 's', upstream: ['http://s'], routes: [{ path, require: 'nothing' }], ...more },
  ]
  const refused: [Partial<ServiceDefinition>, string, RegExp][] = [
    [{ stripPrefix: '/orders/' }, '/orders/**', /without a slash at its end/],
    [{ stripPrefix: '/' }, '/orders/**', /without a slash at its end/],
    [{ stripPrefix: 'orders' }, '/orders/**', /does not begin with a slash/],
    [{ stripPrefix: '/order' }, '/orders/**', /not every path of the route begins with \/order$/],
    [{ stripPrefix: '/orders' }, '/**', /not every path/],
    [{ stripPrefix: '/orders' }, '/{what}/x', /not every path/],
    [{ stripPrefix: '/orders/{id}' }, '/orders/{id}', /write it as it is decided on|without a slash/],
    [{ addPrefix: '/v2/../v1' }, '/orders/**', /dot segment/],
    [{ addPrefix: '//evil.example' }, '/orders/**', /empty segment/],
    [{ addPrefix: '/%6f' }, '/orders/**', /write it as it is decided on: \/o$/],
    [{ addPrefix: '/a?b' }, '/orders/**', /without a slash|has/],
  ]
  it.each(refused)('%j on %s', (more, path, message) => {
    expect(() => tableFor(service(more, path))).toThrow(message)
  })
})
