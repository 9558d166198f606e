import type { Migration } from './migration.ts'

/** When a provider last said yes, beside when it was last asked: null = it has not been asked since this is noted. */
export const providerWord: Migration = {
  name: '0010-provider-word',
  async up({ schema, dialect }) {
    await schema.alterTable('provider_sessions').addColumn('heard_at', dialect.integer).execute()
  },
}
