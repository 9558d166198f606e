import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'
import type { WriteTrouble } from '../write-watch.ts'

/** What the worker says of a failure. */
export interface SqliteFailure {
  readonly code: string
  readonly message: string
}

const unavailable = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|NOMEM|READONLY|CANTOPEN|PROTOCOL)/

const troubles: Readonly<Record<string, WriteTrouble>> = {
  FULL: 'full',
  IOERR: 'failing',
  READONLY: 'read-only',
  BUSY: 'locked',
  CORRUPT: 'damaged',
  NOTADB: 'damaged',
}

/** Whether another process has a lock, so that nothing was done, and the same may be tried again. */
export const isLocked = (failure: unknown): boolean =>
  typeof failure === 'object' &&
  failure !== null &&
  'code' in failure &&
  typeof failure.code === 'string' &&
  failure.code.startsWith('SQLITE_BUSY')

/** What a failure says of the writes that come after it. */
export const findSqliteTrouble = ({ code }: SqliteFailure): WriteTrouble | undefined =>
  troubles[code.split('_')[1] ?? '']

/**
 * The error of the catalogue for a failure of SQLite: already_exists, temporarily_unavailable or server_error, which it also is
 * where the file is damaged: to try again does not help.
 * SQLite's own words stand in the cause, for the log.
 */
export function buildSqliteError(failure: SqliteFailure): GatehouseError {
  const cause = Object.assign(new Error(`${failure.code}: ${failure.message}`), { code: failure.code })
  if (failure.code === 'SQLITE_CONSTRAINT_UNIQUE' || failure.code === 'SQLITE_CONSTRAINT_PRIMARYKEY') {
    return new GatehouseError('already_exists', { cause })
  }
  if (unavailable.test(failure.code)) return buildUnavailable(cause)
  return new GatehouseError('server_error', { cause })
}
