// `npm test`: installs what is missing, builds, and runs the tests. Arguments go to vitest: `npm test -- login`.
import { checkNode, ensureBuilt, ensureInstalled } from './prepare.mjs'
import { runTests } from './run-tests.mjs'

checkNode()
await ensureInstalled()
await ensureBuilt()
runTests(process.argv.slice(2))
