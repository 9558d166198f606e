import { connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { findFreePort } from '../flows/running-program.ts'
import { isMissing, type ProxiedSite, startProxiedSite } from './proxied-site.ts'
import { proxies } from './proxies.ts'

/** How those that speak HTTP/2 without TLS are told to, at a port more: what they ask is the same with TLS. */
const changes: Readonly<Record<string, (text: string, port: number) => string>> = {
  nginx: (text, port) => text.replace(/listen .*;/, `$&\n  listen 127.0.0.1:${port} http2;`),
  HAProxy: (text, port) => text.replace(/bind .*/, `$&\n  bind 127.0.0.1:${port} proto h2`),
}

let started: ProxiedSite | undefined
afterEach(() => started?.remove())

/** The status of a request of HTTP/2; 0 where its answer is cut. */
async function ask(
  port: number,
  path: string,
  authority: string,
  headers: IncomingHttpHeaders,
  body = '',
): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`)
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject)
      const message = { ...headers, ':path': path, ':authority': authority }
      const stream = session.request(message, { endStream: body === '' })
      let status = 0
      stream.on('response', (answer) => {
        status = answer[':status'] ?? 0
      })
      // Many clients show nothing of an answer that is cut.
      stream.on('error', reject).on('close', () => resolve(stream.rstCode === constants.NGHTTP2_NO_ERROR ? status : 0))
      stream.resume()
      // Later than the proxy could have refused it.
      if (body !== '') setTimeout(() => stream.end(body), 100)
    })
  } finally {
    session.close()
  }
}

describe.each(proxies.filter(({ name }) => name in changes))('forward-auth by $name over HTTP/2', (proxy) => {
  it.skipIf(isMissing(proxy))('decides as over HTTP/1.1', async () => {
    const port = await findFreePort()
    started = await startProxiedSite(proxy, { change: (text) => changes[proxy.name]?.(text, port) ?? text })
    const { app, by, received } = started
    const { host } = new URL(app)
    const authorization = `${by('bob').authorization}`
    const statuses = [
      await ask(port, '/page?a=1&b=%2F', host, { authorization }),
      await ask(port, '/page', host, {}),
      await ask(port, '/edit/page', host, { authorization }),
      await ask(port, '/page', host, { accept: 'text/html' }),
    ]
    expect(statuses).toEqual([200, 401, 403, 303])
    // A refusal is heard also by who has sent a body with what is refused.
    for (let times = 0; times < 3; times += 1) {
      for (const length of [3, 10_000]) {
        const post = { ':method': 'POST', 'content-length': String(length) }
        expect([length, await ask(port, '/edit/page', host, post, 'x'.repeat(length))]).toEqual([length, 401])
      }
    }
    expect(received).toMatchObject([{ url: '/page?a=1&b=%2F', headers: { 'x-gatehouse-scope': 'orders:read' } }])
  })
})
