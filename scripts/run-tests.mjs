import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

/** Runs vitest with further arguments and environment, and ends with a line that counts what it did. */
export function runTests(args, environment = {}) {
  const results = join(root, '.cache/test-results.json')
  // What an earlier run has left must not be told as the outcome of one that does not come that far.
  rmSync(results, { force: true })
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${results}`,
      ...args,
    ],
    { stdio: 'inherit', cwd: root, env: { ...process.env, ...environment } },
  )
  if (!existsSync(results)) {
    process.stdout.write('0 passed, 1 failed, 0 skipped\n')
    process.exitCode = status || 1
    return
  }
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(results, 'utf8'))
  // A file that cannot be loaded has no test that fails.
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests + broken} failed, ${numPendingTests} skipped\n`)
  process.exitCode = status ?? 1
}
