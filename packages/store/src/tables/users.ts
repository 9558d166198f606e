import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { UserRow } from '../rows.ts'
import { defineStatement } from '../statement.ts'

const columns = [
  'id',
  'username',
  'username_canonical',
  'password_hash',
  'status',
  'scopes',
  'roles',
  'email',
  'email_canonical',
  'email_verified_at',
  'name',
  'locale',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof UserRow)[]

const findByCanonicalName = defineStatement<{ name: string }, UserRow>('users.find', ({ db, parameter }) =>
  db.selectFrom('users').select(columns).where('username_canonical', '=', parameter('name')),
)

const findByNameOrEmail = defineStatement<{ name: string; email: string }, UserRow>(
  'users.find-by-name-or-email',
  ({ db, parameter }) =>
    db
      .selectFrom('users')
      .select(columns)
      .where(({ eb, and, or }) =>
        or([
          eb('username_canonical', '=', parameter('name')),
          and([eb('email_canonical', '=', parameter('email')), eb('email_verified_at', 'is not', null)]),
        ]),
      ),
)

type Held = Pick<UserRow, 'id' | 'password_hash' | 'scopes' | 'roles'>

const hold = defineStatement<Held & { password_hash: string }>('users.hold', ({ db, parameter }) =>
  db
    .updateTable('users')
    .set(({ ref }) => ({ updated_at: ref('updated_at') }))
    .where('id', '=', parameter('id'))
    .where(({ fn, val }) => fn.coalesce('password_hash', val('')), '=', parameter('password_hash'))
    .where('scopes', '=', parameter('scopes'))
    .where('roles', '=', parameter('roles'))
    .where('status', '=', 'active'),
)

/** The people who can sign in. Each query is one statement. */
export interface Users {
  /** Throws already_exists when the id, the canonical name or the address is taken. */
  insert(row: UserRow): Promise<void>
  findByCanonicalName(name: string): Promise<UserRow | undefined>
  /** Who has this name or else, verified, this address. Hot: compiled once. */
  findByNameOrEmail(asked: { readonly name: string; readonly email: string }): Promise<UserRow | undefined>
  findById(id: UserId): Promise<UserRow | undefined>
  /** Who has this address, shown to be theirs or not. */
  findByEmail(email_canonical: string): Promise<UserRow | undefined>
  /** In the order of the canonical names, byte by byte, from after the given one. */
  list(page: { readonly after?: string; readonly limit: number }): Promise<UserRow[]>
  /** Only where the present hash is the expected one; false otherwise. Stops two changes from overwriting each other. */
  setPasswordHash(change: {
    readonly id: UserId
    readonly expected: string | null
    readonly hash: string | null
    readonly at: Seconds
  }): Promise<boolean>
  /**
   * Takes the row's lock until the transaction ends, if the user is active and has this hash still, or still none, and these
   * scopes and roles; false otherwise. Writes the row as it is.
   */
  hold(user: Held): Promise<boolean>
  /** False where there is no such user. */
  setStatus(change: { readonly id: UserId; readonly status: UserRow['status']; readonly at: Seconds }): Promise<boolean>
  /** Whether there was one. What hangs off it goes by statements of its own. */
  delete(id: UserId): Promise<boolean>
  /** Only where the present ones are those of `before`; false otherwise. Stops two changes from overwriting each other. */
  setScopesAndRoles(change: {
    readonly id: UserId
    readonly before: Pick<UserRow, 'scopes' | 'roles'>
    readonly scopes: string
    readonly roles: string
    readonly at: Seconds
  }): Promise<boolean>
  /**
   * Gives a user this address, verified at that moment, and the name that goes with it; false where there is no such user.
   * Throws already_exists where somebody else has one of them.
   */
  setEmail(
    change: Pick<UserRow, 'id' | 'username' | 'username_canonical'> & {
      readonly email: string
      readonly email_canonical: string
      readonly at: Seconds
    },
  ): Promise<boolean>
  /** Takes an address away from whoever has it without having shown that it is theirs. */
  releaseUnverifiedEmail(change: { readonly email_canonical: string; readonly at: Seconds }): Promise<void>
  /** False where there is no such user. */
  setProfile(change: {
    readonly id: UserId
    readonly name: string | null
    readonly locale: string | null
    readonly at: Seconds
  }): Promise<boolean>
  count(): Promise<number>
  /** Whether any user, disabled ones too, has the role. Cost: looks at every user until one has it. */
  anyWithRole(role: string): Promise<boolean>
}

/** Builds the queries of the table `users`. */
export function createUsers(connection: Connection): Users {
  const { db, dialect } = connection
  return {
    async insert(row) {
      await db.insertInto('users').values(row).execute()
    },
    // No hash is empty: it stands for none.
    hold: async ({ id, password_hash, scopes, roles }) =>
      (await hold.run(connection, { id, password_hash: password_hash ?? '', scopes, roles })).changes > 0,
    async findByCanonicalName(name) {
      return (await findByCanonicalName.run(connection, { name })).rows[0]
    },
    async findByNameOrEmail(asked) {
      const { rows } = await findByNameOrEmail.run(connection, asked)
      return rows.find((row) => row.username_canonical === asked.name) ?? rows[0]
    },
    findById: (id) => db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst(),
    findByEmail: (email_canonical) =>
      db.selectFrom('users').selectAll().where('email_canonical', '=', email_canonical).executeTakeFirst(),
    list: ({ after, limit }) =>
      db
        .selectFrom('users')
        .selectAll()
        .$if(after !== undefined, (query) => query.where('username_canonical', '>', after ?? ''))
        .orderBy('username_canonical')
        .limit(limit)
        .execute(),
    async setPasswordHash({ id, expected, hash, at }) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ password_hash: hash, updated_at: at })
        .where('id', '=', id)
        .where('password_hash', expected === null ? 'is' : '=', expected)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async setStatus({ id, status, at }) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ status, updated_at: at })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async setScopesAndRoles({ id, before, scopes, roles, at }) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ scopes, roles, updated_at: at })
        .where('id', '=', id)
        .where('scopes', '=', before.scopes)
        .where('roles', '=', before.roles)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async delete(id) {
      const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', id).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async setEmail({ id, at, ...change }) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ ...change, email_verified_at: at, updated_at: at })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async releaseUnverifiedEmail({ email_canonical, at }) {
      await db
        .updateTable('users')
        .set({ email: null, email_canonical: null, updated_at: at })
        .where('email_canonical', '=', email_canonical)
        .where('email_verified_at', 'is', null)
        .execute()
    },
    async setProfile({ id, name, locale, at }) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ name, locale, updated_at: at })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async count() {
      const { count } = await db
        .selectFrom('users')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return count
    },
    async anyWithRole(role) {
      const found = await db
        .selectFrom('users')
        .select('id')
        .where(({ ref }) => dialect.hasWord(ref('roles'), role))
        .limit(1)
        .executeTakeFirst()
      return found !== undefined
    },
  }
}
