import { openStore } from '@gatehouse/store/store'
import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { loadForUse } from '../configuration/load-for-use.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answer } from './output.ts'

/** `gatehouse migrate`: brings the database to this version's schema, or says what would be done. */
export function addMigrateCommand(program: Command): void {
  withConfiguration(program.command('migrate'))
    .description('bring the database to the schema of this version')
    .option('--pending', 'only say what would be done')
    .addHelpText(
      'after',
      '\nserve does this by itself at the start.\n\nExamples:\n  $ gatehouse migrate --pending\n  $ gatehouse migrate\n',
    )
    .action(async (options: ConfigurationOptions & { pending?: boolean }) => {
      const configuration = await loadForUse({ file: options.config, development: options.dev ?? false })
      const store = await openStore({ url: configuration.database, clock: systemClock })
      try {
        const names = options.pending ? await store.pendingMigrations() : await store.migrate()
        const text =
          names.length === 0
            ? 'nothing to do'
            : names.map((name) => `${options.pending ? 'pending' : 'done'}: ${name}`).join('\n')
        answer(options, options.pending ? { pending: names } : { migrated: names }, text)
      } finally {
        await store.close()
      }
    })
}
