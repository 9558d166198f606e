import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from '../comparison.mjs'
import { run } from '../processes.mjs'
import { formatJsonPost, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { password, userCount, userName } from '../site.mjs'
import { runWrk } from '../wrk.mjs'

const hasher = join(dirname(fileURLToPath(import.meta.url)), '../servers/hasher.mjs')

/**
 * Code is warm after so many calls, not seconds: there are a hundred times fewer sign-ins in a second than of anything else, and
 * until some 8,000 the threads that compile take a tenth of the processors.
 */
export const warmUpOfSignIns = (/** @type {{ warmUp: number }} */ { warmUp }) => warmUp * 12

/** Sign-ins with the right password, all users in turn. @param {string} folder */
export const writeSignIns = (folder) =>
  writeRequests(
    join(folder, 'login'),
    Array.from({ length: userCount }, (_, index) => formatJsonPost('/login', { username: userName(index), password })),
  )

/**
 * POST /login with the right password, against argon2id alone with the same parameters, as many at a time as cores.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureLogin(bench) {
  const gatehouse = await bench.site.start()
  const file = writeSignIns(bench.folder)
  const measured = await measureInRounds(
    [
      {
        name: gatehouse.name,
        warmUp: warmUpOfSignIns(bench),
        load: (seconds) => runWrk(gatehouse, { script: 'rotate.lua', args: [file] }, seconds),
      },
      {
        name: 'raw argon2',
        load: async (seconds) => JSON.parse(await run(process.execPath, [hasher, String(seconds)])),
      },
    ],
    bench,
  )
  await gatehouse.stop()
  return {
    measured,
    rows: [
      compare('sign-ins per second, against raw argon2', measured.Gatehouse.rate, measured['raw argon2'].rate, {
        atLeast: 0.85,
        isLimit: true,
      }),
    ],
  }
}
