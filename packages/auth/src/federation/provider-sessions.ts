import type { Seconds, SessionId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import type { JsonObject } from '@gatehouse/core/json'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { ProviderSessionRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import type { Revocations } from '../domain/revocations.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'
import { endSession } from '../domain/sessions.ts'
import type { Actor } from '../domain/users.ts'
import type { OutsideIdentity } from './provider.ts'

/** What sessions rest on that a provider has vouched for. */
export interface ProviderSessions {
  /** A new one's id; `insert` writes it in the transaction of the sign-in. */
  newId(): string
  insert(
    tables: Tables,
    session: { readonly id: string; readonly provider: string; readonly identity: OutsideIdentity },
  ): Promise<void>
  find(id: string): Promise<ProviderSessionRow | undefined>
  /** What signing out at the provider needs; undefined = nothing was kept. */
  logoutMemoryOf(row: ProviderSessionRow): JsonObject | undefined
  /**
   * Ends every session here that rests on what a provider means by a subject, a session there, or both together; how many
   * there were. Cost: a transaction with some statements for each.
   */
  end(
    meant: { readonly provider: string; readonly subject?: string | undefined; readonly session?: string | undefined },
    by: Actor,
  ): Promise<number>
  /** As `end`, for what rests on one of them alone. */
  endOne(id: string, by: Actor): Promise<void>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly ring: KeyRing
  readonly revocations: Pick<Revocations, 'write' | 'announce'>
  /** Seconds that a session lasts at most. */
  readonly lifetime: () => Seconds
}

const placeOf = (id: string): string => `provider_sessions.sealed:${id}`

export function createProviderSessions({ store, clock, ring, revocations, lifetime }: Dependencies): ProviderSessions {
  const endAll = async (ids: readonly string[], by: Actor): Promise<number> => {
    const ended: Revocation[] = []
    const sessions = await store.transaction(async (tables) => {
      ended.length = 0
      const resting: readonly SessionId[] = await tables.sessions.listByProviderSessions(ids)
      for (const id of resting) ended.push(...(await endSession({ tables, clock, revocations }, id, by)))
      return resting
    })
    await revocations.announce(ended)
    return sessions.length
  }

  /** What was half proven by the provider's word opens nothing any more either. */
  const endHalves = async (rows: readonly ProviderSessionRow[]): Promise<void> => {
    for (const { provider, subject } of rows) {
      const link = await store.linkedIdentities.find({ provider, subject })
      if (link) await store.flows.deleteByUser(link.user_id)
    }
  }

  return {
    newId: () => randomToken(16),

    async insert(tables, { id, provider, identity }) {
      const { subject, session, logoutMemory } = identity
      const now = clock.now()
      await tables.providerSessions.insert({
        ...{ id, provider, subject, sid: session ?? null, checked_at: now, heard_at: now },
        sealed: logoutMemory ? sealUnder(ring, JSON.stringify(logoutMemory), placeOf(id)) : null,
        expires_at: seconds(now + lifetime()),
      })
    },

    find: (id) => store.providerSessions.find(id),

    logoutMemoryOf({ id, sealed }) {
      const text = sealed === null ? undefined : unsealUnder(ring, sealed, placeOf(id))
      // Only `insert` above makes what opens here.
      return text === undefined ? undefined : (JSON.parse(text) as JsonObject)
    },

    async end({ provider, subject, session }, by) {
      const rows = await store.providerSessions.listByProvider(provider, { subject, sid: session })
      await endHalves(rows)
      return rows.length === 0
        ? 0
        : endAll(
            rows.map(({ id }) => id),
            by,
          )
    },

    async endOne(id, by) {
      await endAll([id], by)
    },
  }
}
