import { send } from '@gatehouse/gateway/fixtures/client'
import { escapes, inside, prefixedRoutes } from '@gatehouse/gateway/fixtures/prefixes'
import { guarded, spellings } from '@gatehouse/gateway/fixtures/spellings'
import { expect, it } from 'vitest'
import { get } from '../flows/running-program.ts'
import { inFrontOfEach } from './upstreams/front.ts'
import { otherHost } from './upstreams/nginx.ts'

// Which service, which host and which path a request gets to, however it is spelt: attacks G8, G9, G10, G12, G13 and G25.
const line = (target: string, host = 'auth.test', more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`
const open = { path: '/**', require: 'nothing' } as const
const boss = { roles: ['boss'] } as const

inFrontOfEach(
  (origin) => [
    { name: 's', audience: 's', upstream: [origin], routes: [{ path: guarded, require: boss }, open] },
    { name: 'below', host: 'below.test', audience: 'b', upstream: [origin], routes: [open] },
  ],
  (front) => {
    it('can be asked for the guarded path directly, and for others', async () => {
      expect((await get((front().upstreams[0]?.origin ?? '') + guarded)).text).toContain('guarded')
      expect((await send(front().test.port, '/who')).body).toContain('open')
      await front().news()
    })

    it.each(spellings)('lets nobody to the guarded path who spells it %j', async (spelling) => {
      const { text } = await front().say(line(spelling))
      expect(text).toMatch(/^HTTP\/1\.1 (?:200|4\d\d) /)
      expect(text).not.toContain('guarded')
      const received = await front().news()
      expect(received).toHaveLength(text.startsWith('HTTP/1.1 200') ? 1 : 0)
      expect(received.map(({ path }) => path)).not.toContain(guarded)
    })

    it.each(['/secret?x=/public', `/public?${guarded}`, '/public?/../admin/users', '/public?a=%2F..%2Fadmin%2Fusers'])(
      'leaves the query of %j a query',
      async (target) => {
        await front().say(line(target))
        const path = target.split('?', 1)[0] ?? ''
        expect(await front().news()).toMatchObject([{ target, path }])
      },
    )

    it('hands on what came in absolute-form as its path, for the service’s own host', async () => {
      await front().say(line('http://AUTH.test:80/b?c'))
      const own = front().upstreams[0]?.origin.slice('http://'.length) ?? ''
      expect(await front().news()).toMatchObject([{ target: '/b?c', path: '/b', headers: { host: own } }])
    })

    it.each([
      ['the host of another one behind the service', line('/x', otherHost), 421],
      ['the same with a port', line('/x', `${otherHost}:8080`), 421],
      ['the same in absolute-form', line(`http://${otherHost}/x`), 400],
      ['the same in both', line(`http://${otherHost}/x`, otherHost), 421],
      ['two hosts in one', line('/x', `auth.test, ${otherHost}`), 400],
      ['a host with userinfo', line('/x', `auth.test@${otherHost}`), 400],
      ['a host with a path', line('/x', `auth.test/${otherHost}`), 400],
      ['a second Host', line('/x', 'auth.test', `Host: ${otherHost}\r\n`), 400],
      ['a port that is too great', line('/x', 'auth.test:65536'), 400],
      ['a host that ends with a dot', line('/x', 'auth.test.'), 400],
      ['an empty host', line('/x', ''), 400],
      ['no host', 'GET /x HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ])('refuses %s', async (_what, bytes, status) => {
      const { text, closed } = await front().say(bytes)
      expect([Number(text.slice(9, 12)), closed]).toEqual([status, true])
      expect(await front().news()).toEqual([])
    })

    it.each(['X-Forwarded-Host', 'X-Host', 'Forwarded', 'X-Original-Host', 'X-HTTP-Host-Override', 'X_Forwarded_Host'])(
      'gets to no other host by %s',
      async (name) => {
        const value = name === 'Forwarded' ? `host=${otherHost}` : otherHost
        const { text } = await front().say(line('/x', 'auth.test', `${name}: ${value}\r\n`))
        expect(text).toContain('open')
        expect(JSON.stringify(await front().news())).not.toContain(otherHost)
      },
    )

    it('tells the service apart neither by the client’s spelling of a host nor by another route’s', async () => {
      expect((await front().say(line('/x', 'BELOW.test:80'))).text).toContain('open')
      expect(await front().news()).toMatchObject([{ headers: { 'x-forwarded-host': 'below.test' } }])
    })
  },
)

inFrontOfEach(
  (origin) => [
    { name: 's', audience: 's', upstream: [origin], stripPrefix: '/orders', addPrefix: '/v2', routes: prefixedRoutes },
    {
      name: 't',
      audience: 't',
      upstream: [origin],
      addPrefix: '/v3',
      routes: [{ path: '/added', require: 'nothing' }],
    },
  ],
  (front) => {
    it.each(Object.entries(inside))('asks for %s as %s', async (path, asked) => {
      const { text } = await front().say(line(path))
      expect(await front().news()).toMatchObject([{ target: asked }])
      expect(text).toContain(asked.startsWith('/v2') ? 'inside' : 'open')
    })

    it.each(escapes)('gets beside the prefix by no %j', async (path) => {
      const { text } = await front().say(line(path))
      expect(text).toMatch(/^HTTP\/1\.1 (?:400|404) /)
      expect(await front().news()).toEqual([])
    })
  },
)

inFrontOfEach(
  (one, two) => [
    {
      name: 'one',
      audience: 'one',
      upstream: [one],
      routes: [
        { path: '/one/**', require: 'nothing' },
        { path: '/bare/**', require: 'nothing', stripPrefix: '/bare' },
      ],
    },
    {
      name: 'two',
      audience: 'two',
      upstream: [two],
      addPrefix: '/one',
      routes: [{ path: '/two/**', require: 'nothing' }],
    },
  ],
  (front) => {
    it('sends each request to the service of its route, whatever address its path repeats, and in whichever order they come', async () => {
      const { origin: two = '' } = front().upstreams[1] ?? {}
      const [host = '', port = ''] = two.slice('http://'.length).split(':')
      const ends = ['', `/${host}:${port}`, `/:${port}/one`, `/@${host}:${port}`, `/http:${port}`, `/${port}`, '/two']
      const tried = [0, 1].flatMap(() =>
        ends.flatMap((end) => [
          [`/one${end}`, 'service-0'],
          [`/two${end}`, 'service-1'],
          [`/bare${end}`, 'service-0'],
          // What the second service is asked by the route before, here asked of the first.
          [`/one/two${end}`, 'service-0'],
        ]),
      )
      for (const [path = '', name] of tried) {
        const { text } = await front().say(line(path))
        expect([path, text.trimEnd().split('at=')[1]?.split('\r\n', 1)[0]]).toEqual([path, name])
      }
    })
  },
)
