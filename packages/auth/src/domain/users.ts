import type { Seconds, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { newUserId } from '@gatehouse/core/random'
import { formatScope, parseScope } from '@gatehouse/core/scope'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { type AuditEvent, recordEvent } from './audit.ts'
import { type EmailAddress, parseEmail } from './email-addresses.ts'
import { unlockAccount } from './lockout.ts'
import type { Notices } from './notices.ts'
import { checkNewPassword } from './password-rules.ts'
import { isKnownHash, type Passwords } from './passwords.ts'
import type { Revocations } from './revocations.ts'
import { endAllOfUser, removeEndedGrants } from './sessions.ts'

/** Whoever runs Gatehouse. It brings no rights by itself yet: one administers by the command line. */
export const administratorRole = 'administrator'

/** Who did something, for the audit trail. */
export type Actor = Pick<AuditEvent, 'actor' | 'address' | 'request_id'>

/** What a new user is given. */
export interface NewUser {
  readonly username: string
  /** In clear, or as a hash that another system made; none = the user cannot sign in with a password. */
  readonly password?: string
  readonly passwordHash?: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** The e-mail address; whoever adds the user stands for its being theirs. */
  readonly email?: string
  /** The language of pages and mails. */
  readonly locale?: string
  /** Least password length, from configuration. */
  readonly minimumPasswordLength: number
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly passwords: Passwords
  readonly revocations: Revocations
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unfit = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/

/**
 * The form in which user names are compared and counted: Unicode NFKC, lower case, no space around it.
 * `undefined` for a name that cannot be one: empty, over 255 characters, or with control characters.
 * Threat: a second spelling of a name that gets a second counter, or a second account.
 */
export function canonicalName(username: string): string | undefined {
  if (username.length > 255 || unfit.test(username)) return undefined
  const name = username.normalize('NFKC').toLowerCase().normalize('NFKC').trim()
  return name === '' || name.length > 255 ? undefined : name
}

/**
 * Adds a user. Errors: `invalid_request` for an unfit name, address, scope, role or foreign hash, `weak_password`, `already_exists`.
 * Cost: one hash where a password in clear is given, and a transaction.
 */
export async function addUser({ store, clock, passwords }: Dependencies, user: NewUser, by: Actor): Promise<UserRow> {
  const row = await buildUser({ clock, passwords }, user)
  await store.transaction(async (tables) => {
    await insertUser(tables, row)
    await recordEvent(tables, clock, { type: 'user_added', result: 'ok', target: row.id, ...by })
  })
  return row
}

/**
 * Inserts a user with a verified address or none. Whoever has the address without having shown that it is theirs loses it.
 * Error: `already_exists`. Threat: somebody who opens an account with another person's address beforehand and waits.
 */
export async function insertUser(tables: Pick<Tables, 'users'>, row: UserRow): Promise<void> {
  const { email_canonical, created_at } = row
  if (email_canonical !== null) await tables.users.releaseUnverifiedEmail({ email_canonical, at: created_at })
  await tables.users.insert(row)
}

/** A user row that is ready to be inserted; see {@link addUser}. */
export async function buildUser(
  { clock, passwords }: Pick<Dependencies, 'clock' | 'passwords'>,
  user: NewUser,
): Promise<UserRow> {
  const canonical = canonicalName(user.username)
  if (canonical === undefined)
    throw new GatehouseError('invalid_request', { description: 'The user name is not usable' })
  const scopes = getScopes(user.scopes)
  const roles = getRoles(user.roles)
  if (user.passwordHash !== undefined && !isKnownHash(user.passwordHash)) {
    throw new GatehouseError('invalid_request', {
      description: 'The password hash is of no known format (argon2, bcrypt, scrypt, pbkdf2)',
    })
  }
  let hash = user.passwordHash ?? null
  if (user.password !== undefined) {
    await checkNewPassword(user.password, {
      minimum: user.minimumPasswordLength,
      owner: user,
      passwords,
    })
    hash = await passwords.hash(user.password)
  }
  const address = user.email === undefined ? undefined : getEmail(user.email)
  const now = clock.now()
  return {
    id: newUserId(),
    username: user.username.trim(),
    username_canonical: canonical,
    password_hash: hash,
    status: 'active',
    scopes,
    roles,
    email: address?.email ?? null,
    email_canonical: address?.canonical ?? null,
    email_verified_at: address ? now : null,
    name: null,
    locale: user.locale ?? null,
    created_at: now,
    updated_at: now,
  }
}

/** Scopes as the column has them. Error: `invalid_request`. */
export function getScopes(scopes: readonly string[]): string {
  const scope = parseScope(scopes.join(' '))
  if (!scope)
    throw new GatehouseError('invalid_request', { description: 'A scope has a character that scopes cannot have' })
  return formatScope(scope)
}

/** Roles as the column has them. Error: `invalid_request`. */
export function getRoles(roles: readonly string[]): string {
  for (const role of roles) {
    if (!/^[\w.:/-]{1,100}$/.test(role))
      throw new GatehouseError('invalid_request', { description: 'A role name is not usable' })
  }
  return [...new Set(roles)].join(' ')
}

/** An e-mail address as somebody has typed it. Error: `invalid_request`. */
export function getEmail(text: string): EmailAddress {
  const address = parseEmail(text)
  if (!address) throw new GatehouseError('invalid_request', { description: 'The e-mail address is not usable' })
  return address
}

/** The two forms in which what is typed as a user name is looked for: as a name, and as an address. */
export function signInNames(text: string): { readonly name: string; readonly email: string } | undefined {
  const name = canonicalName(text)
  return name === undefined ? undefined : { name, email: parseEmail(text)?.canonical ?? name }
}

/** The user of this name. Error: `not_found`. */
export async function getUserByName({ store }: Pick<Dependencies, 'store'>, username: string): Promise<UserRow> {
  const canonical = canonicalName(username)
  const user = canonical === undefined ? undefined : await store.users.findByCanonicalName(canonical)
  if (!user) throw new GatehouseError('not_found', { description: 'There is no such user' })
  return user
}

/** What setting a password needs. */
export interface SetPasswordDependencies extends Dependencies {
  readonly notices: Notices
}

/** A password that somebody is to have from now on. */
export interface NewPassword {
  readonly user: UserRow
  readonly password: string
  /** Least length, from configuration. */
  readonly minimumLength: number
  /** Further writes of the same transaction, once the user's row is held; what it throws undoes all. */
  readonly alongside?: (tables: Tables) => Promise<void>
}

/**
 * Sets a new password, ends every session of the user, forgets wrong passwords and the browsers that need no second factor, and
 * tells them. Errors: `weak_password`, `not_found`. Cost: one hash, one transaction.
 */
export async function setPassword(
  dependencies: SetPasswordDependencies,
  change: NewPassword,
  by: Actor,
): Promise<void> {
  const { store, clock, passwords, notices, revocations } = dependencies
  const { user } = change
  await checkNewPassword(change.password, {
    minimum: change.minimumLength,
    owner: user,
    passwords,
  })
  const hash = await passwords.hash(change.password)
  const entries = await store.transaction(async (tables) => {
    await replaceHash(tables, { id: user.id, hash, at: clock.now() })
    // Whoever has forgotten the old one may have tried it too often.
    await unlockAccount(tables, user)
    // Whoever had the old one may have had a browser remembered.
    await tables.rememberedDevices.deleteByUser(user.id)
    await change.alongside?.(tables)
    await notices.tell(tables, 'password_changed', { user, by })
    await recordEvent(tables, clock, { type: 'password_set', result: 'ok', target: user.id, ...by })
    return endAllOfUser({ tables, clock, revocations }, user.id, by)
  })
  await revocations.announce(entries)
  await removeEndedGrants({ store }, user.id)
}

/** A sign-in may store the old password's hash anew between the look and the change: the look is then taken again. */
async function replaceHash(
  tables: Pick<Tables, 'users'>,
  change: { readonly id: UserId; readonly hash: string; readonly at: Seconds },
): Promise<void> {
  for (let tries = 0; tries < 3; tries += 1) {
    const current = await tables.users.findById(change.id)
    if (!current) throw new GatehouseError('not_found', { description: 'There is no such user' })
    if (await tables.users.setPasswordHash({ ...change, expected: current.password_hash })) return
  }
  throw new GatehouseError('temporarily_unavailable', { cause: new Error('the password hash kept changing') })
}

/**
 * Removes a user with everything that is kept of them, and tells them so by mail; every session and token ends in the same
 * transaction. What remains is the audit trail, which knows them by their id. Error: `not_found`.
 */
export async function deleteUser(
  dependencies: Omit<SetPasswordDependencies, 'passwords'>,
  id: UserId,
  by: Actor,
): Promise<void> {
  const { store, clock, notices, revocations } = dependencies
  const entries = await store.transaction(async (tables) => {
    const user = await tables.users.findById(id)
    // Before all others: a sign-in that is under way holds the row, and is then seen here, or finds it gone.
    if (!user || !(await tables.users.delete(id)))
      throw new GatehouseError('not_found', { description: 'There is no such user' })
    const ended = await endAllOfUser({ tables, clock, revocations }, id, by)
    await Promise.all([
      tables.factors.deleteByUser(id),
      tables.recoveryCodes.replace({ user_id: id, hashes: [], at: clock.now() }),
      tables.rememberedDevices.deleteByUser(id),
      tables.consents.deleteByUser(id),
      tables.familiarAddresses.deleteByUser(id),
      tables.mailedProofs.deleteByUser(id),
      tables.mails.deleteByUser(id),
      tables.memberships.deleteByUser(id),
      tables.organisationInvitations.deleteByInviter(id),
      tables.linkedIdentities.deleteByUser(id),
      tables.providerTokens.deleteByUser(id),
      recordEvent(tables, clock, { type: 'user_deleted', result: 'ok', target: id, ...by }),
    ])
    await notices.tell(tables, 'account_deleted', { user, by })
    return ended
  })
  await revocations.announce(entries)
  await removeEndedGrants({ store }, id)
}

/**
 * Lets a user sign in or not; disabling ends every session in the same transaction, and what they have invited others to,
 * enabling forgets wrong passwords.
 * Threat: somebody who has got into an administrator's account and has invited themselves, to come back later.
 */
export async function setUserStatus(
  { store, clock, revocations }: Omit<Dependencies, 'passwords'>,
  { id, status }: Pick<UserRow, 'id' | 'status'>,
  by: Actor,
): Promise<void> {
  const entries = await store.transaction(async (tables) => {
    await tables.users.setStatus({ id, status, at: clock.now() })
    const type = status === 'disabled' ? 'user_disabled' : 'user_enabled'
    await recordEvent(tables, clock, { type, result: 'ok', target: id, ...by })
    if (status !== 'disabled') {
      const user = await tables.users.findById(id)
      if (user) await unlockAccount(tables, user)
      return []
    }
    await tables.organisationInvitations.deleteByInviter(id)
    return endAllOfUser({ tables, clock, revocations }, id, by)
  })
  await revocations.announce(entries)
  if (status === 'disabled') await removeEndedGrants({ store }, id)
}
