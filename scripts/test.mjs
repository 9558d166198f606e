// `npm test`: installs what is missing, builds, and runs every test. Arguments go to vitest: `npm test -- login`.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkNode, ensureBuilt, ensureInstalled, root } from './prepare.mjs'

checkNode()
await ensureInstalled()
await ensureBuilt()

const results = join(root, '.cache/test-results.json')
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', cwd: root },
)
const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(results, 'utf8'))
// A file that cannot be loaded has no test that fails.
const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
process.stdout.write(`${numPassedTests} passed, ${numFailedTests + broken} failed, ${numPendingTests} skipped\n`)
process.exitCode = status ?? 1
