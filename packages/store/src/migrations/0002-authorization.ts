import { createTable, type Table } from './create-table.ts'
import type { Migration, MigrationStep } from './migration.ts'

/** What people and clients are in the middle of. */
const underWay: readonly Table[] = [
  {
    name: 'authorization_codes',
    columns: {
      hash: 'text',
      client_id: 'text',
      user_id: 'text',
      session_id: 'text',
      session_expires_at: 'integer',
      grant_id: 'text',
      redirect_uri: 'text',
      code_challenge: 'text?',
      nonce: 'text?',
      scope: 'text',
      audience: 'text',
      roles: 'text',
      claims: 'text?',
      authorization_details: 'text?',
      dpop_jkt: 'text?',
      auth_time: 'integer',
      acr: 'text',
      amr: 'text',
      refreshable: 'integer',
      created_at: 'integer',
      usable_until: 'integer',
      consumed_at: 'integer?',
      reused_at: 'integer?',
      expires_at: 'integer',
    },
    key: ['hash'],
    indexes: [['session_id'], ['expires_at']],
  },
  {
    name: 'flows',
    columns: {
      id_hash: 'text',
      kind: 'text',
      browser_hash: 'text',
      client_id: 'text?',
      parameters: 'text',
      session_id: 'text?',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['id_hash'],
    indexes: [['browser_hash'], ['expires_at']],
  },
  {
    name: 'pushed_requests',
    columns: {
      hash: 'text',
      client_id: 'text',
      parameters: 'text',
      dpop_jkt: 'text?',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['hash'],
    indexes: [['expires_at']],
  },
  {
    name: 'decoupled_requests',
    columns: {
      hash: 'text',
      kind: 'text',
      user_code_hash: 'text?',
      client_id: 'text',
      user_id: 'text?',
      scope: 'text',
      audience: 'text',
      authorization_details: 'text?',
      binding_message: 'text?',
      status: 'text',
      session_id: 'text?',
      auth_time: 'integer?',
      acr: 'text?',
      amr: 'text?',
      roles: 'text?',
      grant_id: 'text',
      sealed_notification_token: 'text?',
      poll_interval: 'integer',
      polled_at: 'integer?',
      address: 'text',
      created_at: 'integer',
      usable_until: 'integer',
      expires_at: 'integer',
    },
    key: ['hash'],
    unique: [['user_code_hash']],
    indexes: [['user_id'], ['expires_at']],
  },
]

/** What lasts. */
const standing: readonly Table[] = [
  {
    name: 'consents',
    columns: {
      user_id: 'text',
      client_id: 'text',
      scope: 'text',
      audience: 'text',
      authorization_details: 'text?',
      granted_at: 'integer',
    },
    key: ['user_id', 'client_id'],
    indexes: [['client_id']],
  },
  {
    name: 'session_clients',
    columns: { session_id: 'text', client_id: 'text', subject: 'text', sid: 'text', expires_at: 'integer' },
    key: ['session_id', 'client_id'],
    indexes: [['expires_at']],
  },
  {
    name: 'logout_deliveries',
    columns: {
      id: 'text',
      client_id: 'text',
      subject: 'text',
      sid: 'text',
      attempts: 'integer',
      next_attempt_at: 'integer',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['id'],
    indexes: [['next_attempt_at'], ['expires_at']],
  },
  {
    name: 'initial_access_tokens',
    columns: { hash: 'text', uses_left: 'integer', created_at: 'integer', expires_at: 'integer' },
    key: ['hash'],
  },
]

/** The authorization endpoint and all that came with it: codes, flows, consents, devices, logout, registration. */
export const authorization: Migration = {
  name: '0002-authorization',
  async up(step) {
    for (const table of [...underWay, ...standing]) await createTable(step, table)
    await addColumns(step)
  },
}

async function addColumns({ schema, dialect }: MigrationStep): Promise<void> {
  await schema
    .alterTable('grants')
    .addColumn('rotates', dialect.integer, (column) => column.notNull().defaultTo(1))
    .execute()
  for (const name of ['confirmation', 'claims', 'authorization_details']) {
    await schema.alterTable('grants').addColumn(name, dialect.text).execute()
  }
  await schema
    .alterTable('clients')
    .addColumn('metadata', dialect.text, (column) => column.notNull().defaultTo('{}'))
    .execute()
  await schema
    .alterTable('clients')
    .addColumn('is_dynamic', dialect.integer, (column) => column.notNull().defaultTo(0))
    .execute()
  await schema.alterTable('clients').addColumn('registration_token_hash', dialect.text).execute()
  await schema.alterTable('clients').addColumn('used_at', dialect.integer).execute()
  await schema.alterTable('client_secrets').addColumn('sealed', dialect.text).execute()
}
