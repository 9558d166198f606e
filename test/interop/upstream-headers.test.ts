import { send } from '@gatehouse/gateway/fixtures/client'
import { expect, it } from 'vitest'
import { inFrontOfEach } from './upstreams/front.ts'

// What services are told of who calls and from where, and what caches may keep of their answers: attacks G1, G3, G4, G5, G6, G15
// and G22. A service may fold names (nginx does), believe proxies, or take the first value of several.
const user = 'usr_0123456789abcdefghijkl'
const line = (path: string, headers: string, token?: string): string => {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  const close = headers.includes('Connection:') ? '' : 'Connection: close\r\n'
  return `GET ${path} HTTP/1.1\r\nHost: auth.test\r\n${close}${authorization}${headers}\r\n\r\n`
}

inFrontOfEach(
  (origin) => [
    {
      name: 's',
      audience: 's',
      upstream: [origin],
      routes: [
        { path: '/who', require: 'optional' },
        { path: '/me', require: 'token' },
        { path: '/kept', require: 'token' },
        { path: '/public/**', require: 'nothing' },
      ],
    },
  ],
  (front) => {
    it('tells the service who calls', async () => {
      expect((await send(front().test.port, '/who', { token: 'reader' })).body).toContain(`subject=${user} `)
      await front().news()
    })

    it.each([
      'X-Gatehouse-Subject: usr_boss',
      'x-gatehouse-subject: usr_boss\r\nX-GATEHOUSE-SUBJECT: usr_boss',
      'X_Gatehouse_Subject: usr_boss',
      'X-Gatehouse_Subject: usr_boss',
      'X.Gatehouse.Subject: usr_boss',
      'X-Gatehouse-Roles: boss\r\nX_GATEHOUSE_ROLES: boss\r\nX-Forwarded-User: usr_boss\r\nX_Forwarded_User: usr_boss',
      'Connection: close, X-Gatehouse-Subject',
      'Connection: x-gatehouse-subject\r\nX-Gatehouse-Subject: usr_boss',
      'Connection: close\r\nConnection: X-Gatehouse-Subject, X-Gatehouse-Roles, Authorization, X-Forwarded-For',
    ])('tells the service who is calling, whatever a client says: %j', async (headers) => {
      for (const [token, subject] of [
        ['reader', user],
        [undefined, ''],
      ]) {
        await front().say(line('/who', headers, token))
        const [received, ...more] = await front().news()
        expect(more).toEqual([])
        expect(received?.headers).toMatchObject({ 'x-gatehouse-subject': subject, 'x-gatehouse-roles': '' })
        expect(received?.headers).toMatchObject({ 'x-forwarded-user': '', 'x-forwarded-for': '127.0.0.1' })
        expect(received?.headers.authorization).toBe(token === undefined ? '' : `Bearer identity-of-${user}-for-s`)
      }
    })

    it.each([
      'Cookie: gatehouse_session',
      'Cookie: gatehouse_session=',
      'Cookie: =; ;;; gatehouse_session==x',
      'Cookie: __Host-gatehouse_app="',
      'Cookie: gatehouse_app=%zz%; \t',
      'Cookie: a=\u00ff\u00fe; gatehouse_session=%00',
      `Cookie: ${'gatehouse_session=x; '.repeat(300)}`,
      'Cookie: {"gatehouse_session": "x"}',
      'Cookie:',
      'Cookie: gatehouse_session=a\r\nCookie: gatehouse_session=b',
    ])('says 401 to a cookie that is none, and asks nobody: %.60s', async (cookie) => {
      const { text } = await front().say(line('/me', cookie))
      expect(text).toMatch(/^HTTP\/1\.1 401 /)
      expect(await front().news()).toEqual([])
    })

    it.each([
      ['a=1; gatehouse_session=secret; b=2', 'a=1; b=2'],
      ['a=1;gatehouse_session=secret;b=2', 'a=1;b=2'],
      ['GATEHOUSE_SESSION=secret; a=1', 'a=1'],
      [' gatehouse_session =secret; a=1', 'a=1'],
      ['=gatehouse_session=secret; a=1', 'a=1'],
      ['a="; gatehouse_session=secret; b="', 'a="; b="'],
      ['__Host-gatehouse_app=secret', ''],
      ['a=1\r\nCookie: gatehouse_app=secret\r\nCookie: b=2', 'a=1; b=2'],
    ])('keeps our cookies from the service and leaves it its own: %j', async (cookie, left) => {
      await front().say(line('/public/x', `Cookie: ${cookie}`))
      const [received] = await front().news()
      // The first of several lines is all that the record of nginx has.
      expect([left, left.split('; ', 1)[0]]).toContain(received?.headers.cookie)
    })

    it.each([
      'X-Forwarded-For: 10.0.0.1',
      'X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nX-FORWARDED-FOR: 10.0.0.3',
      'X_Forwarded_For: 10.0.0.1',
      'Forwarded: for=10.0.0.1;proto=https;host=evil.test',
      'X-Real-IP: 10.0.0.1\r\nTrue-Client-IP: 10.0.0.1\r\nCF-Connecting-IP: 10.0.0.1',
      'X-Forwarded-Proto: https\r\nX_Forwarded_Proto: https\r\nX-Forwarded-Ssl: on',
      'X-Forwarded-Host: evil.test\r\nX_FORWARDED_HOST: evil.test',
      'X-Forwarded-Prefix: /evil\r\nX_Forwarded_Prefix: /evil',
      'X-Forwarded-Uri: /public/x\r\nX-Original-URL: /public/x\r\nX-Rewrite-URL: /public/x',
      'X-Forwarded-Whatever: evil\r\nX_Forwarded_Whatever: evil',
      'Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host',
    ])('says itself where a request comes from, and is not led by what the client says: %j', async (headers) => {
      await front().say(line('/public/x', headers))
      const [received, ...more] = await front().news()
      expect(more).toEqual([])
      expect(received).toMatchObject({ target: '/public/x', address: '127.0.0.1' })
      expect(received?.headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'auth.test',
        ...{ 'x-forwarded-prefix': '', 'x-forwarded-uri': '', 'x-original-url': '', 'x-real-ip': '', forwarded: '' },
      })
      const refused = await front().say(line('/me', headers))
      expect(refused.text).toMatch(/^HTTP\/1\.1 401 /)
      expect(await front().news()).toEqual([])
    })

    it('lets no cache keep what was answered to a token', async () => {
      const silent = await send(front().test.port, '/me', { token: 'reader' })
      expect([silent.status, silent.headers['cache-control']]).toEqual([200, 'no-store'])
      const wide = await send(front().test.port, '/kept', { token: 'reader' })
      expect([wide.status, wide.headers['cache-control']]).toEqual([200, 'max-age=3600, private'])
      await front().news()
    })

    it.each(['/me/x.css', '/me/', '/me%2fx.css', '/me;x.css', '/me/..%2fx.css', '/me%00.css', '/me.css'])(
      'answers no person’s page at %s, where a cache would take it for a file',
      async (path) => {
        const { text } = await front().say(line(path, 'Accept: text/css', 'reader'))
        expect(text).toMatch(/^HTTP\/1\.1 (?:400|404) /)
        expect(text.toLowerCase()).toContain('cache-control: no-store')
        expect(await front().news()).toEqual([])
      },
    )
  },
)
