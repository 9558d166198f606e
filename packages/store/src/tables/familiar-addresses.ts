import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { FamiliarAddressRow } from '../rows.ts'
import { defineStatement, rowOfParameters } from '../statement.ts'

const columns = ['user_id', 'address', 'expires_at'] as const satisfies readonly (keyof FamiliarAddressRow)[]

const remember = defineStatement<FamiliarAddressRow>('familiar-addresses.remember', ({ db, parameter }) =>
  db
    .insertInto('familiar_addresses')
    .values(rowOfParameters<FamiliarAddressRow>(columns, parameter))
    .onConflict((conflict) =>
      conflict.columns(['user_id', 'address']).doUpdateSet(({ ref }) => ({ expires_at: ref('excluded.expires_at') })),
    ),
)

/** Addresses from which accounts have signed in. Each query is one statement. */
export interface FamiliarAddresses {
  /** Whether the account signed in from there and that is not forgotten yet. */
  has(user: UserId, address: string, now: Seconds): Promise<boolean>
  /** Remembers an address, or remembers it until another time. */
  remember(row: FamiliarAddressRow): Promise<void>
  deleteByUser(user: UserId): Promise<void>
}

/** Builds the queries of the table `familiar_addresses`. */
export function createFamiliarAddresses(connection: Connection): FamiliarAddresses {
  const { db } = connection
  return {
    async has(user, address, now) {
      const found = await db
        .selectFrom('familiar_addresses')
        .select('user_id')
        .where('user_id', '=', user)
        .where('address', '=', address)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return found !== undefined
    },
    async remember(row) {
      await remember.run(connection, row)
    },
    async deleteByUser(user) {
      await db.deleteFrom('familiar_addresses').where('user_id', '=', user).execute()
    },
  }
}
