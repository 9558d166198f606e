import { createTable, type Table } from './create-table.ts'
import type { Migration } from './migration.ts'

const table: Table = {
  name: 'refusals',
  columns: {
    id: 'text',
    request_id: 'text',
    code: 'text',
    status: 'integer',
    route: 'text',
    method: 'text',
    host: 'text',
    path: 'text',
    address: 'text',
    subject: 'text',
    client_id: 'text',
    rule: 'text',
    reason: 'text',
    needed: 'text',
    at: 'integer',
    expires_at: 'integer',
  },
  key: ['id'],
  indexes: [['expires_at']],
}

/** What the gateway has refused lately, and why. */
export const refusals: Migration = {
  name: '0008-refusals',
  up: (step) => createTable(step, table),
}
