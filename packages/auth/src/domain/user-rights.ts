import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { recordEvent } from './audit.ts'
import { listLiveSessions } from './live-sessions.ts'
import type { Revocations } from './revocations.ts'
import { endAllOfUser, removeEndedGrants } from './sessions.ts'
import { type Actor, getRoles, getScopes } from './users.ts'

/** What a user is to be given from now on: these and no others; what is left out stays as it is. */
export interface RightsChange {
  readonly id: UserId
  readonly scopes?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
}

/** What has come of it. */
export interface ChangedRights {
  readonly user: UserRow
  /** Scopes and roles that are gone; with any, every session has ended. */
  readonly lost: readonly string[]
  readonly gained: readonly string[]
  /** How many had not expired. */
  readonly sessionsEnded: number
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
}

const wordsBeyond = (text: string, other: string): readonly string[] =>
  splitWords(text).filter((word) => !splitWords(other).includes(word))

/**
 * Gives a user other scopes or roles. Whoever loses one loses every session and all that was issued from it, in the same
 * transaction; what is gained comes with the next sign-in or authorization. Errors: `invalid_request`, `not_found`,
 * `temporarily_unavailable` where somebody else keeps changing them. Cost: one transaction.
 * Threat: somebody who was demoted and goes on with tokens, or refreshes them, as what they were before.
 */
export async function changeRights(
  { store, clock, revocations }: Dependencies,
  { id, ...change }: RightsChange,
  by: Actor,
): Promise<ChangedRights> {
  const given = {
    ...(change.scopes && { scopes: getScopes(change.scopes) }),
    ...(change.roles && { roles: getRoles(change.roles) }),
  }
  const { entries, ...changed } = await store.transaction(async (tables) => {
    for (let tries = 0; tries < 3; tries += 1) {
      const before = await tables.users.findById(id)
      if (!before) throw new GatehouseError('not_found', { description: 'There is no such user' })
      const user = { ...before, ...given, updated_at: clock.now() }
      const beyond = (one: UserRow, other: UserRow): readonly string[] => [
        ...wordsBeyond(one.scopes, other.scopes),
        ...wordsBeyond(one.roles, other.roles),
      ]
      const [lost, gained] = [beyond(before, user), beyond(user, before)]
      if (lost.length + gained.length === 0) return { user: before, lost, gained, sessionsEnded: 0, entries: [] }
      const { scopes, roles, updated_at: at } = user
      if (!(await tables.users.setScopesAndRoles({ id, before, scopes, roles, at }))) continue
      const rightsOf = (row: UserRow) => ({ scopes: row.scopes, roles: row.roles })
      const detail = { before: rightsOf(before), after: rightsOf(user) }
      await recordEvent(tables, clock, { type: 'rights_changed', result: 'ok', target: id, detail, ...by })
      // All of them and not only those with what is lost: roles go with every token, and bring scopes by configuration.
      if (lost.length === 0) return { user, lost, gained, sessionsEnded: 0, entries: [] }
      const { length: sessionsEnded } = await listLiveSessions({ tables, clock }, id)
      const ended = await endAllOfUser({ tables, clock, revocations }, id, by)
      return { user, lost, gained, sessionsEnded, entries: ended }
    }
    throw new GatehouseError('temporarily_unavailable', { cause: new Error('scopes and roles kept changing') })
  })
  await revocations.announce(entries)
  if (changed.lost.length > 0) await removeEndedGrants({ store }, id)
  return changed
}
