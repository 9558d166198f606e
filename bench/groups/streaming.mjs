import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { run } from '../processes.mjs'
import { issuerHost } from '../requests.mjs'
import { median } from '../rounds.mjs'
import { prepareSite } from '../site.mjs'
import { issueTokens } from '../tokens.mjs'
import { isMeasured, residentMemory } from '../usage.mjs'

const load = join(dirname(fileURLToPath(import.meta.url)), '../load')
/** Transfers at a time. */
const transfers = 4
/** How often they are moved in each round: it takes half a second, for which anything may disturb them. */
const repetitions = 3

/**
 * What streams through the gateway: how late its events come, and how quickly great bodies pass in either direction.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureStreaming(bench) {
  const streamer = await startScript('streams', 'streamer.mjs')
  const origin = `http://127.0.0.1:${streamer.port}`
  const services = `  streams:
    upstream: ${origin}
    limits: { body: 1000000000 }
    routes: [ { path: /streams/**, require: { scopes: [orders:read] } } ]
`
  const site = await prepareSite({ database: './gatehouse.db', upstreamPort: bench.upstreamPort, users: 0, services })
  const gatehouse = await site.start()
  const bare = await startScript('bare undici proxy', 'undici-proxy.mjs', [origin])
  const [token] = await issueTokens(gatehouse, 1)
  const runLoad = async (script, ...args) =>
    JSON.parse(await run(process.execPath, [join(load, script), ...args.map(String)]))

  const seconds = bench.quick ? 2 : 5
  const read = (port, rate, ...how) =>
    runLoad('events.mjs', port, issuerHost, `/streams/events?rate=${rate}`, token, ...how)
  /** Fifty streams with twenty events a second each, all opened at once. */
  const events = (port) => read(port, 20, 50, seconds, 0)
  /** One stream every 10 ms, and nothing after its first event: each waits for the gateway, and not for others to be opened. */
  const openings = (port) => read(port, 0, 200, 1, 10)
  const transfer = async ({ port }, direction) => {
    const mb = bench.quick ? 25 : 100
    const moved = await runLoad('transfer.mjs', port, issuerHost, '/streams', token, direction, mb, transfers)
    return moved.mb / moved.seconds
  }
  await events(gatehouse.port)
  const late = { one: [], own: [], bare: [] }
  const speeds = { down: { own: [], bare: [] }, up: { own: [], bare: [] } }
  for (let round = 0; round < bench.rounds; round += 1) {
    late.one.push(await openings(gatehouse.port))
    late.own.push(await events(gatehouse.port))
    late.bare.push(await events(bare.port))
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      for (const direction of ['down', 'up']) {
        speeds[direction].own.push(await transfer(gatehouse, direction))
        speeds[direction].bare.push(await transfer(bare, direction))
      }
    }
  }
  const most = isMeasured ? residentMemory(gatehouse.pid).most : undefined
  await Promise.all([gatehouse, bare, streamer].map((server) => server.stop()))
  const p99 = (what, of) => median(late[of].map((one) => one[what]))
  const speed = (direction) =>
    compare(
      `MB per second ${direction} in ${transfers} transfers at a time through the gateway, against a bare undici proxy`,
      median(speeds[direction].own),
      median(speeds[direction].bare),
      { atLeast: 0.8, isLimit: true },
    )
  return {
    measured: {},
    rows: [
      compare(
        'ms until the first byte of a stream has passed the gateway, p99 of 200, against the limit',
        p99('first', 'one'),
        5,
        {
          atMost: 1,
        },
      ),
      compare(
        'for information: the same of 50 opened at once, against a bare undici proxy',
        p99('first', 'own'),
        p99('first', 'bare'),
      ),
      compare(
        'ms until an event has passed the gateway, p99 over 50 open streams, against the limit',
        p99('later', 'own'),
        5,
        {
          atMost: 1,
        },
      ),
      speed('down'),
      speed('up'),
      ...(most === undefined
        ? []
        : [compare('resident MB at the most during these transfers, against the limit', most, 250, { atMost: 1 })]),
    ],
  }
}
