// `npm run screenshots`: a picture of every page that the browser tests see, on a desk and on a phone, light and dark, in
// screenshots/. Arguments are words of the tests to run: `npm run screenshots -- passkeys`.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkNode, chromium, ensureBuilt, ensureInstalled, ensureSystemPackages, root } from './prepare.mjs'
import { runTests } from './run-tests.mjs'

checkNode()
await ensureInstalled()
await ensureBuilt()
if (ensureSystemPackages([chromium]).length > 0) process.exit(1)

const words = process.argv.slice(2)
if (words.length === 0) rmSync(join(root, 'screenshots'), { recursive: true, force: true })
runTests(words.length > 0 ? words.map((word) => `test/browser/${word}`) : ['test/browser/'], {
  GATEHOUSE_INTEROP: '1',
  GATEHOUSE_SCREENSHOTS: '1',
})
