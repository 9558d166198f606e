import { createTable } from './create-table.ts'
import type { Migration } from './migration.ts'

/**
 * What users have agreed to in the name of an organisation, beside what they have in their own; and when the second factor was
 * shown that something rests on: null = none was, or not since this is noted.
 */
export const organisationConsents: Migration = {
  name: '0011-organisation-consents',
  async up(step) {
    await createTable(step, {
      name: 'organisation_consents',
      columns: {
        user_id: 'text',
        client_id: 'text',
        organisation_id: 'text',
        scope: 'text',
        audience: 'text',
        authorization_details: 'text?',
        granted_at: 'integer',
      },
      key: ['user_id', 'client_id', 'organisation_id'],
      indexes: [['client_id']],
    })
    for (const table of ['grants', 'authorization_codes', 'decoupled_requests']) {
      await step.schema.alterTable(table).addColumn('factor_at', step.dialect.integer).execute()
    }
  },
}
