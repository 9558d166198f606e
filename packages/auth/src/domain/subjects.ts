import { createHmac } from 'node:crypto'
import type { SessionId, UserId } from '@gatehouse/core/brand'
import type { Client } from './clients.ts'
import type { KeyRing } from './key-rings.ts'

/** By which names clients know users and sessions. */
export interface Subjects {
  /**
   * The user's id or, for a client with pairwise subjects, a name that clients of other sectors do not have: the same one
   * each time, and never anybody else's. Spec: OpenID Connect Core section 8.
   */
  subjectFor(client: Client, user: UserId): string
  /** The session's id or, for a client with pairwise subjects, one of its own: otherwise that would tie the two together. */
  sessionFor(client: Client, session: SessionId): string
}

/** Builds them on a ring whose key stays: a new key would be a new name for everybody. */
export const createSubjects = (ring: KeyRing): Subjects => {
  const nameFor = (...parts: readonly string[]): string =>
    createHmac('sha256', ring.current.key).update(JSON.stringify(parts)).digest('base64url')
  return {
    subjectFor: (client, user) =>
      client.subjectType === 'pairwise' ? nameFor('subject', client.sectorIdentifier ?? client.id, user) : user,
    sessionFor: (client, session) =>
      client.subjectType === 'pairwise' ? nameFor('session', client.id, session) : session,
  }
}
