import { connect } from 'node:net'
import { until } from '@gatehouse/gateway/fixtures/client'
import { guarded, spellings } from '@gatehouse/gateway/fixtures/spellings'
import { expect, it } from 'vitest'
import { inFrontOfEach } from './upstreams/front.ts'

// Handshakes of WebSockets are requests like any other, and leave nothing behind where they are refused: attack G19. nginx is no
// WebSocket server itself: it passes what is below `/live/` on to one of plain node, and answers 200 to any other handshake.
const wish = (target: string, more = '', after = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: auth.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n${more}\r\n${after}`
const reader = 'Authorization: Bearer reader\r\n'
const frame = Buffer.from([0x82, 0x83, 0, 0, 0, 0, 1, 2, 3])

inFrontOfEach(
  (origin) => [
    {
      name: 's',
      audience: 's',
      upstream: [origin],
      routes: [
        { path: guarded, require: { roles: ['boss'] } },
        { path: '/live/**', require: { scopes: ['orders:read'] } },
        { path: '/open/**', require: 'nothing' },
        { path: '/**', require: 'nothing' },
      ],
    },
  ],
  (front) => {
    it('joins client and service, and tells the service who calls and from which page', async () => {
      const forged = 'X-Gatehouse-Subject: usr_boss\r\nX_Gatehouse_Subject: usr_boss\r\nOrigin: https://evil.test\r\n'
      const socket = connect(front().test.port, '127.0.0.1', () => socket.write(wish('/live/a', `${reader}${forged}`)))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
      })
      await until(() => text.includes('origin='))
      expect(text).toMatch(/^HTTP\/1\.1 101 /)
      expect(text).toContain('open subject=usr_0123456789abcdefghijkl origin=https://evil.test')
      socket.write(frame)
      await until(() => text.includes(`got ${frame.length}`))
      socket.destroy()
    })

    it.each(spellings)('opens nobody a WebSocket at the guarded path who spells it %j', async (spelling) => {
      const { text, closed } = await front().say(wish(spelling, reader))
      expect(text).toMatch(/^HTTP\/1\.1 (?:200|4\d\d) /)
      expect(text).not.toContain('guarded')
      expect(closed).toBe(true)
    })

    it('would open one there: the service itself does', async () => {
      const { port } = new URL(front().upstreams[0]?.origin ?? '')
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(wish(guarded)))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
      })
      await until(() => text.includes('guarded'))
      socket.destroy()
      await front().news()
    })

    it.each([
      ['nobody', '/live/a', '', 401],
      ['somebody without the scope', '/live/a', 'Authorization: Bearer writer\r\n', 403],
      ['a path with dots', '/live/../open/a', reader, 400],
      ['a fragment', '/live/a#/open/a', reader, 400],
      ['a fragment in the query', '/live/a?b#c', reader, 400],
      ['another host', 'http://evil.test/live/a', reader, 400],
    ])('refuses %s, and no tunnel stays behind', async (_who, target, headers, status) => {
      const socket = connect({ port: front().test.port, host: '127.0.0.1', allowHalfOpen: true })
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        // What comes after the refusal must not reach the service as if there was a tunnel.
        if (text === '') socket.write('GET /smuggled HTTP/1.1\r\nHost: auth.test\r\n\r\n')
        text += chunk.toString('latin1')
      })
      socket.write(wish(target, headers))
      await new Promise((resolve) => socket.on('close', resolve).on('end', resolve))
      socket.destroy()
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
      expect(await front().news()).toEqual([])
    })

    it.each([
      ['a request', '', 'GET /live/secret HTTP/1.1\r\nHost: auth.test\r\n\r\n'],
      ['a frame', '', frame.toString('latin1')],
      ['a body', 'Content-Length: 4\r\n', 'abcd'],
      ['a chunked body', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ])('opens none where %s comes along with the handshake', async (_what, headers, after) => {
      const { text, closed } = await front().say(wish('/open/a', headers, after))
      expect([text.match(/HTTP\/1\.1 \d+/g), closed]).toEqual([['HTTP/1.1 400'], true])
      expect(await front().news()).toEqual([])
    })

    it('hands on the answer of a service that agrees to none, and ends the connection', async () => {
      const { text, closed } = await front().say(wish('/open/a'))
      expect(text).toMatch(/^HTTP\/1\.1 (?:403|200) /)
      expect([text.match(/HTTP\/1\.1 /g), closed]).toEqual([['HTTP/1.1 '], true])
      expect((await front().news()).map(({ target }) => target)).toEqual(['/open/a'])
    })

    it('grants no wish for another protocol, and shows the service none', async () => {
      const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n'
      const { text, closed } = await front().say(`GET /open/a HTTP/1.1\r\nHost: auth.test\r\n${h2c}`)
      expect([text.startsWith('HTTP/1.1 200'), closed]).toEqual([true, true])
      expect(await front().news()).toMatchObject([{ headers: { upgrade: '', 'http2-settings': '' } }])
    })

    it('still answers', async () => {
      const { text } = await front().say('GET /open/a HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\n\r\n')
      expect(text).toContain('open')
    })
  },
)
