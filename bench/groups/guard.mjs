import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../../scripts/prepare.mjs'
import { compare } from '../comparison.mjs'
import { run } from '../processes.mjs'
import { issuer } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { fetchKeys, findSigner, issueTokens } from '../tokens.mjs'

const loop = join(dirname(fileURLToPath(import.meta.url)), '../load/guard.mjs')

/**
 * The guard's verify() within a service, revocation feed and all: over 2,000 tokens, against fast-jwt with its cache and
 * against what a service wants; and for tokens that were never seen, against their signatures alone.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureGuard(bench) {
  await run(process.execPath, [join(root, 'scripts/build-guard.mjs')], { cwd: root })
  const gatehouse = await bench.site.start()
  const tokens = await issueTokens(gatehouse, bench.quick ? 20_000 : 60_000)
  const key = findSigner(await fetchKeys(gatehouse), tokens[0])
  await gatehouse.stop()

  const write = (name, some) => {
    const file = join(bench.folder, name)
    writeFileSync(file, JSON.stringify({ issuer, audience: issuer, key, tokens: some }))
    return file
  }
  const contestant = (name, what, file) => ({
    name,
    load: async (seconds) => ({
      failed: 0,
      closed: 0,
      ...JSON.parse(await run(process.execPath, [loop, what, file, String(seconds)])),
    }),
  })
  const few = write('guard-tokens', tokens.slice(0, 2000))
  const many = write('guard-unseen', tokens)
  const names = {
    guard: 'guard',
    peer: 'fast-jwt with cache',
    unseen: 'guard, tokens never seen',
    bare: 'bare signatures',
  }
  const measured = await measureInRounds(
    [
      contestant(names.guard, 'guard', few),
      contestant(names.peer, 'fast-jwt', few),
      contestant(names.unseen, 'guard', many),
      contestant(names.bare, 'bare', many),
    ],
    bench,
  )
  const rate = (name) => measured[name].rate
  return {
    measured,
    rows: [
      compare('guard.verify() per second over 2,000 tokens, against 800,000', rate(names.guard), 800_000, {
        atLeast: 1,
      }),
      compare('guard.verify() per second over 2,000 tokens, against fast-jwt', rate(names.guard), rate(names.peer), {
        atLeast: 1,
      }),
      compare(
        'µs of guard.verify() of a token never seen, against its signature',
        1e6 / rate(names.unseen),
        1e6 / rate(names.bare),
        {
          atMost: 1.15,
        },
      ),
    ],
  }
}
