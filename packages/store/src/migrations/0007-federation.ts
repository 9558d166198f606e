import { createTable, type Table } from './create-table.ts'
import type { Migration } from './migration.ts'

const tables: readonly Table[] = [
  {
    name: 'provider_sign_ins',
    columns: {
      state_hash: 'text',
      provider: 'text',
      browser_hash: 'text',
      sealed: 'text',
      answer: 'text?',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['state_hash'],
    kind: 'small',
    indexes: [['expires_at']],
  },
  {
    name: 'linked_identities',
    columns: {
      provider: 'text',
      subject: 'text',
      user_id: 'text',
      label: 'text',
      given_roles: 'text',
      given_organisation: 'text?',
      gave_membership: 'integer',
      given_organisation_roles: 'text',
      created_at: 'integer',
      last_used_at: 'integer',
    },
    key: ['provider', 'subject'],
    indexes: [['user_id']],
  },
  {
    name: 'provider_sessions',
    columns: {
      id: 'text',
      provider: 'text',
      subject: 'text',
      sid: 'text?',
      sealed: 'text?',
      checked_at: 'integer',
      expires_at: 'integer',
    },
    key: ['id'],
    indexes: [['provider', 'subject'], ['provider', 'sid'], ['expires_at']],
  },
  {
    name: 'provider_tokens',
    columns: {
      provider: 'text',
      subject: 'text',
      user_id: 'text',
      sealed: 'text',
      version: 'text',
      updated_at: 'integer',
    },
    key: ['provider', 'subject'],
    indexes: [['user_id']],
  },
]

/** Outside providers: sign-ins on their way there, whom they know, and what rests on their word. */
export const federation: Migration = {
  name: '0007-federation',
  async up(step) {
    for (const table of tables) await createTable(step, table)
    for (const name of ['flows', 'sessions']) {
      await step.schema.alterTable(name).addColumn('provider_session', step.dialect.text).execute()
    }
    await step.schema
      .createIndex('sessions_provider_session')
      .on('sessions')
      .column('provider_session')
      .where('provider_session', 'is not', null)
      .execute()
  },
}
