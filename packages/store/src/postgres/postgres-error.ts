import { buildUnavailable, GatehouseError, reasonBehind } from '@gatehouse/core/errors'
import type { WriteTrouble } from '../write-watch.ts'

// Spec: https://www.postgresql.org/docs/current/errcodes-appendix.html. Connection, resources, operator intervention
// (a shutdown, a statement timeout), the disk; a transaction that lost against another; a lock that was not to be had; a
// server that has become a read-only standby.
const unavailable = /^(08|53|57|58|40)|^(55P03|25006)$/

/** The database is behind something that is no Postgres: server_error, whose cause has `08P01`, as of a pooler that says so itself. */
export const buildPoolerError = (): GatehouseError =>
  new GatehouseError('server_error', {
    cause: Object.assign(new Error('The settings of a connection did not take'), { code: '08P01' }),
  })

/**
 * The error of the catalogue for whatever the driver threw: already_exists, invalid_request (a NUL in a text),
 * temporarily_unavailable or server_error. What has no SQLSTATE comes from the network or a timeout.
 */
export function buildPostgresError(thrown: unknown): GatehouseError {
  if (thrown instanceof GatehouseError) return thrown
  const state = findState(thrown)
  if (state === '23505') return new GatehouseError('already_exists', { cause: thrown })
  if (state === '22021') return new GatehouseError('invalid_request', { cause: thrown })
  if (state === undefined || unavailable.test(state)) {
    return buildUnavailable(thrown)
  }
  return new GatehouseError('server_error', { cause: thrown })
}

/** Whether the connection may be used again: the server answered, and did not say that it is going. */
export function isConnectionUsable(thrown: unknown): boolean {
  const state = findState(thrown)
  return state !== undefined && !/^(08|57P|58)/.test(state)
}

/** Whether a lock was not to be had in time. */
export const isLockTimeout = (thrown: unknown): boolean => findState(reasonBehind(thrown)) === '55P03'

const troubles: Readonly<Record<string, WriteTrouble>> = {
  '53100': 'full',
  '58030': 'failing',
  '25006': 'read-only',
  '55P03': 'locked',
}

/** What a failure says of the writes that come after it. */
export const findPostgresTrouble = (thrown: unknown): WriteTrouble | undefined => troubles[findState(thrown) ?? '']

/** The SQLSTATE: five characters, which the errors of Node and of the driver itself do not have. */
function findState(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' && /^[0-9A-Z]{5}$/.test(thrown.code) ? thrown.code : undefined
}
