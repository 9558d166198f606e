import { createTable } from './create-table.ts'
import type { Migration } from './migration.ts'

/** Forms of browser apps that were sent without a session, until their senders have signed in. */
export const keptForms: Migration = {
  name: '0009-kept-forms',
  async up(context) {
    await createTable(context, {
      name: 'kept_forms',
      columns: { hash: 'text', sealed: 'text', expires_at: 'integer' },
      key: ['hash'],
      kind: 'small',
      indexes: [['expires_at']],
    })
  },
}
