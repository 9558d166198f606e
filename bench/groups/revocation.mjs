import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../scripts/bundle.mjs'
import { root } from '../../scripts/prepare.mjs'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { run } from '../processes.mjs'
import { issuer } from '../requests.mjs'
import { client, password, prepareSite, userCount, userName } from '../site.mjs'

const load = join(dirname(fileURLToPath(import.meta.url)), '../load')
const readers = 1000
const revoked = 100_000

/**
 * How soon a logout counts: at ten guards, for what is open through the gateway, and for a thousand readers of the feed; and what
 * memory the set takes.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureRevocation(bench) {
  await run(process.execPath, [join(root, 'scripts/build-guard.mjs')], { cwd: root })
  const entry = { revocations: 'src/revocations.ts' }
  await bundle({ folder: 'packages/guard', entry, outDir: join(bench.folder, 'set') })
  const streamer = await startScript('streams', 'streamer.mjs')
  const services = `  streams:
    upstream: http://127.0.0.1:${streamer.port}
    client: { secret: "\${BENCH_SECRET}" }
    routes: [ { path: /streams/**, require: signed-in } ]
`
  const site = await prepareSite({ database: './gatehouse.db', upstreamPort: bench.upstreamPort, services })
  const gatehouse = await site.start()
  const file = join(bench.folder, 'revocation-users')
  const users = Array.from({ length: userCount }, (_, index) => userName(index))
  writeFileSync(file, JSON.stringify({ users, password }))
  const runLoad = async (args, script, ...rest) =>
    JSON.parse(await run(process.execPath, [...args, join(load, script), ...rest.map(String)]))

  const samples = bench.quick ? 40 : 200
  const who = ['service:streams', client.secret]
  const logouts = await runLoad([], 'logouts.mjs', gatehouse.port, issuer, issuer, ...who, '/streams', file, samples)
  const feed = await runLoad(
    [],
    'feed-readers.mjs',
    gatehouse.port,
    issuer,
    ...who,
    readers,
    file,
    bench.quick ? 5 : 20,
  )
  const module = join(bench.folder, 'set/revocations.mjs')
  const set = await runLoad(['--expose-gc'], 'revocation-set.mjs', module, revoked)
  await Promise.all([gatehouse, streamer].map((server) => server.stop()))
  const { guards, sockets } = logouts
  bench.say(`p50: guards ${guards.p50.toFixed(1)} ms, sockets ${sockets.p50.toFixed(1)} ms`)
  const atMost = { atMost: 1 }
  return {
    measured: {},
    rows: [
      compare(
        'ms from POST /logout to the refusal of the last of 10 guards, p99, against the limit',
        guards.p99,
        100,
        atMost,
      ),
      compare(
        'ms from POST /logout to the end of open streams and WebSockets, p99, against the limit',
        sockets.p99,
        100,
        atMost,
      ),
      compare(
        'ms from POST /logout until 1,000 readers of the feed know, at the most, against the limit',
        feed.most,
        1000,
        atMost,
      ),
      compare('MB of the set of 100,000 revocations, against the limit', set.mb, 30, atMost),
    ],
  }
}
