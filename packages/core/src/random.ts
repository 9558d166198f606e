import { randomBytes } from 'node:crypto'
import type { GrantId, OrganisationId, SessionId, UserId } from './brand.ts'

const poolSize = 4096
let pool = Buffer.alloc(0)
let used = 0

/**
 * Random bytes as base64url without padding: 16 bytes give 22 characters, 32 give 43.
 * Cost: one system call per 4 KiB handed out.
 */
export function randomToken(bytes: number): string {
  if (used + bytes > pool.length) {
    pool = randomBytes(Math.max(poolSize, bytes))
    used = 0
  }
  const token = pool.toString('base64url', used, used + bytes)
  pool.fill(0, used, used + bytes)
  used += bytes
  return token
}

/** A new user id, `usr_` and 128 random bits. */
export const newUserId = (): UserId => `usr_${randomToken(16)}` as UserId
/** A new session id, 128 random bits. */
export const newSessionId = (): SessionId => randomToken(16) as SessionId
/** A new grant id, 128 random bits. */
export const newGrantId = (): GrantId => randomToken(16) as GrantId

/** A new id of a signing key, 96 random bits. It does not begin with a dash, which commands would read as an option. */
export const newKeyId = (): string => randomToken(12).replace(/^-/, '_')

/** A new organisation id, `org_` and 128 random bits. */
export const newOrganisationId = (): OrganisationId => `org_${randomToken(16)}` as OrganisationId

const processPrefix = randomToken(6)
let requestNumber = 0

/** An id for one request, unique across processes; unguessable it need not be. Cost: no randomness is drawn. */
export function newRequestId(): string {
  requestNumber += 1
  return `req_${processPrefix}${requestNumber.toString(36)}`
}

/** An id for one refusal, by which its reason is found in the log. */
export const newDecisionId = (): string => `dec_${randomToken(12)}`
