import { ConnectionLost, type Deadline, type LdapConnection } from './ldap-connection.ts'
import { isOutage, isRefusal } from './ldap-failure.ts'
import type { LdapSettings } from './ldap-settings.ts'
import { ProviderFailure } from './provider-failure.ts'

/** Whether a directory takes this password for this entry. Throws as `bind` of a connection does for anything but yes and no. */
export async function tryPassword(
  connection: LdapConnection,
  { dn, password }: { readonly dn: string; readonly password: string },
  deadline: Deadline,
): Promise<boolean> {
  try {
    await connection.bind(dn, password, deadline)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** Makes a connection the search user's. Throws ConnectionLost where another server may do better. */
export async function bindSearchUser(
  connection: LdapConnection,
  searchUser: NonNullable<LdapSettings['searchUser']>,
  deadline: Deadline,
): Promise<void> {
  const isIn = await tryPassword(connection, searchUser, deadline).catch((error: unknown) => {
    throw isOutage(error) ? new ConnectionLost('unreachable', error) : error
  })
  if (isIn) return
  const detail = 'the directory does not let the search user in (bind_dn, bind_password)'
  throw new ProviderFailure('misconfigured', detail).at('unasked')
}
