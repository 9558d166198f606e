import { existsSync } from 'node:fs'
import { GatehouseError, reasonBehind } from '@gatehouse/core/errors'
import type { LockHolder } from '@gatehouse/store/database'
import { openStore, type PreparedStore, type Store } from '@gatehouse/store/store'
import { systemClock } from './clock.ts'
import type { Configuration } from './configuration/configuration.ts'
import { isDatabaseFile } from './configuration/resolve.ts'

/** Says which database cannot be used, and why; thrown as the database is opened, looked at or migrated. */
export class DatabaseError extends Error {
  constructor(database: string, why: string, cause?: unknown) {
    super(`database ${nameDatabase(database)}: ${why}`, { cause })
    this.name = 'DatabaseError'
  }
}

/** A database as it may be shown: without the password, and without what stands behind a question mark. */
export function nameDatabase(database: string): string {
  if (isDatabaseFile(database) || !URL.canParse(database)) return database.replace(/\/\/[^/]*@/, '//…@')
  const { protocol, username, host, pathname } = new URL(database)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}

/** Says for whom a migration waits. */
export const describeWaiting = ({ lock }: LockHolder): string =>
  lock === 'migrations'
    ? 'waiting for another process that migrates this database'
    : 'waiting for somebody who uses a table that is to be changed, as pg_dump does; requests go on meanwhile'

/** Whether a database is a file that has not been made yet. */
export const isToBeMade = ({ database }: Pick<Configuration, 'database'>): boolean =>
  isDatabaseFile(database) && !existsSync(database)

interface OpenOptions {
  readonly prepared?: PreparedStore
  /** Whether there are no requests yet that would wait too; left out: there never are, as for a command. */
  readonly isPatient?: () => boolean
}

/** Opens the database of a configuration. Throws {@link DatabaseError}. */
export const openDatabase = (
  { database }: Pick<Configuration, 'database'>,
  { prepared, isPatient = () => true }: OpenOptions = {},
): Promise<Store> =>
  asksDatabase({ database }, () => openStore({ url: database, clock: systemClock, prepared, isPatient }))

/** Asks something of a database; what it throws becomes a {@link DatabaseError}, which the operator understands. */
export async function asksDatabase<T>(
  { database }: Pick<Configuration, 'database'>,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof DatabaseError) throw error
    throw new DatabaseError(database, explain(reasonBehind(error)), error)
  }
}

/** What was left by a newer version when the backup of an older one was restored over it. */
const leftover = (words: string): string =>
  `${words}, left by a newer version: an older backup was restored over it; restore it into an empty database (docs/guides/backup.md)`

/** By the code of an error; a function where its own words name what it is about. */
const explanations: Readonly<Record<string, string | ((words: string) => string)>> = {
  SQLITE_NOTADB: 'is not an SQLite database; name another file, or move this one away',
  SQLITE_CORRUPT: 'is damaged: stop, and restore a backup (docs/guides/backup.md)',
  SQLITE_FULL: 'cannot be written: the disk is full (SQLITE_FULL); make room there',
  SQLITE_BUSY: 'is locked by another process; try again when that is done',
  SQLITE_READONLY: 'cannot be written; it and its folder must be ours to write',
  EISDIR: 'is a folder; name a file in it',
  ENOTDIR: 'lies below what is no folder; name another file',
  EEXIST: 'lies below what is no folder; name another file',
  EACCES: 'cannot be opened: permission denied; it and its folder must be ours to read and write',
  EROFS: 'cannot be opened: the disk is read-only',
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED); is Postgres running, and is this its host and port?',
  ENOTFOUND: 'there is no such host (ENOTFOUND)',
  // From a pooler, or because of one.
  '08P01':
    'a pooler such as PgBouncer stands before it and drops what its connections are opened with (08P01); name Postgres itself: Gatehouse pools its connections, at most ten a process and one that listens',
  ETIMEDOUT: 'does not answer (ETIMEDOUT); is this its host and port, and does a firewall let us through?',
  // SQLSTATEs.
  '25006': 'cannot be written: it is read-only (25006); a standby? Name the server that takes writes',
  '53300': 'has no connection left for us (53300); raise its max_connections, or run fewer processes on it',
  '57P03': 'is starting or stopping (57P03); try again in a moment',
  '55P03': 'is locked by another process (55P03); try again when that is done',
  '42501': (words) => `${words} (42501); let the role own the database`,
  '42P07': leftover,
  '42701': leftover,
}

/**
 * Says what keeps a database from being used, of an error that it may have thrown; `undefined` of any other. For what is asked of
 * it once it is open.
 */
export function explainDatabase(
  { database }: Pick<Configuration, 'database'>,
  error: unknown,
): DatabaseError | undefined {
  if (!(error instanceof GatehouseError) || findExplanation(error.cause) === undefined) return undefined
  return new DatabaseError(database, explain(error.cause), error)
}

/** What is more precise begins with the same words: SQLITE_READONLY_DIRECTORY. */
function findExplanation(cause: unknown): string | undefined {
  const code = codeOf(cause)
  const known = Object.keys(explanations).find((name) => code === name || code.startsWith(`${name}_`))
  const explanation = known === undefined ? undefined : explanations[known]
  return typeof explanation === 'function' ? explanation(wordsOf(cause)) : explanation
}

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''

function explain(cause: unknown): string {
  return findExplanation(cause) || wordsOf(cause) || codeOf(cause) || 'gave no reason'
}
