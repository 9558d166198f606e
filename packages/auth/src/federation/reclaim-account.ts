import type { Revocation } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import type { OrganisationPolicy } from '../domain/organisations.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endAllOfUser } from '../domain/sessions.ts'
import type { Actor } from '../domain/users.ts'
import { takeBackWhatWasBrought } from './what-is-brought.ts'

/**
 * Gives an account to the verified owner of its address, which it has never shown to be its own: whoever opened it loses the
 * password, every factor, what they have agreed to, and every session. Threat: an account that is opened with somebody
 * else's address beforehand, and shared with them from the day on which they come (pre-hijacking).
 */
export async function reclaimAccount(
  {
    tables,
    clock,
    revocations,
    organisationPolicy,
  }: {
    readonly tables: Tables
    readonly clock: Clock
    readonly revocations: Pick<Revocations, 'write'>
    readonly organisationPolicy: OrganisationPolicy | undefined
  },
  user: UserRow & { readonly email: string; readonly email_canonical: string },
  by: Actor,
): Promise<{ readonly user: UserRow; readonly ended: readonly Revocation[] }> {
  const at = clock.now()
  const { id, username, username_canonical, email, email_canonical } = user
  const change = { id, expected: user.password_hash, hash: null, at }
  // Whoever changes it at this moment has it no more, or keeps the account from being taken over now.
  if (!(await tables.users.setPasswordHash(change))) throw new GatehouseError('invalid_credentials')
  await tables.factors.deleteByUser(id)
  await tables.recoveryCodes.replace({ user_id: id, hashes: [], at })
  await tables.rememberedDevices.deleteByUser(id)
  await tables.consents.deleteByUser(id)
  const links = await tables.linkedIdentities.listByUser(id)
  await tables.linkedIdentities.deleteByUser(id)
  const parts = { tables, clock, revocations, organisationPolicy }
  const taken = await takeBackWhatWasBrought(parts, user, links, by)
  await tables.providerTokens.deleteByUser(id)
  const ended = await endAllOfUser({ tables, clock, revocations }, id, by)
  await tables.users.setEmail({ id, username, username_canonical, email, email_canonical, at })
  await recordEvent(tables, clock, { type: 'account_reclaimed', result: 'ok', target: id, ...by })
  return {
    user: { ...taken.user, password_hash: null, email_verified_at: at, updated_at: at },
    ended: [...taken.ended, ...ended],
  }
}
