import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { LinkedIdentityRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import type { MappedPerson } from './mapping.ts'
import { mergeRoles } from './what-is-brought.ts'

/** The name and the language as the provider has them by now, for whoever looks after them there alone. */
export function profileOf(
  user: UserRow,
  { name, locale }: Pick<MappedPerson, 'name' | 'locale'>,
): Pick<UserRow, 'name' | 'locale'> {
  const isTheirs = user.password_hash === null
  return {
    name: (isTheirs ? name : undefined) ?? user.name ?? name ?? null,
    locale: user.locale ?? locale ?? null,
  }
}

/**
 * Whether all that a provider says of somebody stands here already, so that a sign-in has nothing to write of it but that it was.
 * What concerns organisations always counts as news: whether it stands is seen in the membership alone.
 */
export function standsAlready(
  { user, link }: { readonly user: UserRow; readonly link: LinkedIdentityRow },
  person: MappedPerson,
): boolean {
  if (person.failed.length > 0 || person.organisation !== undefined || link.given_organisation !== null) return false
  const held = splitWords(user.roles)
  const { roles, given } = mergeRoles(held, splitWords(link.given_roles), person.roles ?? [])
  const { name, locale } = profileOf(user, person)
  return (
    roles.length === held.length &&
    roles.every((role) => held.includes(role)) &&
    given.join(' ') === link.given_roles &&
    name === user.name &&
    locale === user.locale
  )
}

type LinkKey = Pick<LinkedIdentityRow, 'provider' | 'subject' | 'user_id'>

/** The link of a user's. Error: `invalid_credentials` where it is gone, or somebody else's. */
export async function getLink(tables: Pick<Tables, 'linkedIdentities'>, key: LinkKey): Promise<LinkedIdentityRow> {
  const link = await tables.linkedIdentities.find(key)
  if (link?.user_id !== key.user_id) throw changed()
  return link
}

/**
 * Notes that a link was used, where all that the provider says stands already: which is looked at again, with the account held.
 * Error: `invalid_credentials` where it stands no more.
 */
export async function noteWhatStands(
  tables: Pick<Tables, 'linkedIdentities' | 'users'>,
  clock: Clock,
  { label, ...key }: LinkKey & Pick<LinkedIdentityRow, 'label'>,
  person: MappedPerson,
): Promise<void> {
  const [link, user] = await Promise.all([getLink(tables, key), tables.users.findById(key.user_id)])
  if (!user || !standsAlready({ user, link }, person)) throw changed()
  const { given_roles, given_organisation, gave_membership, given_organisation_roles } = link
  const given = { given_roles, given_organisation, gave_membership, given_organisation_roles }
  if (!(await tables.linkedIdentities.renew({ ...key, label, ...given, at: clock.now() }))) throw changed()
}

const changed = (): GatehouseError => new GatehouseError('invalid_credentials')
