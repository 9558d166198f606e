import { posix } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sendRaw } from '../fixtures/client.ts'
import { startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { guarded, spellings } from '../fixtures/spellings.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import { normalizePath } from '../normalize-path.ts'
import type { RouteDefinition } from '../routes.ts'

// Spellings of a guarded path, against each kind of route, with an open route for everything else: attacks G8, G9 and G10.
// Whatever is let through must be what was decided on, and no service may read it as the guarded path.
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
