import type { Connection } from '../database.ts'
import type { DataKeyRow } from '../rows.ts'

/** The data keys of every ring, wrapped. Each query is one statement. */
export interface DataKeys {
  /** False where the ring has a key with this id already, which is then left as it is. */
  insert(row: DataKeyRow): Promise<boolean>
  /** Ring by ring, in the order of the ids. */
  list(): Promise<DataKeyRow[]>
  /** Puts a key that was wrapped anew, by another master key, in the place of the old wrapping. */
  rewrap(change: Pick<DataKeyRow, 'purpose' | 'id' | 'wrapped_key'>): Promise<void>
}

/** Builds the queries of the table `data_keys`. */
export function createDataKeys(connection: Connection): DataKeys {
  const { db } = connection
  return {
    async insert(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('data_keys')
        .values(row)
        .onConflict((conflict) => conflict.columns(['purpose', 'id']).doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },
    list: () => db.selectFrom('data_keys').selectAll().orderBy('purpose').orderBy('id').execute(),
    async rewrap({ purpose, id, wrapped_key }) {
      await db
        .updateTable('data_keys')
        .set({ wrapped_key })
        .where('purpose', '=', purpose)
        .where('id', '=', id)
        .execute()
    },
  }
}
