import { basename, relative } from 'node:path'
import { prepareStore } from '@gatehouse/store/store'
import type { Command } from 'commander'
import { loadForUse } from '../configuration/load-for-use.ts'
import { addDemoUsers } from '../development/demo-data.ts'
import { planTour } from '../development/tour.ts'
import { shellWord, welcome } from '../development/welcome.ts'
import { migrateDatabase, serve } from '../serve.ts'
import { findWorkerRole, siblingsOfWorker, superviseWorkers } from '../siblings.ts'
import { standardOutput } from '../telemetry/line-writer.ts'
import { type ConfigurationOptions, withConfigurationFile } from './open.ts'

const sayReady = (url: string): void => {
  standardOutput().write(`Gatehouse is ready at ${url}\n`)
}

/** `gatehouse serve`: the service itself. */
export function addServeCommand(program: Command): void {
  withConfigurationFile(program.command('serve'))
    .description('run Gatehouse')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse serve --config /etc/gatehouse.yaml\n  $ GATEHOUSE_LISTEN=0.0.0.0:8080 gatehouse serve\n\nSIGHUP reloads the configuration, SIGTERM stops gracefully.\n',
    )
    .action(async (options: ConfigurationOptions) => {
      const prepared = prepareStore()
      const loadAgain = () => loadForUse({ file: options.config, development: false })
      const configuration = await loadAgain()
      const role = findWorkerRole()
      if (configuration.workers > 1 && role === undefined) {
        // Before any worker is there: none may find a database without tables.
        await migrateDatabase(configuration, prepared)
        superviseWorkers(configuration.workers, () => sayReady(configuration.issuer))
        return
      }
      await serve({
        configuration,
        loadAgain,
        prepared,
        ...(role === undefined ? {} : { siblings: siblingsOfWorker(role === 'primary') }),
        onReady: (url) => (role === undefined ? sayReady(url) : process.send?.('ready')),
      })
    })
}

/** How whoever started this program would start it again, from the same folder. */
const callOf = (script: string): string =>
  basename(script) === 'gatehouse' ? 'gatehouse' : `node ${shellWord(relative(process.cwd(), script))}`

/** `gatehouse dev`: on this machine alone, over http, with demo users. */
export function addDevCommand(program: Command): void {
  withConfigurationFile(program.command('dev'))
    .description('run Gatehouse in development mode: this machine only, http, demo users')
    .addHelpText('after', '\nExample:\n  $ gatehouse dev --config gatehouse.yaml\n')
    .action(async (options: ConfigurationOptions) => {
      const prepared = prepareStore()
      const loadAgain = () => loadForUse({ file: options.config, development: true })
      const configuration = await loadAgain()
      await serve({
        configuration,
        loadAgain,
        prepared,
        prepare: (running) => addDemoUsers(running.parts, running),
        onReady: (url) => {
          const parts = { url, tour: planTour(configuration.routes), program: callOf(process.argv[1] ?? '') }
          standardOutput().write(
            welcome({
              ...parts,
              options: `--dev --config ${shellWord(options.config)}`,
              database: process.env.GATEHOUSE_DATABASE,
            }),
          )
        },
      })
    })
}
