import { resolve } from 'node:path'
import type { CopyError } from '@gatehouse/store/sqlite/backup-sqlite'
import type { Command } from 'commander'
import { loadForCommand } from '../configuration/load-for-use.ts'
import { isDatabaseFile } from '../configuration/resolve.ts'
import { asksDatabase, DatabaseError, isToBeMade, nameDatabase } from '../database.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answer } from './output.ts'

/** `gatehouse backup FILE`: copies a SQLite database while it is in use. */
export function addBackupCommand(program: Command): void {
  withConfiguration(program.command('backup'))
    .description('copy the SQLite database into a new file, also while Gatehouse runs')
    .argument('<file>', 'the file to make; one that is there already is left alone')
    .addHelpText(
      'after',
      '\nThe copy is what the database was at one moment. How to restore it: docs/guides/backup.md.\n\nExample:\n  $ gatehouse backup /var/backups/gatehouse-$(date +%F).db\n',
    )
    .action(async (file: string, options: ConfigurationOptions) => {
      const configuration = await loadForCommand({ file: options.config, development: options.dev ?? false })
      const { database } = configuration
      if (!isDatabaseFile(database)) throw new DatabaseError(database, 'is backed up by its own tools: use pg_dump')
      if (isToBeMade(configuration)) throw new DatabaseError(database, 'is not there yet, so there is nothing to copy')
      const backup = resolve(file)
      // Loaded here, since no other command opens a database on the main thread.
      const { backupSqlite, CopyError } = await import('@gatehouse/store/sqlite/backup-sqlite')
      const bytes = await asksDatabase(configuration, async () => {
        try {
          return backupSqlite(database, backup)
        } catch (error) {
          throw error instanceof CopyError ? blameCopy(error, database) : error
        }
      })
      answer(options, { database, backup, bytes }, `copied ${nameDatabase(database)} to ${backup} (${bytes} bytes)`)
    })
}

/** What is wrong with the file to make is said of that, and not of the database. */
function blameCopy({ code, path, message, cause }: CopyError, database: string): DatabaseError {
  const copying = `while copying ${nameDatabase(database)} to it`
  if (code === 'EEXIST') return new DatabaseError(path, 'is there already, and left as it is: name another file', cause)
  if (code === 'SQLITE_FULL') return new DatabaseError(path, `cannot be made: the disk is full (${code})`, cause)
  return new DatabaseError(
    path,
    `cannot be made: ${message}${code.startsWith('SQLITE_') ? ` (${code})` : ''}, ${copying}`,
    cause,
  )
}
