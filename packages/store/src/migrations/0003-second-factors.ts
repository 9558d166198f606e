import { createTable, type Table } from './create-table.ts'
import type { Migration } from './migration.ts'

const tables: readonly Table[] = [
  {
    name: 'factors',
    columns: {
      id: 'text',
      user_id: 'text',
      kind: 'text',
      name: 'text',
      sealed_secret: 'text?',
      credential_id: 'text?',
      public_key: 'text?',
      sign_count: 'integer',
      transports: 'text',
      backed_up: 'integer',
      last_step: 'integer?',
      created_at: 'integer',
      last_used_at: 'integer?',
    },
    key: ['id'],
    unique: [['credential_id']],
    indexes: [['user_id']],
  },
  {
    name: 'recovery_codes',
    columns: { user_id: 'text', hash: 'text', created_at: 'integer' },
    key: ['user_id', 'hash'],
    kind: 'small',
  },
  {
    name: 'remembered_devices',
    columns: { hash: 'text', user_id: 'text', device: 'text', created_at: 'integer', expires_at: 'integer' },
    key: ['hash'],
    indexes: [['user_id'], ['expires_at']],
  },
]

/** Second factors, and what somebody has proven who is in the middle of signing in. */
export const secondFactors: Migration = {
  name: '0003-second-factors',
  async up({ schema, dialect, ...step }) {
    for (const table of tables) await createTable({ schema, dialect, ...step }, table)
    await schema.alterTable('flows').addColumn('user_id', dialect.text).execute()
    await schema
      .alterTable('flows')
      .addColumn('proven', dialect.text, (column) => column.notNull().defaultTo(''))
      .execute()
    await schema.createIndex('flows_user_id').on('flows').column('user_id').execute()
  },
}
