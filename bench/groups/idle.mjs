import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { onEnd, run } from '../processes.mjs'
import { formatRequest, issuerHost, writeRequests } from '../requests.mjs'
import { median } from '../rounds.mjs'
import { prepareSite } from '../site.mjs'
import { issueTokens } from '../tokens.mjs'
import { isMeasured, residentMemory } from '../usage.mjs'

const load = join(dirname(fileURLToPath(import.meta.url)), '../load')
const rate = 1000

/**
 * What rests costs: memory of 10,000 kept connections and 2,000 WebSockets, and whether others are answered later meanwhile.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureIdle(bench) {
  const [plain, webSockets] = bench.quick ? [2000, 400] : [10_000, 2000]
  const streamer = await startScript('streams', 'streamer.mjs')
  const services = `  streams:
    upstream: http://127.0.0.1:${streamer.port}
    timeouts: { idle: 1h }
    routes: [ { path: /streams/**, require: { scopes: [orders:read] } } ]
`
  const site = await prepareSite({ database: './gatehouse.db', upstreamPort: bench.upstreamPort, users: 0, services })
  const gatehouse = await site.start()
  const tokens = await issueTokens(gatehouse, 500)
  const requests = tokens.map((token, index) =>
    formatRequest('GET', `/orders/${index}`, { headers: { authorization: `Bearer ${token}` } }),
  )
  const file = writeRequests(join(bench.folder, 'idle'), requests)
  const generator = [join(load, 'open-loop.mjs'), String(gatehouse.port), file, String(rate)]
  const seconds = bench.quick ? 2 : 6
  const measure = async () => {
    const runs = []
    for (let round = 0; round < bench.rounds; round += 1) {
      const one = JSON.parse(await run(process.execPath, [...generator, String(seconds)]))
      if (one.failed > 0) throw new Error(`${one.failed} of ${one.answered} requests failed`)
      runs.push(one.p99)
    }
    return median(runs)
  }
  await measure()
  const alone = await measure()
  const resting = await openResting(gatehouse.port, [issuerHost, '/streams/socket', tokens[0], plain, webSockets])
  const beside = await measure()
  const memory = isMeasured ? residentMemory(gatehouse.pid).now : undefined
  const { open, broken } = await resting.close()
  await Promise.all([gatehouse, streamer].map((server) => server.stop()))
  bench.say(
    `${open} of ${plain + webSockets} still open, ${broken} broken; p99 ${alone.toFixed(2)} and ${beside.toFixed(2)} ms`,
  )
  if (open < plain + webSockets) throw new Error(`only ${open} connections were still open`)
  const what = `${plain} connections and ${webSockets} WebSockets at rest`
  return {
    measured: {},
    rows: [
      ...(memory === undefined
        ? []
        : [compare(`resident MB with ${what}, against the limit`, memory, 250, { atMost: 1 })]),
      compare(`p99 in ms of other requests beside ${what}, against without`, beside, alone, { atMost: 1.5 }),
    ],
  }
}

/** Opens connections that rest, in a process of their own. */
async function openResting(port, args) {
  const child = spawn(process.execPath, [join(load, 'idle.mjs'), String(port), ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const stop = onEnd(async () => {
    child.kill()
    await ended
  })
  let output = ''
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += chunk
      if (output.includes('open\n')) resolve()
    })
    child.once('close', (code) => reject(new Error(`opening connections ended with ${code}`)))
  })
  return {
    async close() {
      child.stdin.end()
      await ended
      await stop()
      return JSON.parse(output.slice(output.indexOf('\n') + 1))
    },
  }
}
