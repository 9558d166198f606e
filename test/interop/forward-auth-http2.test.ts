import { connect, type IncomingHttpHeaders } from 'node:http2'
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

/** The status of a request of HTTP/2. */
async function ask(port: number, path: string, authority: string, headers: IncomingHttpHeaders): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`)
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject)
      const stream = session.request({ ...headers, ':path': path, ':authority': authority })
      stream.on('response', (answer) => resolve(answer[':status'] ?? 0)).on('error', reject)
      stream.resume().end()
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
    expect(received).toMatchObject([{ url: '/page?a=1&b=%2F', headers: { 'x-gatehouse-scope': 'orders:read' } }])
  })
})
