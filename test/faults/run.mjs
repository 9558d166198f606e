// Runs the faults that are named, or all of them, and prints what was asked and measured. Exit code 1 where one falls short.
import { endEverything, endOnSignals } from '../../bench/processes.mjs'
import { copyProgram } from '../../bench/site.mjs'
import { tryIdle } from './idle.mjs'
import { tryMalformed } from './malformed.mjs'
import { tryProviders } from './providers.mjs'
import { tryServices } from './services.mjs'
import { trySlowClients } from './slow-clients.mjs'

/**
 * One figure: what was asked, what was measured, and whether that will do. A control has to fall short.
 * @typedef {{ what: string, asked: string, measured: string, isMet: boolean, isControl?: boolean }} Figure
 * @typedef {{ quick: boolean, say: (text: string) => void }} Run
 */

/** @type {Record<string, (run: Run) => Promise<Figure[]>>} */
const faults = {
  services: tryServices,
  'slow-clients': trySlowClients,
  idle: tryIdle,
  malformed: tryMalformed,
  providers: tryProviders,
}

const words = process.argv.slice(2)
const quick = words.includes('--quick')
const names = words.filter((word) => !word.startsWith('--'))
const unknown = [
  ...names.filter((name) => !Object.hasOwn(faults, name)),
  ...words.filter((word) => word.startsWith('--') && word !== '--quick'),
]
if (unknown.length > 0) {
  process.stderr.write(`${unknown.join(', ')}: not known. Faults: ${Object.keys(faults).join(', ')}; option: --quick\n`)
  process.exit(2)
}

endOnSignals()
copyProgram()
let failed = 0
try {
  for (const name of names.length > 0 ? names : Object.keys(faults)) {
    process.stdout.write(`\n## ${name}\n`)
    const figures = await faults[name]({ quick, say: (text) => process.stdout.write(`  ${text}\n`) })
    for (const { what, asked, measured, isMet, isControl = false } of figures) {
      // A control that is met says that the check could not fail.
      const isGood = isMet !== isControl
      if (!isGood) failed += 1
      const word = isControl ? 'control' : 'fault'
      process.stdout.write(`${isGood ? 'ok  ' : 'FAIL'} ${word}: ${what}: asked ${asked}, measured ${measured}\n`)
    }
  }
} finally {
  await endEverything()
}
process.stdout.write(`\n${failed === 0 ? 'All faults are borne.' : `${failed} figures fall short.`}\n`)
process.exitCode = failed === 0 ? 0 : 1
