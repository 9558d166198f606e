import type { OrganisationId, UserId } from '@gatehouse/core/brand'
import type { ExpressionBuilder } from 'kysely'
import type { Connection } from '../database.ts'
import type { MembershipRow, OrganisationRow, UserRow } from '../rows.ts'
import type { Schema } from '../schema.ts'
import { defineStatement } from '../statement.ts'

/** A membership of an organisation that is active, with what people call that. */
export type MembershipOfUser = MembershipRow & Pick<OrganisationRow, 'name' | 'slug'>

/** A member as a list shows them. */
export type Member = MembershipRow & Pick<UserRow, 'username' | 'username_canonical' | 'status'>

/** Which membership. */
export type MembershipKey = Pick<MembershipRow, 'organisation_id' | 'user_id'>

const columns = [
  'memberships.organisation_id',
  'memberships.user_id',
  'memberships.roles',
  'memberships.version',
  'memberships.created_at',
] as const

const listByUser = defineStatement<{ user_id: UserId }, MembershipOfUser>('memberships.list-by-user', (context) =>
  context.db
    .selectFrom('memberships')
    .innerJoin('organisations', 'organisations.id', 'memberships.organisation_id')
    .select([...columns, 'organisations.name', 'organisations.slug'])
    .where('memberships.user_id', '=', context.parameter('user_id'))
    .where('organisations.status', '=', 'active')
    .orderBy('organisations.slug'),
)

/** Who belongs to which organisation. Each query is one statement. */
export interface Memberships {
  /** Throws already_exists where the user is a member. */
  insert(row: MembershipRow): Promise<void>
  find(key: MembershipKey): Promise<MembershipRow | undefined>
  /** Those in organisations that are active, in the order of the slugs. Compiled once: every sign-in asks for them. */
  listByUser(user: UserId): Promise<readonly MembershipOfUser[]>
  /** In the order of the canonical names, byte by byte, from after the given one. */
  listMembers(page: {
    readonly organisation_id: OrganisationId
    readonly after?: string | undefined
    readonly limit: number
  }): Promise<Member[]>
  /**
   * Only where the membership is still of that version. With `keeping`, also only where somebody who can sign in has that
   * role afterwards: two such changes at once need a lock on the organisation (`organisations.hold`). False otherwise.
   */
  setRoles(change: {
    readonly key: MembershipKey
    readonly roles: string
    readonly version: string
    readonly next_version: string
    readonly keeping?: string | undefined
  }): Promise<boolean>
  /** Whether there was one; `keeping` as for `setRoles`. */
  delete(removal: { readonly key: MembershipKey; readonly keeping?: string | undefined }): Promise<boolean>
  /** Every membership of a user who is gone. */
  deleteByUser(user: UserId): Promise<void>
  /** Gives it another version: what was prepared under the old one starts no more. False where there is none. */
  renew(key: MembershipKey, next_version: string): Promise<boolean>
}

/** Builds the queries of the table `memberships`. */
export function createMemberships(connection: Connection): Memberships {
  const { db, dialect } = connection

  /** Whether somebody else who can sign in has a role in the organisation. */
  const isHeldByAnother =
    ({ organisation_id, user_id }: MembershipKey, role: string) =>
    ({ exists, selectFrom }: ExpressionBuilder<Schema, 'memberships'>) =>
      exists(
        selectFrom('memberships as other')
          .innerJoin('users', 'users.id', 'other.user_id')
          .select('other.user_id')
          .where('other.organisation_id', '=', organisation_id)
          .where('other.user_id', '!=', user_id)
          .where('users.status', '=', 'active')
          .where(({ ref }) => dialect.hasWord(ref('other.roles'), role)),
      )
  const isNot =
    (role: string) =>
    ({ ref, not }: ExpressionBuilder<Schema, 'memberships'>) =>
      not(dialect.hasWord(ref('memberships.roles'), role))

  return {
    async insert(row) {
      await db.insertInto('memberships').values(row).execute()
    },
    find: ({ organisation_id, user_id }) =>
      db
        .selectFrom('memberships')
        .selectAll()
        .where('organisation_id', '=', organisation_id)
        .where('user_id', '=', user_id)
        .executeTakeFirst(),
    async listByUser(user_id) {
      return (await listByUser.run(connection, { user_id })).rows
    },
    listMembers: ({ organisation_id, after, limit }) =>
      db
        .selectFrom('memberships')
        .innerJoin('users', 'users.id', 'memberships.user_id')
        .select([...columns, 'users.username', 'users.username_canonical', 'users.status'])
        .where('memberships.organisation_id', '=', organisation_id)
        .$if(after !== undefined, (query) => query.where('users.username_canonical', '>', after ?? ''))
        .orderBy('users.username_canonical')
        .limit(limit)
        .execute(),
    async setRoles({ key, roles, version, next_version, keeping }) {
      const stays = keeping === undefined || roles.split(' ').includes(keeping)
      const { numUpdatedRows } = await db
        .updateTable('memberships')
        .set({ roles, version: next_version })
        .where('memberships.organisation_id', '=', key.organisation_id)
        .where('memberships.user_id', '=', key.user_id)
        .where('memberships.version', '=', version)
        .$if(!stays, (query) =>
          query.where((eb) => eb.or([isNot(keeping ?? '')(eb), isHeldByAnother(key, keeping ?? '')(eb)])),
        )
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async delete({ key, keeping }) {
      const { numDeletedRows } = await db
        .deleteFrom('memberships')
        .where('memberships.organisation_id', '=', key.organisation_id)
        .where('memberships.user_id', '=', key.user_id)
        .$if(keeping !== undefined, (query) =>
          query.where((eb) => eb.or([isNot(keeping ?? '')(eb), isHeldByAnother(key, keeping ?? '')(eb)])),
        )
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async deleteByUser(user) {
      await db.deleteFrom('memberships').where('user_id', '=', user).execute()
    },
    async renew({ organisation_id, user_id }, next_version) {
      const { numUpdatedRows } = await db
        .updateTable('memberships')
        .set({ version: next_version })
        .where('organisation_id', '=', organisation_id)
        .where('user_id', '=', user_id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}
