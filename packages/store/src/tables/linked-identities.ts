import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { LinkedIdentityRow } from '../rows.ts'

type Key = Pick<LinkedIdentityRow, 'provider' | 'subject'>

/** Who of outside providers is who here. Each query is one statement. */
export interface LinkedIdentities {
  /** Throws already_exists where the identity is linked already, to whomever. */
  insert(row: LinkedIdentityRow): Promise<void>
  find(key: Key): Promise<LinkedIdentityRow | undefined>
  /** Notes a use and what the provider brings by now; false where the link is gone, or is another user's. */
  renew(
    link: Key &
      Pick<
        LinkedIdentityRow,
        'user_id' | 'label' | 'given_roles' | 'given_organisation' | 'gave_membership' | 'given_organisation_roles'
      > & { readonly at: Seconds },
  ): Promise<boolean>
  /** In the order in which they were made. */
  listByUser(user: UserId): Promise<LinkedIdentityRow[]>
  /** Whether there was one, and it was this user's. */
  delete(link: Key & { readonly user_id: UserId }): Promise<boolean>
  deleteByUser(user: UserId): Promise<void>
}

/** Builds the queries of the table `linked_identities`. */
export function createLinkedIdentities({ db }: Connection): LinkedIdentities {
  return {
    async insert(row) {
      await db.insertInto('linked_identities').values(row).execute()
    },
    find: ({ provider, subject }) =>
      db
        .selectFrom('linked_identities')
        .selectAll()
        .where('provider', '=', provider)
        .where('subject', '=', subject)
        .executeTakeFirst(),
    async renew({ provider, subject, user_id, at, ...given }) {
      const { numUpdatedRows } = await db
        .updateTable('linked_identities')
        .set({ ...given, last_used_at: at })
        .where('provider', '=', provider)
        .where('subject', '=', subject)
        .where('user_id', '=', user_id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    listByUser: (user) =>
      db
        .selectFrom('linked_identities')
        .selectAll()
        .where('user_id', '=', user)
        .orderBy('created_at')
        .orderBy('provider')
        .orderBy('subject')
        .execute(),
    async delete({ provider, subject, user_id }) {
      const { numDeletedRows } = await db
        .deleteFrom('linked_identities')
        .where('provider', '=', provider)
        .where('subject', '=', subject)
        .where('user_id', '=', user_id)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async deleteByUser(user) {
      await db.deleteFrom('linked_identities').where('user_id', '=', user).execute()
    },
  }
}
