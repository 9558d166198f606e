import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { startPostgres } from '../postgres.mjs'
import { basic, issuerHost } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { client, prepareSite } from '../site.mjs'
import { signIn } from '../tokens.mjs'
import { runWrk } from '../wrk.mjs'

const formType = 'application/x-www-form-urlencoded'

/**
 * Refresh with rotation over many grants: Gatehouse on SQLite (synchronous=FULL) and on Postgres (fsync on), each sign-in
 * a grant, against oidc-provider in memory.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureRefresh(bench) {
  const count = bench.quick ? 300 : 2000
  const gatehouse = await bench.site.start('Gatehouse on SQLite')
  const postgres = await startPostgres()
  const options = { database: postgres.url, upstreamPort: bench.upstreamPort, databasePids: postgres.pids }
  const onPostgres = await (await prepareSite(options)).start('Gatehouse on Postgres')
  const provider = await startScript('oidc-provider', 'oidc-provider.mjs', [client.id, client.secret])
  bench.say(`signing in ${count} times on each database`)

  const load = (server, tokens, args) => {
    const file = join(bench.folder, `refresh-${server.port}`)
    writeFileSync(file, tokens.map((token) => `${token}\n`).join(''))
    return {
      name: server.name,
      load: (seconds) => runWrk(server, { script: 'refresh.lua', args: [file, ...args] }, seconds),
    }
  }
  const ownArgs = ['/token/refresh', issuerHost, 'application/json', '{"refresh_token":"', '"}']
  const { authorization } = basic(client.id, client.secret)
  const providerArgs = ['/token', issuerHost, formType, 'grant_type=refresh_token&refresh_token=', '', authorization]
  const grants = await fetch(`http://127.0.0.1:${provider.port}/grants?count=${count}`)
  const measured = await measureInRounds(
    [
      load(gatehouse, await signIn(gatehouse, count), ownArgs),
      load(onPostgres, await signIn(onPostgres, count), ownArgs),
      load(provider, await grants.json(), providerArgs),
    ],
    bench,
  )
  await Promise.all([gatehouse, onPostgres, provider].map((server) => server.stop()))
  await postgres.stop()
  const peer = measured['oidc-provider'].rate
  return {
    measured,
    rows: [
      compare(
        'refresh per second on SQLite with synchronous=FULL, against oidc-provider in memory',
        measured['Gatehouse on SQLite'].rate,
        peer,
        { atLeast: 2.5 },
      ),
      compare(
        'refresh per second on Postgres, against oidc-provider in memory',
        measured['Gatehouse on Postgres'].rate,
        peer,
        {
          atLeast: 2,
        },
      ),
    ],
  }
}
