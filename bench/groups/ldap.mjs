import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../scripts/bundle.mjs'
import { compare } from '../comparison.mjs'
import { run } from '../processes.mjs'
import { formatJsonPost, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { baseDn, people, searchUser, startSlapd } from '../servers/slapd.mjs'
import { makeFolder, prepareSite } from '../site.mjs'
import { runWrk } from '../wrk.mjs'

const generator = join(dirname(fileURLToPath(import.meta.url)), '../load/ldap.mjs')

/**
 * Right passwords of a thousand people at one OpenLDAP: Gatehouse's provider, against ldapts with connections that are kept;
 * and, for information, POST /login, which also makes a session, a grant and two tokens of each and has them on the disk.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureLdap(bench) {
  if (!bench.hasSlapd) {
    bench.say('left out: slapd is not installed')
    return { measured: {}, rows: [] }
  }
  const slapd = await startSlapd(makeFolder('slapd'))
  const outDir = makeFolder('ldap')
  await bundle({ folder: 'packages/auth', entry: { ldap: 'src/federation/ldap.ts' }, outDir })
  const contestant = (name, ...program) => ({
    name,
    load: async (seconds) =>
      JSON.parse(await run(process.execPath, [generator, String(slapd.port), String(seconds), ...program])),
  })
  const gatehouse = await startAtDirectory(bench, slapd)
  const measured = await measureInRounds(
    [
      contestant('Gatehouse at a directory', join(outDir, 'ldap.mjs')),
      contestant('bare ldapts'),
      {
        name: gatehouse.name,
        load: (seconds) =>
          runWrk(gatehouse, { script: 'rotate.lua', args: [writeSignIns(bench.folder)], connections: 8 }, seconds),
      },
    ],
    bench,
  )
  await gatehouse.stop()
  await slapd.stop()
  return {
    measured,
    rows: [
      compare(
        'people found and passwords tried per second at an LDAP directory, against ldapts that searches and binds',
        measured['Gatehouse at a directory'].rate,
        measured['bare ldapts'].rate,
        { atLeast: 0.8 },
      ),
      compare(
        'for information: POST /login per second with users of that directory, against ldapts that searches and binds',
        measured[gatehouse.name].rate,
        measured['bare ldapts'].rate,
      ),
    ],
  }
}

/** A Gatehouse whose only users are those of the directory. */
async function startAtDirectory(bench, slapd) {
  const site = await prepareSite({
    database: './gatehouse.db',
    upstreamPort: bench.upstreamPort,
    users: 0,
    more: `providers:
  bench:
    kind: ldap
    url: ldap://127.0.0.1:${slapd.port}
    insecure: { plain_text: true }
    bind_dn: ${searchUser.dn}
    bind_password: \${BENCH_DIRECTORY}
    base_dn: ${baseDn}
    pool_size: 8
    scopes: [orders:read]
    mapping: { username: claims.preferred_username }
`,
    moreEnv: { BENCH_DIRECTORY: searchUser.password },
  })
  return site.start('Gatehouse, POST /login at a directory')
}

const writeSignIns = (folder) =>
  writeRequests(
    join(folder, 'ldap-login'),
    Array.from({ length: people }, (_, index) => {
      const name = `user-${index}`
      return formatJsonPost('/login', { username: name, password: name })
    }),
  )
