import type { ClientId, Seconds, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { DecoupledRequestRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Notices } from './notices.ts'

/** Which client asks which user. */
export interface BackchannelAsker {
  readonly client: ClientId
  readonly user: UserId
  /** As the user knows the client. */
  readonly name: string
}

type By = Pick<AuditEvent, 'address' | 'request_id'>

/** Limits how often a client may ask a user by CIBA. */
export interface BackchannelLimit {
  /**
   * Counts a request. Error: `too_many_requests` for the fourth within ten minutes of the first, and for ten minutes after the
   * user has denied one; that is noted in the audit trail, and the user is told once. Of requests at once, in any process, no
   * more than three get through. Cost: one transaction.
   */
  take(asker: BackchannelAsker, by: By): Promise<void>
  /**
   * Counts anew once the user has agreed, and keeps the client waiting once they have denied, in the transaction of the decision.
   * Requests of devices, which nobody is sent, do not count.
   */
  decided(tables: Tables, row: DecoupledRequestRow, user: UserId, decision: 'allow' | 'deny'): Promise<void>
}

/**
 * Requests of a client that a user may be asked before they agree to one, within how many seconds, and seconds for which it is
 * heard no more after a denial. Spec: ASVS 6.6.4. Threat: one client that asks until somebody agrees to have peace, or buries
 * what others ask.
 */
const limits = { requests: 3, within: 600, afterDenial: 600 }

/** A client's id may be an address; a user's has no colon. */
const keysOf = ({ client, user }: Omit<BackchannelAsker, 'name'>) => ({
  asked: `backchannel:asked:${user}:${client}`,
  denied: `backchannel:denied:${user}:${client}`,
})

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly notices: Notices
}

type Refusal = { readonly why: 'asked_too_often' | 'denied_before'; readonly until: Seconds }

export function createBackchannelLimit({ store, clock, notices }: Dependencies): BackchannelLimit {
  /** A denial that still counts: what lasts for longer than it may began before the clock was set back. */
  const findDenial = async (tables: Tables, key: string): Promise<Refusal | undefined> => {
    const [row] = await tables.signInFailures.find([key])
    if (!row || row.expires_at > clock.now() + limits.afterDenial + clockTolerance) return undefined
    return { why: 'denied_before', until: row.expires_at }
  }
  const count = async (
    tables: Tables,
    { user, name }: BackchannelAsker,
    key: string,
    by: By,
  ): Promise<Refusal | undefined> => {
    const at = clock.now()
    const counting = { key, at, expires_at: seconds(at + limits.within) }
    let [row] = await tables.signInFailures.record([counting])
    if (row && row.expires_at > counting.expires_at + clockTolerance) {
      await tables.signInFailures.clear([key])
      row = (await tables.signInFailures.record([counting]))[0]
    }
    if (!row || row.count <= limits.requests) return undefined
    if (row.count === limits.requests + 1) await notices.tell(tables, 'requests_stopped', { user, what: name, by })
    return { why: 'asked_too_often', until: row.expires_at }
  }
  return {
    async take(asker, by) {
      const { client, user } = asker
      const { asked, denied } = keysOf(asker)
      const refused = await store.transaction(async (tables) => {
        const found = (await findDenial(tables, denied)) ?? (await count(tables, asker, asked, by))
        if (!found) return undefined
        const who = { actor: client, target: user, client_id: client }
        const fold = `${user}|${client}`
        await recordEvent(tables, clock, { type: 'backchannel_refused', result: found.why, fold, ...who, ...by })
        return found
      })
      if (!refused) return
      // Once it is committed: what was counted must stay.
      const retryAfter = Math.max(1, refused.until - clock.now())
      throw new GatehouseError('too_many_requests', { retryAfter, cause: new Error(refused.why) })
    },

    async decided(tables, row, user, decision) {
      if (row.kind !== 'ciba') return
      const { asked, denied } = keysOf({ client: row.client_id, user })
      if (decision === 'allow') return tables.signInFailures.clear([asked])
      const at = clock.now()
      // What still runs would keep its end.
      await tables.signInFailures.clear([denied])
      await tables.signInFailures.record([{ key: denied, at, expires_at: seconds(at + limits.afterDenial) }])
    },
  }
}
