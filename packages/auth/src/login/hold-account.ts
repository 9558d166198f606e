import { GatehouseError } from '@gatehouse/core/errors'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'

/**
 * Holds the account's row until the sign-in commits, and refuses where what was judged no longer stands. Whoever disables
 * the account, or changes its password, scopes or roles, either comes first and is seen here, or waits and then ends the new
 * session too. Threat: a session that begins while a hash runs, and outlives the change that was to end all sessions.
 */
export async function holdAccount(tables: Tables, user: UserRow): Promise<void> {
  if (!(await tables.users.hold(user))) throw new GatehouseError('invalid_credentials')
}
