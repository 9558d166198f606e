import { posix } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sendRaw } from '../fixtures/client.ts'
import { startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import { normalizePath } from '../normalize-path.ts'
import type { RouteDefinition } from '../routes.ts'

// Spellings of a guarded path, against each kind of route, with an open route for everything else: attacks G8, G9 and G10.
// Whatever is let through must be what was decided on, and no service may read it as the guarded path.
const guarded = '/admin/users'
const spellings = [
  '/admin/users',
  '//admin/users',
  '/admin//users',
  '///admin/users',
  '/./admin/users',
  '/admin/./users',
  '/admin/users/.',
  '/x/../admin/users',
  '/admin/x/../users',
  '/public/../admin/users',
  '/admin/users/..',
  '/admin/users/../users',
  '/%61dmin/users',
  '/%41dmin/users',
  '/admin/user%73',
  '/%61%64%6d%69%6e/users',
  '/admin%2fusers',
  '/admin%2Fusers',
  '%2fadmin/users',
  '/%2fadmin/users',
  '/admin%5cusers',
  '/admin%5Cusers',
  '/admin\\users',
  '\\admin\\users',
  '/public\\..\\admin/users',
  '/admin/users;x',
  '/admin;x/users',
  '/;/admin/users',
  '/public/..;/admin/users',
  '/public/..;x=1/admin/users',
  '/admin/users%3b',
  '/public/..%3b/admin/users',
  '/%2e/admin/users',
  '/public/%2e%2e/admin/users',
  '/public/.%2e/admin/users',
  '/public/%2E./admin/users',
  '/public/%252e%252e/admin/users',
  '/%2561dmin/users',
  '/%25%36%31dmin/users',
  '/admin%252fusers',
  '/admin%25%32fusers',
  '/%25252561dmin/users',
  '/admin/users%00',
  '/admin%00/users',
  '/admin/users%0a',
  '/admin/users%0d%0aX: y',
  '/admin/users%09',
  '/admin/users%7f',
  '/admin/users%20',
  '/admin/users/',
  '/admin/users?',
  '/admin/users?x=/public',
  '/admin/users?/../public',
  '/admin/users#/public',
  '/public#/../admin/users',
  '/public?/../admin/users',
  '/admin/users%23',
  '/admin/users%3f',
  '/ADMIN/users',
  '/admin/Users',
  '/admin%EF%BC%8Fusers',
  '/%EF%BC%8Fadmin/users',
  '/admin%c0%afusers',
  '/admin%e0%80%afusers',
  '/admin%c1%9cusers',
  '/%c1%a1dmin/users',
  '/admin\u00e2\u0081\u0084users',
  '/admin/us\u00e9rs',
  '/admin%u002fusers',
  '/%u0061dmin/users',
  '/admin/users%',
  '/admin/users%2',
  '/admin/users%zz',
  '/admin/users\t',
  '/admin/%E2%80%AEusers',
  'http://auth.test/admin/users',
  'http://auth.test//admin/users',
  'http://auth.test/public/../admin/users',
  'http://evil.test/admin/users',
  'http://auth.test@evil.test/admin/users',
  'admin/users',
  '/~/admin/users',
  '/admin/users.',
  '/admin/users..',
  '/admin/.users',
  '/admin/{users}',
  '/admin/|users',
]

const open: RouteDefinition = { path: '/**', require: 'nothing' }
const kinds: Record<string, RouteDefinition[]> = {
  exact: [{ path: guarded, require: { roles: ['boss'] } }, open],
  name: [{ path: '/admin/{what}', require: { roles: ['boss'] } }, open],
  rest: [{ path: '/admin/**', require: { roles: ['boss'] } }, open],
}

/** How services of various makes read a path: as it is, resolved, decoded once or twice, without parameters. */
function readings(path: string): string[] {
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text)
    } catch {
      return text
    }
  }
  const once = decode(path)
  const forms = [path, once, decode(once)]
  const more = forms.flatMap((form) => [
    form,
    form.replaceAll('\\', '/'),
    form.replace(/;[^/]*/g, ''),
    form.split('\0', 1)[0] ?? '',
  ])
  return [...new URL(path, 'http://a').pathname.split('\n'), ...more, ...more.map((form) => posix.normalize(form))]
}

describe.each(Object.entries(kinds))('with a guard on the %s route', (_kind, routes) => {
  let upstream: TestUpstream
  let test: TestGateway

  beforeAll(async () => {
    upstream = await startUpstream()
    test = await startGateway([{ name: 's', audience: 's', upstream: [upstream.origin], routes }])
  })
  afterAll(async () => {
    await test.stop()
    await upstream.stop()
  })
  beforeEach(() => {
    upstream.received.length = 0
  })

  it.each(spellings)('%j', async (spelling) => {
    const { text } = await sendRaw(
      test.port,
      `GET ${spelling} HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\n\r\n`,
    )
    const status = Number(text.slice(9, 12))
    if (status !== 200) {
      expect([400, 401, 404, 405]).toContain(status)
      expect(upstream.received).toEqual([])
      return
    }
    expect(upstream.received).toHaveLength(1)
    const received = (upstream.received[0]?.url ?? '').split('?', 1)[0] ?? ''
    const sent = spelling.replace('http://auth.test', '').split('?', 1)[0] ?? ''
    expect(received).toBe(normalizePath(sent))
    expect(readings(received)).not.toContain(guarded)
  })
})

describe('the table', () => {
  it('has the spellings that it promises, and some that get through', () => {
    expect(new Set(spellings).size).toBeGreaterThanOrEqual(60)
    expect(readings('/x/../admin/users')).toContain(guarded)
    expect(readings('/public/..;/admin/users')).toContain(guarded)
    expect(readings('/%2561dmin/users')).toContain(guarded)
    expect(readings('/~/admin/users')).not.toContain(guarded)
  })
})
