import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { MailedProofRow } from '../rows.ts'

/** What brings a proof back. */
interface PresentedProof {
  readonly hash: string
  readonly purpose: MailedProofRow['purpose']
  readonly now: Seconds
}

/** Links and codes that people have been mailed. Each query is one statement. */
export interface MailedProofs {
  /** Puts it in the place of the one of the same purpose and address, which is worth nothing from then on. */
  put(row: MailedProofRow): Promise<void>
  /** One that has not expired; it stays. */
  find(presented: PresentedProof): Promise<MailedProofRow | undefined>
  /**
   * Takes one away that has not expired and, where it is a code, has this MAC. Of any number of callers one gets it; a wrong
   * code takes nothing away.
   */
  consume(presented: PresentedProof & { readonly code_mac: string | null }): Promise<MailedProofRow | undefined>
  /** The one of this hash, whosever it is. */
  delete(hash: string): Promise<void>
  /** The one of a purpose and address; whether there was one. */
  deleteByAddress(purpose: MailedProofRow['purpose'], address: string): Promise<boolean>
  /** All of a user's: what they prove may hold no longer. */
  deleteByUser(user: UserId): Promise<void>
}

/** Builds the queries of the table `mailed_proofs`. */
export function createMailedProofs({ db, dialect }: Connection): MailedProofs {
  return {
    async put(row) {
      const { purpose: _purpose, address: _address, ...rest } = row
      await db
        .insertInto('mailed_proofs')
        .values(row)
        .onConflict((conflict) => conflict.columns(['purpose', 'address']).doUpdateSet(rest))
        .execute()
    },
    find: ({ hash, purpose, now }) =>
      db
        .selectFrom('mailed_proofs')
        .selectAll()
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .executeTakeFirst(),
    consume: ({ hash, purpose, now, code_mac }) =>
      db
        .deleteFrom('mailed_proofs')
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .where('code_mac', code_mac === null ? 'is' : '=', code_mac)
        .returningAll()
        .executeTakeFirst(),
    async delete(hash) {
      await db.deleteFrom('mailed_proofs').where('hash', '=', hash).execute()
    },
    async deleteByAddress(purpose, address) {
      const deleted = await db
        .deleteFrom('mailed_proofs')
        .where('purpose', '=', purpose)
        .where('address', '=', address)
        .executeTakeFirst()
      return deleted.numDeletedRows > 0n
    },
    async deleteByUser(user) {
      await db
        .deleteFrom('mailed_proofs')
        .where('hash', 'in', (query) =>
          query
            .selectFrom('mailed_proofs')
            .select('hash')
            .where('user_id', '=', user)
            .orderBy('hash')
            .modifyEnd(dialect.forUpdate),
        )
        .execute()
    },
  }
}
