import type { ClientId, Seconds, UserId } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { DecoupledRequestRow } from '../rows.ts'

/** What a user's decision adds to a request. */
export type Decision = Pick<
  DecoupledRequestRow,
  | 'user_id'
  | 'session_id'
  | 'auth_time'
  | 'acr'
  | 'amr'
  | 'roles'
  | 'scope'
  | 'authorization_details'
  | 'role_scope'
  | 'organisation_id'
  | 'membership_version'
  | 'factor_at'
>

/** Requests that are decided on elsewhere: device flow and CIBA. Each query is one statement, but for `poll`. */
export interface DecoupledRequests {
  /** Throws already_exists when the user code is taken. */
  insert(row: DecoupledRequestRow): Promise<void>
  find(hash: string): Promise<DecoupledRequestRow | undefined>
  findByUserCode(user_code_hash: string, now: Seconds): Promise<DecoupledRequestRow | undefined>
  /**
   * Those that wait for this user's decision, the oldest first; at most 50: of more, the oldest of each client before the next of
   * any, so that however many one asks for it hides no other.
   */
  listPending(user: UserId, now: Seconds): Promise<DecoupledRequestRow[]>
  /** Decides on one that is pending, once: false where it is no longer. */
  approve(request: { readonly hash: string; readonly now: Seconds } & Decision): Promise<boolean>
  deny(request: { readonly hash: string; readonly now: Seconds }): Promise<boolean>
  /** Takes back what a user has approved for a client and the client has not fetched. */
  withdraw(user: UserId, client: ClientId): Promise<void>
  /** An approved one of that client, used from now on: of any number of callers at once, one gets it. */
  consume(request: {
    readonly hash: string
    readonly client_id: ClientId
    readonly now: Seconds
  }): Promise<DecoupledRequestRow | undefined>
  /**
   * Notes a poll if the interval has passed since the last one; otherwise the interval rises by five seconds and begins
   * anew. False = too early, or no such request: of several polls at once, one is on time.
   * Spec: RFC 8628 section 3.5. Cost: one statement, two for one that is too early.
   */
  poll(request: { readonly hash: string; readonly now: Seconds }): Promise<boolean>
}

/** Requests that a user is shown at a time. */
const pendingAtATime = 50

/** Builds the queries of the table `decoupled_requests`. */
export function createDecoupledRequests({ db }: Connection): DecoupledRequests {
  const decide = (hash: string, now: Seconds) =>
    db
      .updateTable('decoupled_requests')
      .where('hash', '=', hash)
      .where('status', '=', 'pending')
      .where('usable_until', '>', now)
  return {
    async insert(row) {
      await db.insertInto('decoupled_requests').values(row).execute()
    },
    find: (hash) => db.selectFrom('decoupled_requests').selectAll().where('hash', '=', hash).executeTakeFirst(),
    findByUserCode: (user_code_hash, now) =>
      db
        .selectFrom('decoupled_requests')
        .selectAll()
        .where('user_code_hash', '=', user_code_hash)
        .where('usable_until', '>', now)
        .executeTakeFirst(),
    listPending: (user, now) =>
      db
        .selectFrom('decoupled_requests')
        .selectAll()
        .where('hash', 'in', (shown) =>
          shown
            .selectFrom((pending) =>
              pending
                .selectFrom('decoupled_requests')
                .select(['hash', 'created_at'])
                .select(sql<number>`row_number() over (partition by client_id order by created_at, hash)`.as('turn'))
                .where('user_id', '=', user)
                .where('status', '=', 'pending')
                .where('usable_until', '>', now)
                .as('pending'),
            )
            .select('pending.hash')
            .orderBy('turn')
            .orderBy('pending.created_at')
            .orderBy('pending.hash')
            .limit(pendingAtATime),
        )
        .orderBy('created_at')
        .orderBy('hash')
        .execute(),
    async approve({ hash, now, ...decision }) {
      const { numUpdatedRows } = await decide(hash, now)
        .set({ ...decision, status: 'approved' })
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async deny({ hash, now }) {
      const { numUpdatedRows } = await decide(hash, now).set({ status: 'denied' }).executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async withdraw(user, client) {
      await db
        .updateTable('decoupled_requests')
        .set({ status: 'denied' })
        .where('user_id', '=', user)
        .where('client_id', '=', client)
        .where('status', '=', 'approved')
        .execute()
    },
    consume: ({ hash, client_id, now }) =>
      db
        .updateTable('decoupled_requests')
        .set({ status: 'consumed' })
        .where('hash', '=', hash)
        .where('client_id', '=', client_id)
        .where('status', '=', 'approved')
        .where('usable_until', '>', now)
        .returningAll()
        .executeTakeFirst(),
    async poll({ hash, now }) {
      const { numUpdatedRows } = await db
        .updateTable('decoupled_requests')
        .set({ polled_at: now })
        .where('hash', '=', hash)
        .where(({ or, eb, ref }) =>
          or([eb('polled_at', 'is', null), eb(sql<number>`${ref('polled_at')} + ${ref('poll_interval')}`, '<=', now)]),
        )
        .executeTakeFirstOrThrow()
      if (numUpdatedRows > 0n) return true
      await db
        .updateTable('decoupled_requests')
        .set(({ ref }) => ({ polled_at: now, poll_interval: sql<number>`${ref('poll_interval')} + 5` }))
        .where('hash', '=', hash)
        .execute()
      return false
    },
  }
}
