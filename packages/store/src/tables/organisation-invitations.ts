import type { OrganisationId, Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { OrganisationInvitationRow } from '../rows.ts'

/** Invitations into organisations that wait for their answer. Each query is one statement. */
export interface OrganisationInvitations {
  /** Puts it in the place of one of the same organisation to the same address: the older link is worth nothing then. */
  put(row: OrganisationInvitationRow): Promise<void>
  /** One that is still good; it stays. */
  find(hash: string, now: Seconds): Promise<OrganisationInvitationRow | undefined>
  /** One that is still good, which is gone then: of any number of callers one gets it. */
  consume(hash: string, now: Seconds): Promise<OrganisationInvitationRow | undefined>
  /** Those of an organisation that are still good, in the order of the addresses, from after the given one. */
  list(page: {
    readonly organisation_id: OrganisationId
    readonly now: Seconds
    readonly after?: string | undefined
    readonly limit: number
  }): Promise<OrganisationInvitationRow[]>
  /** How many of an organisation are still good. */
  count(organisation: OrganisationId, now: Seconds): Promise<number>
  /** Those that a user has sent, for one organisation or for all: they are worth nothing then. */
  deleteByInviter(user: UserId, organisation?: OrganisationId): Promise<void>
  /** Whether there was one. */
  delete(invitation: Pick<OrganisationInvitationRow, 'organisation_id' | 'email'>): Promise<boolean>
}

/** Builds the queries of the table `organisation_invitations`. */
export function createOrganisationInvitations({ db }: Connection): OrganisationInvitations {
  return {
    async put(row) {
      const { hash, roles, invited_by, created_at, expires_at } = row
      await db
        .insertInto('organisation_invitations')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['organisation_id', 'email'])
            .doUpdateSet({ hash, roles, invited_by, created_at, expires_at }),
        )
        .execute()
    },
    find: (hash, now) =>
      db
        .selectFrom('organisation_invitations')
        .selectAll()
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .executeTakeFirst(),
    consume: (hash, now) =>
      db
        .deleteFrom('organisation_invitations')
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),
    list: ({ organisation_id, now, after, limit }) =>
      db
        .selectFrom('organisation_invitations')
        .selectAll()
        .where('organisation_id', '=', organisation_id)
        .where('expires_at', '>', now)
        .$if(after !== undefined, (query) => query.where('email', '>', after ?? ''))
        .orderBy('email')
        .limit(limit)
        .execute(),
    async count(organisation, now) {
      const { count } = await db
        .selectFrom('organisation_invitations')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('organisation_id', '=', organisation)
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow()
      return count
    },
    async deleteByInviter(user, organisation) {
      await db
        .deleteFrom('organisation_invitations')
        .where('invited_by', '=', user)
        .$if(organisation !== undefined, (those) => those.where('organisation_id', '=', organisation as OrganisationId)) // just checked
        .execute()
    },
    async delete({ organisation_id, email }) {
      const { numDeletedRows } = await db
        .deleteFrom('organisation_invitations')
        .where('organisation_id', '=', organisation_id)
        .where('email', '=', email)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}
