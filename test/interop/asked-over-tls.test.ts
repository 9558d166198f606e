import { afterEach, describe, expect, it } from 'vitest'
import { isMissing, type ProxiedSite, startProxiedSite } from './proxied-site.ts'
import { proxies } from './proxies.ts'

/** How those that ask over HTTP/2 where they can are told to ask over TLS, by a certificate that nobody knows. */
const changes: Readonly<Record<string, (text: string) => string>> = {
  Traefik: (text) =>
    text.replace(/address: http:(\S+check)/, 'address: https:$1\n        tls: { insecureSkipVerify: true }'),
  'Caddy of today': (text) =>
    text.replace(
      /reverse_proxy (\S+) \{\n\t\t\tmethod GET\n/,
      'reverse_proxy https://$1 {\n\t\t\tmethod GET\n\t\t\ttransport http {\n\t\t\t\ttls_insecure_skip_verify\n\t\t\t}\n',
    ),
}

let started: ProxiedSite | undefined
afterEach(() => started?.remove())

describe.each(proxies.filter(({ name }) => name in changes))('$name that asks over TLS', (proxy) => {
  it.skipIf(isMissing(proxy))('gets no yes for a call of gRPC that is refused', async () => {
    let changed = 0
    const change = (text: string): string => {
      const other = changes[proxy.name]?.(text) ?? text
      if (other !== text) changed += 1
      return other
    }
    started = await startProxiedSite(proxy, { change, isAskedOverTls: true })
    expect(changed).toBe(1)
    const { ask, by, received } = started
    const call = { 'content-type': 'application/grpc' }
    expect((await ask('/page', { ...call, ...by('bob') })).status).toBe(200)
    expect(received).toHaveLength(1)
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, '']))
    const answers = [
      await ask('/page', call),
      await ask('/edit/page', { ...call, ...by('bob') }),
      await ask('/page', { ...call, 'x-gatehouse-subject': 'boss' }),
      await ask('/page', { ...call, ...many }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 400, 431])
    expect(received).toHaveLength(1)
  })
})
