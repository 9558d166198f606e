import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { type EmailAddress, verifiedAddressOf } from './email-addresses.ts'
import { signInNames } from './users.ts'

/** Somebody who was named, and may be known here. */
export interface NamedUser {
  /** The account, if it can be sent mails. */
  readonly user: UserRow | undefined
  /** The account's verified address. */
  readonly to: string | undefined
  /** The same as it is compared; for somebody unknown, something that no address is. */
  readonly address: string
}

/**
 * Who is meant by a user name or an address, if mail can be sent to them: active, with a verified address. Cost: one
 * statement, whoever was named.
 */
export async function findReachable(tables: Pick<Tables, 'users'>, named: string): Promise<NamedUser> {
  const names = signInNames(named)
  const user = await tables.users.findByNameOrEmail(names ?? { name: '', email: '' })
  const verified = user?.status === 'active' ? verifiedAddressOf(user) : undefined
  return verified ? { user, to: verified.email, address: verified.canonical } : nobodyNamed(named)
}

/** What a name is where it leads to nobody. Cost: no I/O. */
export const nobodyNamed = (named: string): NamedUser => ({
  user: undefined,
  to: undefined,
  // A space stands in no address: nobody can make a proof of somebody else's void by a name that is the same text.
  address: ` ${signInNames(named)?.name ?? ''}`,
})

/** Who has an address, verified or as a user name. Cost: one statement. */
export const findHolder = (
  tables: Pick<Tables, 'users'>,
  { email, canonical }: EmailAddress,
): Promise<UserRow | undefined> =>
  tables.users.findByNameOrEmail(signInNames(email) ?? { name: canonical, email: canonical })
