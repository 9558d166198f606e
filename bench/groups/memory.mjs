import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { pause } from '../processes.mjs'
import { basic, formatFormPost, formatJsonPost, issuer, writeRequests } from '../requests.mjs'
import { client } from '../site.mjs'
import { issueTokens } from '../tokens.mjs'
import { isMeasured, residentMemory } from '../usage.mjs'
import { runWrk } from '../wrk.mjs'

/** Distinct tokens that are validated beside: twice what the verifier remembers, so that its memory is full. */
const validated = 20_000

/**
 * Resident memory when idle, and after a million tokens by client_credentials with the verifier's memory full.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureMemory(bench) {
  if (!isMeasured) return { measured: {}, rows: [] }
  const wanted = bench.quick ? 30_000 : 1_000_000
  const gatehouse = await bench.site.start()
  await pause(bench.quick ? 2000 : 5000)
  const idle = residentMemory(gatehouse.pid).now

  const form = { grant_type: 'client_credentials', scope: 'orders:read' }
  const request = formatFormPost('/oauth/token', form, basic(client.id, client.secret))
  const file = writeRequests(join(bench.folder, 'memory-issue'), [request])
  let issued = 0
  // Bounded: a server that issues nothing would otherwise be asked for ever.
  for (let run = 0; run < 60 && issued < wanted; run += 1) {
    issued += (await runWrk(gatehouse, { script: 'rotate.lua', args: [file] }, bench.quick ? 2 : 5)).requests
  }
  const tokens = await issueTokens(gatehouse, validated)
  const validations = tokens.map((token) => formatJsonPost('/validate', { token, audience: issuer }))
  const others = writeRequests(join(bench.folder, 'memory-validate'), validations)
  await runWrk(gatehouse, { script: 'rotate.lua', args: [others] }, 5)
  const after = residentMemory(gatehouse.pid)
  bench.say(`${issued} tokens issued, ${validated} validated; at the most ${Math.round(after.most)} MB`)
  await gatehouse.stop()
  return {
    measured: {},
    rows: [
      compare('resident MB when idle, against the limit', idle, 90, { atMost: 1 }),
      compare(`resident MB after ${issued >= 1e6 ? 'a million' : issued} tokens, against the limit`, after.now, 250, {
        atMost: 1,
      }),
    ],
  }
}
