import type { OnWaiting } from '@gatehouse/store/database'
import type { Command } from 'commander'
import { loadForCommand, loadForUse } from '../configuration/load-for-use.ts'
import { asksDatabase, describeWaiting, isToBeMade, nameDatabase, openDatabase } from '../database.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answer } from './output.ts'

/** Beside the answer, which may be JSON. */
const tell: OnWaiting = (holder) =>
  void process.stderr.write(
    `${describeWaiting(holder)}${holder.pid === undefined ? '' : ` (process ${holder.pid} of Postgres)`}\n`,
  )

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
      // Only to say what would be done makes nothing.
      const load = options.pending ? loadForCommand : loadForUse
      const configuration = await load({ file: options.config, development: options.dev ?? false })
      const isNew = isToBeMade(configuration)
      const store = await openDatabase(isNew && options.pending ? { database: ':memory:' } : configuration)
      try {
        const names = await asksDatabase(configuration, () =>
          options.pending ? store.pendingMigrations() : store.migrate(tell),
        )
        const database = nameDatabase(configuration.database)
        const found = isNew ? `${database} ${options.pending ? 'is not there yet' : 'is new'}` : database
        const lines = names.map((name) => `${options.pending ? 'pending' : 'done'}: ${name}`)
        const text = names.length === 0 ? 'nothing to do' : lines.join('\n')
        answer(
          options,
          { database, ...(options.pending ? { pending: names } : { migrated: names }) },
          `${found}\n${text}`,
        )
      } finally {
        await store.close()
      }
    })
}
