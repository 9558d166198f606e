import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { basic, formatFormPost, issuerHost, writeRequests } from '../requests.mjs'
import { client } from '../site.mjs'
import { signIn } from '../tokens.mjs'
import { runWrk } from '../wrk.mjs'

const grants = 1000

/** Bytes of the database and of its log, after what stands in the log has been moved over as far as it can be. */
const sizeOf = (folder) =>
  ['gatehouse.db', 'gatehouse.db-wal'].reduce((sum, name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false })
    return sum + (stat?.size ?? 0)
  }, 0)

/**
 * The database's size after a million tokens by client_credentials and a million refreshes of 1,000 grants, against its size
 * with these grants before: it grows with what lives, not with what was asked.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureStorage(bench) {
  const wanted = bench.quick ? 30_000 : 1_000_000
  const seconds = bench.quick ? 2 : 10
  const gatehouse = await bench.site.start()
  bench.say(`signing in ${grants} times`)
  const tokens = await signIn(gatehouse, grants)
  const file = join(bench.folder, 'storage-refresh')
  writeFileSync(file, tokens.map((token) => `${token}\n`).join(''))
  const refreshArgs = [file, '/token/refresh', issuerHost, 'application/json', '{"refresh_token":"', '"}']
  const form = { grant_type: 'client_credentials', scope: 'orders:read' }
  const request = formatFormPost('/oauth/token', form, basic(client.id, client.secret))
  const issueArgs = [writeRequests(join(bench.folder, 'storage-issue'), [request])]

  const repeat = async (load) => {
    let done = 0
    // Bounded: a server that answers nothing would otherwise be asked for ever.
    for (let run = 0; run < 60 && done < wanted; run += 1) done += (await runWrk(gatehouse, load, seconds)).requests
    return done
  }
  // Once round, so that the log has the length that it keeps.
  await runWrk(gatehouse, { script: 'refresh.lua', args: refreshArgs }, seconds)
  const before = sizeOf(bench.site.folder)
  const issued = await repeat({ script: 'rotate.lua', args: issueArgs })
  const refreshed = await repeat({ script: 'refresh.lua', args: refreshArgs })
  const after = sizeOf(bench.site.folder)
  await gatehouse.stop()
  bench.say(`${issued} tokens issued, ${refreshed} refreshes; ${before} bytes before, ${after} after`)
  const count = (made) => (made >= 1e6 ? 'a million' : String(made))
  return {
    measured: {},
    rows: [
      compare(
        `MB of the database after ${count(issued)} client_credentials and ${count(refreshed)} refreshes of 1,000 grants, against before`,
        after / 1e6,
        before / 1e6,
        { atMost: 1.1 },
      ),
    ],
  }
}
