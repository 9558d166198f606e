import { afterEach, describe, expect, it } from 'vitest'
import { isMissing, type ProxiedSite, startProxiedSite } from './proxied-site.ts'
import { proxies } from './proxies.ts'

/** How those that cut what is silent for a minute are told to do so after a second, where the guide says nothing else. */
const changes: Readonly<Record<string, (text: string) => string>> = {
  nginx: (text) => text.replace(/listen .*;/, '$&\n  proxy_read_timeout 1s;'),
  HAProxy: (text) => text.replace(/timeout (client|server) 60s/g, 'timeout $1 1s'),
}

let started: ProxiedSite | undefined
afterEach(() => started?.remove())

describe.each(proxies.filter(({ name }) => name in changes))('forward-auth by $name', (proxy) => {
  it.skipIf(isMissing(proxy))('leaves a WebSocket open that says nothing', async () => {
    started = await startProxiedSite(proxy, { change: (text) => changes[proxy.name]?.(text) ?? text })
    const handshake = {
      ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    }
    const socket = await started.open('/stream', { ...started.by('alice'), ...handshake })
    expect(socket.first).toBe('101')
    const waited = new Promise((done) => setTimeout(done, 3000, 'still open'))
    expect(await Promise.race([socket.ended.then(() => 'cut'), waited])).toBe('still open')
    socket.close()
  })
})
