import { join } from 'node:path'
import { openAppSessions } from '../apps.mjs'
import { compare } from '../comparison.mjs'
import { formatRequest, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { prepareSite } from '../site.mjs'
import { issueTokens } from '../tokens.mjs'
import { runWrk } from '../wrk.mjs'

const appHost = 'shop.example.com'
const names = {
  plain: 'gateway, a scope',
  condition: 'gateway, a scope and a condition',
  bound: 'gateway, an identity for each request',
  tokens: 'gateway, 200 tokens',
  sessions: 'gateway, 200 browser sessions',
}

/**
 * What one more thing costs at the gateway: a condition, an identity that is bound to its request, a browser's session.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureEdge(bench) {
  const { upstreamPort } = bench
  const upstream = `upstream: http://127.0.0.1:${upstreamPort}`
  const site = await prepareSite({
    ...{ database: './gatehouse.db', upstreamPort },
    services: `  edge:
    ${upstream}
    routes:
      - { path: "/plain/{id}", require: { scopes: [orders:read] } }
      - { path: "/condition/{id}", require: { scopes: [orders:read], when: 'path.id != "none" && principal.sub == "bench"' } }
      - { path: "/bound/{id}", require: { scopes: [orders:read] }, identity: { bind: request } }
  app:
    ${upstream}
    host: ${appHost}
    session: cookie
    routes:
      - { path: "/**", require: { scopes: [orders:read] } }
`,
  })
  const gatehouse = await site.start()
  const tokens = await issueTokens(gatehouse, 2000)
  const cookies = await openAppSessions(gatehouse, `https://${appHost}`, 200)
  const bearer = (index, count) => ({ authorization: `Bearer ${tokens[index % count]}` })
  const files = {
    plain: buildRequests((id) => formatRequest('GET', `/plain/${id % 500}`, { headers: bearer(id, 2000) })),
    condition: buildRequests((id) => formatRequest('GET', `/condition/${id % 500}`, { headers: bearer(id, 2000) })),
    bound: buildRequests((id) => formatRequest('GET', `/bound/${id % 500}`, { headers: bearer(id, 2000) })),
    tokens: buildRequests((id) => formatRequest('GET', `/plain/${id % 500}`, { headers: bearer(id, 200) })),
    sessions: buildRequests((id) =>
      formatRequest('GET', `/plain/${id % 500}`, { headers: { cookie: cookies[id % cookies.length] } }).replace(
        /^host: .*$/m,
        `host: ${appHost}`,
      ),
    ),
  }
  const target = { ...gatehouse, ports: [gatehouse.port, upstreamPort] }
  const measured = await measureInRounds(
    Object.entries(files).map(([key, requests]) => {
      const file = writeRequests(join(bench.folder, `edge-${key}`), requests)
      return { name: names[key], load: (seconds) => runWrk(target, { script: 'rotate.lua', args: [file] }, seconds) }
    }),
    bench,
  )
  await gatehouse.stop()
  const rate = (key) => measured[names[key]].rate
  return {
    measured,
    rows: [
      compare('gateway requests per second with a condition in CEL, against none', rate('condition'), rate('plain'), {
        atLeast: 0.92,
      }),
      compare(
        'for information: gateway requests per second with an identity bound to each, against one a minute',
        rate('bound'),
        rate('plain'),
      ),
      compare('gateway requests per second by browser sessions, against by tokens', rate('sessions'), rate('tokens'), {
        atLeast: 0.8,
      }),
    ],
  }
}

/** Different requests: tokens and paths meet in ever new pairs. */
const buildRequests = (build) =>
  Array.from({ length: 10_000 }, (_, index) => build(index * 7 + Math.floor(index / 2000)))
