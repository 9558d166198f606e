import { createTable, type Table } from './create-table.ts'
import type { Migration } from './migration.ts'

const tables: readonly Table[] = [
  {
    name: 'mails',
    columns: {
      id: 'text',
      channel: 'text',
      kind: 'text',
      user_id: 'text?',
      sealed: 'text',
      attempts: 'integer',
      next_attempt_at: 'integer',
      created_at: 'integer',
      delivered_at: 'integer?',
      expires_at: 'integer',
    },
    key: ['id'],
    indexes: [['next_attempt_at'], ['user_id'], ['expires_at']],
  },
  {
    name: 'mailed_proofs',
    columns: {
      hash: 'text',
      purpose: 'text',
      address: 'text',
      user_id: 'text?',
      code_mac: 'text?',
      browser_hash: 'text?',
      sealed: 'text?',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['hash'],
    // One of a purpose is good at a time: a newer one takes the place of the older.
    unique: [['purpose', 'address']],
    indexes: [['user_id'], ['expires_at']],
  },
]

/** E-mail addresses of users, mails that are under way, and what is proven by them. */
export const mail: Migration = {
  name: '0004-mail',
  async up({ schema, dialect, ...step }) {
    for (const table of tables) await createTable({ schema, dialect, ...step }, table)
    for (const column of ['email', 'email_canonical', 'name', 'locale']) {
      await schema.alterTable('users').addColumn(column, dialect.text).execute()
    }
    await schema.alterTable('users').addColumn('email_verified_at', dialect.integer).execute()
    await schema
      .createIndex('users_email_canonical')
      .on('users')
      .column('email_canonical')
      // Any number of users has none: null equals nothing.
      .unique()
      .execute()
  },
}
