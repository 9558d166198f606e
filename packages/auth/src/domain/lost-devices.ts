import type { SessionId, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { FactorRow, UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { recordEvent } from './audit.ts'
import { listLiveSessions } from './live-sessions.ts'
import type { Notices } from './notices.ts'
import type { Revocations } from './revocations.ts'
import { endAllOfUser, endSession, removeEndedGrants } from './sessions.ts'
import type { Actor } from './users.ts'

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
}

/**
 * Signs somebody out whose device is not theirs any more: of one session, or of all, with every token that was issued from them. Of all
 * of them also means that no browser is remembered any more that need not show a second factor; of one, that such a browser still
 * is. Answers with how many sessions there were that had not expired. Error: `not_found` for a session that is none of those.
 * Cost: one transaction.
 */
export async function signOutUser(
  { store, clock, revocations }: Dependencies,
  { user, session }: { readonly user: UserId; readonly session?: SessionId | undefined },
  by: Actor,
): Promise<number> {
  const { count, entries } = await store.transaction(async (tables) => {
    const own = await listLiveSessions({ tables, clock }, user)
    if (session !== undefined) {
      if (!own.some(({ id }) => id === session))
        throw new GatehouseError('not_found', { description: 'There is no such session' })
      return { count: 1, entries: await endSession({ tables, clock, revocations }, session, by) }
    }
    await tables.rememberedDevices.deleteByUser(user)
    return { count: own.length, entries: await endAllOfUser({ tables, clock, revocations }, user, by) }
  })
  await revocations.announce(entries)
  if (session === undefined) await removeEndedGrants({ store }, user)
  return count
}

/** What is gone of somebody: their second factors, and how many sessions that had not expired. */
export interface ResetFactors {
  readonly removed: readonly FactorRow[]
  readonly sessionsEnded: number
}

/**
 * Removes every second factor of somebody who can show none any more, with the recovery codes, and ends all sessions: whoever has
 * their things may be signed in. They are told by mail of each. Nothing ends where there was nothing.
 * Error: `not_found`. Cost: one transaction.
 */
export async function resetFactors(
  { store, clock, revocations, notices }: Dependencies & { readonly notices: Notices },
  user: Pick<UserRow, 'id' | 'password_hash' | 'scopes' | 'roles'>,
  by: Actor,
): Promise<ResetFactors> {
  const { removed, sessionsEnded, entries } = await store.transaction(async (tables) => {
    // Who adds one meanwhile has come before, or comes after and is signed out by then.
    if (!(await tables.users.hold(user)))
      throw new GatehouseError('not_found', { description: 'The user is gone, or was changed just now: try again' })
    const factors = await tables.factors.listByUser(user.id)
    if (factors.length === 0) return { removed: factors, sessionsEnded: 0, entries: [] }
    await tables.factors.deleteByUser(user.id)
    await tables.recoveryCodes.replace({ user_id: user.id, hashes: [], at: clock.now() })
    await tables.rememberedDevices.deleteByUser(user.id)
    for (const { name, kind } of factors) {
      await notices.tell(tables, 'factor_removed', { user: user.id, what: name, by })
      await recordEvent(tables, clock, {
        type: 'factor_removed',
        result: 'ok',
        target: user.id,
        detail: { kind },
        ...by,
      })
    }
    const { length: sessionsEnded } = await listLiveSessions({ tables, clock }, user.id)
    return { removed: factors, sessionsEnded, entries: await endAllOfUser({ tables, clock, revocations }, user.id, by) }
  })
  await revocations.announce(entries)
  if (removed.length > 0) await removeEndedGrants({ store }, user.id)
  return { removed, sessionsEnded }
}
