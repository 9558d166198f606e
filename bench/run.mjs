import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../scripts/prepare.mjs'
import { startScript } from './contestants.mjs'
import { measureClientCredentials } from './groups/client-credentials.mjs'
import { measureCode } from './groups/code.mjs'
import { measureEdge } from './groups/edge.mjs'
import { measureFederation } from './groups/federation.mjs'
import { measureFlood } from './groups/flood.mjs'
import { measureGateway } from './groups/gateway.mjs'
import { measureGuard } from './groups/guard.mjs'
import { measureIdle } from './groups/idle.mjs'
import { measureIntrospection } from './groups/introspection.mjs'
import { measureLdap } from './groups/ldap.mjs'
import { measureLogin } from './groups/login.mjs'
import { measureMemory } from './groups/memory.mjs'
import { measureMetadata } from './groups/metadata.mjs'
import { measurePages } from './groups/pages.mjs'
import { measureProofs } from './groups/proofs.mjs'
import { measureRefresh } from './groups/refresh.mjs'
import { measureRevocation } from './groups/revocation.mjs'
import { measureSignInTimes } from './groups/sign-in-times.mjs'
import { measureStart } from './groups/start.mjs'
import { measureStorage } from './groups/storage.mjs'
import { measureStreaming } from './groups/streaming.mjs'
import { measureValidate } from './groups/validate.mjs'
import { endEverything, endOnSignals } from './processes.mjs'
import { formatDocument, formatTable } from './report.mjs'
import { serveFile, startNginx } from './servers/nginx.mjs'
import { copyProgram, makeFolder, prepareSite } from './site.mjs'
import { watchOthers } from './usage.mjs'

/**
 * What every group gets.
 * @typedef {object} Bench
 * @property {import('./site.mjs').Site} site
 * @property {string} folder for files of the run
 * @property {number} upstreamPort
 * @property {boolean} hasNginx
 * @property {boolean} hasSlapd
 * @property {boolean} quick
 * @property {number} rounds
 * @property {number} seconds of a round
 * @property {number} warmUp seconds
 * @property {number} once requests of a round, where each may be sent only once
 * @property {(text: string) => void} say
 */

/** What can be measured, in the order in which it is. */
export const groups = {
  client_credentials: measureClientCredentials,
  refresh: measureRefresh,
  validate: measureValidate,
  introspection: measureIntrospection,
  guard: measureGuard,
  code: measureCode,
  proofs: measureProofs,
  metadata: measureMetadata,
  gateway: measureGateway,
  edge: measureEdge,
  streaming: measureStreaming,
  revocation: measureRevocation,
  idle: measureIdle,
  login: measureLogin,
  ldap: measureLdap,
  federation: measureFederation,
  flood: measureFlood,
  sign_in_times: measureSignInTimes,
  pages: measurePages,
  memory: measureMemory,
  storage: measureStorage,
  start: measureStart,
}

/** Cores that other programs may use while something is measured. */
const tolerable = 0.1

const startedAt = performance.now()
const say = (text) => {
  const passed = Math.round((performance.now() - startedAt) / 1000)
  process.stdout.write(`${String(passed).padStart(4)} s  ${text}\n`)
}

/**
 * Measures the named groups, prints a table and writes it down: a whole run into docs/ and bench/results.json, any other
 * into .cache/bench, so that what is published is always one whole run.
 * @param {{ names: readonly string[], quick: boolean, hasNginx: boolean, hasSlapd: boolean }} options
 */
export async function runBench({ names, quick, hasNginx, hasSlapd }) {
  endOnSignals()
  try {
    copyProgram()
    const folder = makeFolder('run')
    const upstreamPort = await startUpstream(folder, hasNginx)
    say('preparing a database with users')
    const site = await prepareSite({ database: './gatehouse.db', upstreamPort })
    const lengths = quick
      ? { rounds: 1, seconds: 1, warmUp: 1, once: 500 }
      : { rounds: 3, seconds: 4, warmUp: 3, once: 4000 }
    const bench = { site, folder, upstreamPort, hasNginx, hasSlapd, quick, ...lengths }
    const rows = []
    const measuredGroups = {}
    const others = {}
    for (const name of names) {
      say(`${name} …`)
      const othersSince = watchOthers()
      const { rows: more, measured } = await groups[name]({ ...bench, say: (text) => say(`  ${text}`) })
      rows.push(...more)
      measuredGroups[name] = measured
      const cores = othersSince()
      if (cores !== undefined) others[name] = cores
      if (cores > tolerable)
        say(`  other programs used ${cores.toFixed(2)} cores meanwhile: do not trust these figures`)
    }
    process.stdout.write(`\n${formatTable(rows)}\n\n`)
    write({ rows, groups: measuredGroups, others, bench }, names.length === Object.keys(groups).length && !quick)
  } finally {
    await endEverything()
  }
}

function write(result, isWhole) {
  const cache = join(root, '.cache/bench')
  if (!isWhole && !existsSync(cache)) mkdirSync(cache, { recursive: true })
  const files = isWhole
    ? { document: 'docs/benchmarks.md', results: 'bench/results.json' }
    : { document: '.cache/bench/benchmarks.md', results: '.cache/bench/results.json' }
  writeFileSync(join(root, files.document), formatDocument(result))
  writeFileSync(join(root, files.results), `${JSON.stringify(result.rows, null, 2)}\n`)
  process.stdout.write(`written: ${files.document}, ${files.results}\n`)
}

/** A kilobyte of JSON for every path. */
async function startUpstream(folder, hasNginx) {
  const body = JSON.stringify({ id: 'ord_1', note: 'x'.repeat(1024 - 28) })
  writeFileSync(join(folder, 'answer.json'), body)
  const server = hasNginx
    ? await startNginx(join(folder, 'nginx-upstream'), serveFile(folder, 'answer.json'))
    : await startScript('upstream', 'upstream.mjs', [join(folder, 'answer.json')])
  return server.port
}
