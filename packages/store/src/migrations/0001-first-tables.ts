import { createTable, type Table } from './create-table.ts'
import type { Migration } from './migration.ts'

const people: readonly Table[] = [
  {
    name: 'users',
    columns: {
      id: 'text',
      username: 'text',
      username_canonical: 'text',
      password_hash: 'text?',
      status: 'text',
      scopes: 'text',
      roles: 'text',
      created_at: 'integer',
      updated_at: 'integer',
    },
    key: ['id'],
    unique: [['username_canonical']],
  },
  {
    name: 'sessions',
    columns: {
      id: 'text',
      cookie_hash: 'text?',
      user_id: 'text',
      amr: 'text',
      acr: 'text',
      auth_time: 'integer',
      address: 'text',
      device: 'text',
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['id'],
    unique: [['cookie_hash']],
    indexes: [['user_id'], ['expires_at']],
  },
  {
    // No index on what changes at each refresh: generation, rotated_at, idle_expires_at, access_expires_at.
    name: 'grants',
    columns: {
      id: 'text',
      session_id: 'text',
      user_id: 'text',
      client_id: 'text',
      scope: 'text',
      audience: 'text',
      roles: 'text',
      auth_time: 'integer',
      acr: 'text',
      amr: 'text',
      salt: 'text',
      key_id: 'text',
      generation: 'integer',
      created_at: 'integer',
      rotated_at: 'integer',
      idle_expires_at: 'integer',
      expires_at: 'integer',
      access_expires_at: 'integer',
    },
    key: ['id'],
    kind: 'updated',
    indexes: [['session_id'], ['user_id'], ['client_id'], ['expires_at']],
  },
]

const programs: readonly Table[] = [
  {
    name: 'clients',
    columns: {
      id: 'text',
      name: 'text',
      status: 'text',
      auth_method: 'text',
      grant_types: 'text',
      scopes: 'text',
      audiences: 'text',
      first_party: 'integer',
      jwks: 'text?',
      created_at: 'integer',
      updated_at: 'integer',
    },
    key: ['id'],
  },
  {
    name: 'client_secrets',
    columns: { id: 'text', client_id: 'text', hash: 'text', created_at: 'integer', expires_at: 'integer?' },
    key: ['id'],
    indexes: [['client_id'], ['expires_at']],
  },
]

const keys: readonly Table[] = [
  {
    name: 'signing_keys',
    columns: {
      kid: 'text',
      alg: 'text',
      public_jwk: 'text',
      sealed_private_key: 'text',
      created_at: 'integer',
      signs_from: 'integer',
      signs_until: 'integer?',
      expires_at: 'integer?',
    },
    key: ['kid'],
  },
  {
    name: 'data_keys',
    columns: { id: 'text', purpose: 'text', wrapped_key: 'text', created_at: 'integer' },
    key: ['purpose', 'id'],
  },
]

const events: readonly Table[] = [
  {
    name: 'revocations',
    columns: { kind: 'text', value: 'text', issued_before: 'integer?', expires_at: 'integer' },
    key: ['seq'],
    counted: true,
    indexes: [['expires_at']],
  },
  {
    name: 'audit',
    columns: {
      at: 'integer',
      type: 'text',
      result: 'text',
      actor: 'text?',
      target: 'text?',
      client_id: 'text?',
      session_id: 'text?',
      address: 'text?',
      request_id: 'text?',
      detail: 'text',
      count: 'integer',
      fold_key: 'text?',
    },
    key: ['id'],
    counted: true,
    indexes: [['at'], ['type', 'id'], ['target', 'id']],
  },
]

const guards: readonly Table[] = [
  {
    name: 'used_identifiers',
    columns: { kind: 'text', hash: 'text', expires_at: 'integer' },
    key: ['kind', 'hash'],
    kind: 'small',
    indexes: [['expires_at']],
  },
  {
    name: 'sign_in_failures',
    columns: { key: 'text', count: 'integer', first_at: 'integer', last_at: 'integer', expires_at: 'integer' },
    key: ['key'],
    kind: 'small',
    indexes: [['expires_at']],
  },
  {
    name: 'familiar_addresses',
    columns: { user_id: 'text', address: 'text', expires_at: 'integer' },
    key: ['user_id', 'address'],
    kind: 'small',
    indexes: [['expires_at']],
  },
  {
    name: 'setup_tokens',
    columns: { hash: 'text', expires_at: 'integer' },
    key: ['hash'],
    kind: 'small',
  },
]

/** The tables that the first release starts with. */
export const firstTables: Migration = {
  name: '0001-first-tables',
  async up(step) {
    for (const table of [...people, ...programs, ...keys, ...events, ...guards]) await createTable(step, table)
    await step.schema
      .createIndex('audit_fold_key')
      .unique()
      .on('audit')
      .column('fold_key')
      .where('fold_key', 'is not', null)
      .execute()
  },
}
