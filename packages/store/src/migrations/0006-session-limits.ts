import type { Migration } from './migration.ts'

/** When sessions were last used and proven: null = not since before this was noted. */
export const sessionLimits: Migration = {
  name: '0006-session-limits',
  async up({ schema, dialect }) {
    for (const column of ['used_at', 'proven_at']) {
      await schema.alterTable('sessions').addColumn(column, dialect.integer).execute()
    }
  },
}
