import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../scripts/bundle.mjs'
import { compare } from '../comparison.mjs'
import { run } from '../processes.mjs'
import { measureInRounds } from '../rounds.mjs'
import { startSlapd } from '../servers/slapd.mjs'
import { makeFolder } from '../site.mjs'

const generator = join(dirname(fileURLToPath(import.meta.url)), '../load/ldap.mjs')

/**
 * Right passwords of a thousand people at one OpenLDAP: Gatehouse's provider, against ldapts with connections that are kept.
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
  const measured = await measureInRounds(
    [contestant('Gatehouse at a directory', join(outDir, 'ldap.mjs')), contestant('bare ldapts')],
    bench,
  )
  await slapd.stop()
  return {
    measured,
    rows: [
      compare(
        'sign-ins per second at an LDAP directory, against ldapts that searches and binds',
        measured['Gatehouse at a directory'].rate,
        measured['bare ldapts'].rate,
        { atLeast: 0.8 },
      ),
    ],
  }
}
