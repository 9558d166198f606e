import { createTable, type Table } from './create-table.ts'
import type { Migration, MigrationStep } from './migration.ts'

const tables: readonly Table[] = [
  {
    name: 'organisations',
    columns: { id: 'text', name: 'text', slug: 'text', status: 'text', created_at: 'integer' },
    key: ['id'],
    unique: [['slug']],
  },
  {
    name: 'memberships',
    columns: { organisation_id: 'text', user_id: 'text', roles: 'text', version: 'text', created_at: 'integer' },
    key: ['organisation_id', 'user_id'],
    kind: 'small',
    indexes: [['user_id']],
  },
  {
    name: 'organisation_invitations',
    columns: {
      organisation_id: 'text',
      email: 'text',
      hash: 'text',
      roles: 'text',
      invited_by: 'text',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['organisation_id', 'email'],
    unique: [['hash']],
    indexes: [['expires_at']],
  },
]

/** Organisations, who belongs to them, and in whose name something was granted. */
export const organisations: Migration = {
  name: '0005-organisations',
  async up(step) {
    for (const table of tables) await createTable(step, table)
    await addColumns(step)
  },
}

async function addColumns({ schema, dialect }: MigrationStep): Promise<void> {
  await schema.alterTable('sessions').addColumn('organisation_id', dialect.text).execute()
  for (const table of ['grants', 'authorization_codes', 'decoupled_requests']) {
    await schema
      .alterTable(table)
      .addColumn('role_scope', dialect.text, (column) => column.notNull().defaultTo(''))
      .execute()
    await schema.alterTable(table).addColumn('organisation_id', dialect.text).execute()
  }
  for (const table of ['authorization_codes', 'decoupled_requests']) {
    await schema.alterTable(table).addColumn('membership_version', dialect.text).execute()
  }
}
