import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { formatRequest, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { proxyWithAuthRequest, startNginx } from '../servers/nginx.mjs'
import { prepareSite, stems } from '../site.mjs'
import { fetchKeys, findSigner, issueTokens } from '../tokens.mjs'
import { runWrk } from '../wrk.mjs'

/** Different requests: tokens and paths meet in ever new pairs. */
const requestCount = 10_000
const twoWorkers = 'Gatehouse with two workers'

/**
 * The gateway with JWT check, identity JWT, metrics and limits on, over 2,000 tokens and 500 paths, against proxies that
 * check nothing and against nginx with auth_request.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureGateway(bench) {
  const gatehouse = await bench.site.start()
  const tokens = await issueTokens(gatehouse, 2000)
  const keyFile = join(bench.folder, 'gateway-key')
  writeFileSync(keyFile, JSON.stringify(findSigner(await fetchKeys(gatehouse), tokens[0])))
  const file = writeRequests(join(bench.folder, 'gateway'), buildRequests(tokens))
  const two = await startTwoWorkers(bench)
  // Tokens of its own: each site has its keys.
  const fileForTwo = writeRequests(
    join(bench.folder, 'gateway-two-workers'),
    buildRequests(await issueTokens(two, tokens.length)),
  )

  const upstream = `http://127.0.0.1:${bench.upstreamPort}`
  const servers = [
    gatehouse,
    two,
    await startScript('bare undici proxy', 'undici-proxy.mjs', [upstream]),
    await startScript('http-proxy-3', 'http-proxy-3.mjs', [upstream]),
    await startScript('@fastify/http-proxy', 'fastify-http-proxy.mjs', [upstream]),
    ...(bench.hasNginx ? [await startChecked(bench, keyFile)] : []),
  ]
  const measured = await measureInRounds(
    servers.map((server) => ({
      name: server.name,
      load: (seconds) =>
        runWrk(
          withUpstream(server, bench.upstreamPort),
          { script: 'rotate.lua', args: [server === two ? fileForTwo : file] },
          seconds,
        ),
    })),
    bench,
  )
  await Promise.all(servers.map((server) => server.stop()))
  return { measured, rows: buildRows(measured) }
}

/** A proxy's connections to its upstream are looked at too. */
const withUpstream = (server, upstreamPort) => ({
  ...server,
  ports: [server.port, upstreamPort, ...(server.ports ?? [])],
})

function buildRequests(tokens) {
  const paths = Array.from({ length: 500 }, (_, index) => `/${stems[index % stems.length]}/${index}`)
  return Array.from({ length: requestCount }, (_, index) => {
    const path = paths[(index * 7 + Math.floor(index / tokens.length)) % paths.length]
    return formatRequest('GET', path, { headers: { authorization: `Bearer ${tokens[index % tokens.length]}` } })
  })
}

/** As many processes as nginx and the service that it asks. */
async function startTwoWorkers({ upstreamPort }) {
  const site = await prepareSite({ database: './gatehouse.db', upstreamPort, users: 0, more: 'workers: 2\n' })
  return site.start(twoWorkers)
}

/** nginx that asks a small service by auth_request; both count together. */
async function startChecked(bench, keyFile) {
  const auth = await startScript('auth service', 'auth-request.mjs', [keyFile])
  const nginx = await startNginx(
    join(bench.folder, 'nginx-gateway'),
    proxyWithAuthRequest(bench.upstreamPort, auth.port),
  )
  return {
    ...nginx,
    name: 'nginx + auth_request',
    ports: [auth.port],
    pids: () => [...nginx.pids(), ...auth.pids()],
    stop: async () => {
      await Promise.all([nginx.stop(), auth.stop()])
    },
  }
}

function buildRows(measured) {
  const { rate, processor } = measured.Gatehouse
  const against = (name, other, goal) => compare(`gateway requests per second, against ${name}`, rate, other.rate, goal)
  const nginx = measured['nginx + auth_request']
  const two = measured[twoWorkers]
  return [
    against('http-proxy-3 without any check', measured['http-proxy-3'], { atLeast: 1.35 }),
    against('@fastify/http-proxy without any check', measured['@fastify/http-proxy']),
    against('a bare undici proxy', measured['bare undici proxy'], { atLeast: 0.82, isLimit: true }),
    ...(nginx ? [against('nginx + auth_request', nginx, { atLeast: 0.9 })] : []),
    ...(nginx?.processor && processor
      ? [
          compare(
            'gateway CPU µs per request, against nginx and its auth service together',
            processor,
            nginx.processor,
            {
              atMost: 1,
            },
          ),
        ]
      : []),
    ...(nginx
      ? [
          compare(
            'for information: gateway requests per second with two workers, against nginx + auth_request',
            two.rate,
            nginx.rate,
          ),
        ]
      : []),
    ...(nginx?.processor && two.processor
      ? [
          compare(
            'for information: CPU µs per request of the two workers, against those',
            two.processor,
            nginx.processor,
          ),
        ]
      : []),
  ]
}
