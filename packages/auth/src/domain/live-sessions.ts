import type { UserId } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { SessionRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'

/** The sessions of a user that have not expired, the oldest first. Cost: one query. */
export async function listLiveSessions(
  { tables, clock }: { readonly tables: Pick<Tables, 'sessions'>; readonly clock: Clock },
  user: UserId,
): Promise<readonly SessionRow[]> {
  const all = await tables.sessions.listByUser(user)
  return all.filter(({ expires_at }) => expires_at > clock.now())
}
