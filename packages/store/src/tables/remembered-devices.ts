import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { RememberedDeviceRow } from '../rows.ts'

/** Browsers that need not show a second factor for a while. Each query is one statement. */
export interface RememberedDevices {
  insert(row: RememberedDeviceRow): Promise<void>
  has(device: { readonly hash: string; readonly user_id: UserId; readonly now: Seconds }): Promise<boolean>
  /** How many there were. */
  deleteByUser(user: UserId): Promise<number>
}

/** Builds the queries of the table `remembered_devices`. */
export function createRememberedDevices({ db }: Connection): RememberedDevices {
  return {
    async insert(row) {
      await db.insertInto('remembered_devices').values(row).execute()
    },
    async has({ hash, user_id, now }) {
      const row = await db
        .selectFrom('remembered_devices')
        .select('hash')
        .where('hash', '=', hash)
        .where('user_id', '=', user_id)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return row !== undefined
    },
    async deleteByUser(user) {
      const { numDeletedRows } = await db
        .deleteFrom('remembered_devices')
        .where('user_id', '=', user)
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}
