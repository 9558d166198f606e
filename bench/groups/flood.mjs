import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from '../comparison.mjs'
import { run } from '../processes.mjs'
import { formatJsonPost, issuer, writeRequests } from '../requests.mjs'
import { median } from '../rounds.mjs'
import { issueTokens } from '../tokens.mjs'
import { runWrk } from '../wrk.mjs'
import { warmUpOfSignIns, writeSignIns } from './login.mjs'

const generator = join(dirname(fileURLToPath(import.meta.url)), '../load/open-loop.mjs')
/** Requests per second that arrive whether or not earlier ones have been answered. */
const rate = 5000

/**
 * /validate at a fixed rate, quiet and during 200 parallel sign-ins: the p99, counted from when a request was due.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureFlood(bench) {
  const gatehouse = await bench.site.start()
  const tokens = await issueTokens(gatehouse, 2000)
  const validations = tokens.map((token) => formatJsonPost('/validate', { token, audience: issuer }))
  const file = writeRequests(join(bench.folder, 'flood'), validations)
  const signIns = writeSignIns(bench.folder)
  const validate = async (seconds) =>
    JSON.parse(await run(process.execPath, [generator, String(gatehouse.port), file, String(rate), String(seconds)]))

  const seconds = bench.quick ? 2 : 6
  const flood = (duration) => runWrk(gatehouse, { script: 'rotate.lua', args: [signIns], connections: 200 }, duration)

  await validate(bench.warmUp)
  // As everywhere, what is measured is warm: sign-ins too.
  await flood(warmUpOfSignIns(bench))
  await Promise.all([flood(bench.warmUp * 3), validate(bench.warmUp * 3)])
  const quiet = []
  const flooded = []
  for (let round = 0; round < Math.min(bench.rounds, 3); round += 1) {
    quiet.push(await validate(seconds))
    const flooding = flood(seconds + 2)
    flooded.push(await validate(seconds))
    const { requests, failed } = await flooding
    bench.say(`${requests} sign-ins meanwhile, ${failed} of them turned away`)
  }
  await gatehouse.stop()
  for (const { failed, answered } of [...quiet, ...flooded]) {
    if (failed > 0 || answered < rate * seconds * 0.98) {
      throw new Error(`/validate: ${answered} answered of ${rate * seconds}, ${failed} failed`)
    }
  }
  const p99 = (runs) => median(runs.map((one) => one.p99))
  bench.say(`p99 quiet ${p99(quiet).toFixed(2)} ms, flooded ${p99(flooded).toFixed(2)} ms`)
  return {
    measured: {},
    rows: [
      compare(
        '/validate p99 in ms at 5,000/s during a flood of sign-ins, against its quiet value',
        p99(flooded),
        p99(quiet),
        {
          atMost: 2,
        },
      ),
    ],
  }
}
