import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { goodPassword } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchangeHttp2, openHttp2 } from './testing/http2-exchange.ts'
import { type SecureSite, startSecureSite } from './testing/secure-site.ts'

const run = promisify(execFile)
const secret = randomBytes(32).toString('base64url')

let site: SecureSite
/** Requests that the service has not answered to their end. */
let open = 0
const service = createServer((incoming, response) => {
  open += 1
  response.on('close', () => {
    open -= 1
  })
  if (incoming.url === '/orders/live') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    return
  }
  if (incoming.method === 'POST') {
    let body = ''
    incoming.setEncoding('latin1').on('data', (chunk) => {
      body += chunk
    })
    return void incoming.on('end', () => response.end(JSON.stringify({ body, type: incoming.headers['content-type'] })))
  }
  response.end(JSON.stringify({ ...incoming.headers, version: incoming.httpVersion }))
})
beforeAll(async () => {
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  site = await startSecureSite(`
  orders:
    upstream: ${origin}
    client: { secret: ${secret} }
    routes: [{ path: /orders/**, require: { scopes: [orders:read] } }]
  shop:
    host: shop.test
    upstream: ${origin}
    session: cookie
    routes: [{ path: /**, require: signed-in }]`)
})
afterAll(async () => {
  await site.close()
  service.close().closeAllConnections()
})

const send = exchangeHttp2()
async function post(path: string, body: unknown, headers = {}) {
  const sent = { host: 'auth.test', 'content-type': 'application/json', ...headers }
  const { status, text } = await send(site.port, { method: 'POST', path, headers: sent, body: JSON.stringify(body) })
  return { status, json: text === '' ? {} : JSON.parse(text) }
}
const get = (path: string, headers = {}) =>
  send(site.port, { method: 'GET', path, headers: { host: 'auth.test', ...headers }, body: undefined })

describe('over HTTP/2', () => {
  it('one signs in, refreshes, asks a service, and signs out', async () => {
    const first = await post('/login', { username: 'alice', password: goodPassword, scope: 'orders:read' })
    expect(first.status).toBe(200)
    const second = await post('/token/refresh', { refresh_token: first.json.refresh_token })
    expect(second.status).toBe(200)
    const authorization = `Bearer ${second.json.access_token}`
    const answer = await get('/orders/1', { authorization })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toMatchObject({ 'x-gatehouse-scope': 'orders:read', version: '1.1' })
    expect((await post('/validate', { token: second.json.access_token })).json).toMatchObject({ valid: true })
    expect((await post('/logout', {}, { authorization })).status).toBe(204)
    expect((await get('/orders/1', { authorization })).status).toBe(401)
  })

  it('pages, metadata and health are there, and what is nowhere is 404', async () => {
    const page = await new HostBrowser(site.port, send).visit('https://auth.test/login')
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(JSON.parse((await get('/.well-known/openid-configuration')).text).issuer).toBe('https://auth.test')
    expect((await get('/livez')).text).toBe('{"status":"live"}')
    expect((await get('/nowhere')).status).toBe(404)
    expect((await get('/orders/1', { host: 'elsewhere.test' })).status).toBe(421)
  })

  it('a browser signs in to an app, by forms and cookies', async () => {
    const browser = new HostBrowser(site.port, exchangeHttp2())
    const page = await browser.submit(await browser.visit('https://shop.test/basket'), {
      username: 'alice',
      password: goodPassword,
    })
    expect([page.url, page.status]).toEqual(['https://shop.test/basket', 200])
    expect(JSON.parse(page.text)['x-gatehouse-subject']).toMatch(/^usr_/)
    expect((await browser.call('https://shop.test/api', { method: 'POST', body: '{}' })).status).toBe(200)
  })

  it('Strict-Transport-Security is said of the issuer’s host, and of no app’s, which has its own to say', async () => {
    const [hsts, path] = ['strict-transport-security', '/_gatehouse/sign-in']
    expect((await get('/login', { host: 'AUTH.test:443' })).headers[hsts]).toBe('max-age=31536000')
    const away = await get(path, { host: 'shop.test' })
    expect([away.status, away.headers[hsts]]).toEqual([303, undefined])
  })

  it('a form that was sent without a session is kept, and sent again as it was', async () => {
    const browser = new HostBrowser(site.port, exchangeHttp2())
    const [type, body] = ['text/plain', 'note=one\r\n']
    const login = await browser.post('https://shop.test/notes', body, { 'content-type': type })
    const page = await browser.submit(login, { username: 'alice', password: goodPassword })
    expect(page.text).toContain('<dt>note</dt><dd>one</dd>')
    expect(JSON.parse((await browser.submit(page)).text)).toEqual({ body, type })
    expect((await browser.submit(page)).text).toContain('id="gone"')
  })

  it('the revocation feed tells of a sign-out, which ends what its session has open', async () => {
    const { json } = await post('/login', { username: 'alice', password: goodPassword, scope: 'orders:read' })
    const authorization = `Bearer ${json.access_token}`
    const { sid } = JSON.parse(Buffer.from(json.access_token.split('.')[1], 'base64url').toString())
    const session = openHttp2(site.port)
    const open = (path: string, headers = {}) => {
      const stream = session.request({ ':path': path, ':authority': 'auth.test', ...headers })
      stream.setEncoding('utf8')
      return stream
    }
    const basic = `Basic ${Buffer.from(`service%3Aorders:${secret}`).toString('base64')}`
    const feed = open('/events/revocations', { authorization: basic })
    const live = open('/orders/live', { authorization })
    let told = ''
    feed.on('data', (chunk) => {
      told += chunk
    })
    await Promise.all([once(feed, 'response'), once(live, 'response')])
    const ended = once(live.resume(), 'end')
    await post('/logout', {}, { authorization })
    await ended
    await expect.poll(() => told).toContain(sid)
    expect(live.rstCode).toBe(0)
    session.destroy()
  })

  it('HTTP/1.1 is spoken as before, on the same port', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const options = { port: site.port, path: '/livez', host: '127.0.0.1', agent: false, rejectUnauthorized: false }
      request({ ...options, headers: { host: 'auth.test' } }, (response) => {
        response.resume().on('end', () => resolve(`${response.httpVersion} ${response.statusCode}`))
      })
        .on('error', reject)
        .end()
    })
    expect(answer).toBe('1.1 200')
  })

  it('curl does, where it has both', async () => {
    const version = async (...more: string[]) => {
      const to = `https://auth.test:${site.port}/livez`
      const options = ['-sk', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', '-H', 'Host: auth.test']
      return (await run('curl', [...options, '--resolve', `auth.test:${site.port}:127.0.0.1`, ...more, to])).stdout
    }
    expect(await version('--http2')).toBe('2 200')
    expect(await version('--http1.1')).toBe('1.1 200')
    // An upgrade, and prior knowledge, are for plain connections, and there is none.
    expect(await version('--http2-prior-knowledge')).toBe('2 200')
  })
})

it('is over when the server closes: at once where nothing is under way, and with its last stream where something is', async () => {
  const origin = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  const other = await startSecureSite(`  orders: { upstream: ${origin}, routes: [{ path: /**, require: nothing }] }`)
  const [idle, busy, stuck] = [openHttp2(other.port), openHttp2(other.port), openHttp2(other.port)]
  const head = { ':authority': 'auth.test' }
  await Promise.all(
    [idle, busy, stuck].map((session) => once(session.request({ ...head, ':path': '/livez' }).resume(), 'end')),
  )
  const slow = busy.request({ ...head, ':path': '/orders', ':method': 'POST' }, { endStream: false })
  slow.write('a')
  stuck.request({ ...head, ':path': '/orders/live' }).on('error', () => undefined)
  await expect.poll(() => open).toBe(2)
  let isClosed = false
  other.program.server.close(() => {
    isClosed = true
  })
  await once(idle, 'close')
  expect([busy.destroyed, stuck.destroyed]).toEqual([false, false])
  slow.end('b')
  const [answer] = await once(slow, 'response')
  expect(answer[':status']).toBe(200)
  await once(slow.resume(), 'end')
  await once(busy, 'close')
  expect([stuck.destroyed, isClosed]).toEqual([false, false])
  other.program.server.closeAllConnections()
  await once(stuck, 'close')
  await expect.poll(() => isClosed).toBe(true)
  await other.close()
})

it('is not offered where the configuration says so', async () => {
  const plain = await startSecureSite(
    '  orders: { upstream: http://127.0.0.1:1, routes: [{ path: /x, require: token }] }',
    ', http2: false',
  )
  const failure = await exchangeHttp2()(plain.port, {
    method: 'GET',
    path: '/livez',
    headers: { host: 'auth.test' },
    body: undefined,
  }).catch((error) => error.code)
  expect(failure).toMatch(/^ERR_SSL|ECONNRESET|ERR_HTTP2/)
  await plain.close()
})
