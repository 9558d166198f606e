import type { OrganisationId, UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import type { Clock } from '@gatehouse/core/time'
import type { LinkedIdentityRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import { insertMember } from '../domain/organisation-members.ts'
import { newVersion, type OrganisationPolicy } from '../domain/organisations.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endAllOfUser, endInOrganisation } from '../domain/sessions.ts'
import type { Actor } from '../domain/users.ts'
import type { MappedPerson } from './mapping.ts'

/** What a link has brought, in its columns. */
export type Given = Pick<LinkedIdentityRow, 'given_roles' | 'given_organisation' | 'given_organisation_roles'>

/** A link that has brought nothing yet. */
export const nothingGiven: Given = { given_roles: '', given_organisation: null, given_organisation_roles: '' }

/** What a provider brings beside a name. */
type Bringing = Pick<MappedPerson, 'roles' | 'organisation' | 'organisationRoles'>

interface Dependencies {
  readonly tables: Tables
  readonly clock: Clock
  readonly revocations: Pick<Revocations, 'write'>
  /** undefined = there are no organisations. */
  readonly organisationPolicy: OrganisationPolicy | undefined
}

/** What has come of it: to be kept with the link, and to be announced once the transaction commits. */
export interface Brought {
  readonly user: UserRow
  readonly given: Given
  readonly ended: readonly Revocation[]
}

const words = (text: string): readonly string[] => text.split(' ').filter(Boolean)

/**
 * Roles once a provider brings these: what it brought before and brings no more goes, what was given here stays, and is not
 * counted as the provider's.
 */
export function mergeRoles(
  held: readonly string[],
  before: readonly string[],
  now: readonly string[],
): { readonly roles: readonly string[]; readonly given: readonly string[] } {
  const own = held.filter((role) => !before.includes(role))
  const given = now.filter((role) => !own.includes(role))
  return { roles: [...own, ...given], given }
}

/**
 * Gives a user what a provider brings by now and takes away what it brings no more: roles, and a place in an organisation.
 * Whoever loses a role loses the sessions that had it. To be called with the user as they are in this very transaction.
 */
export async function applyWhatIsBrought(
  dependencies: Dependencies,
  user: UserRow,
  before: Given,
  person: Bringing,
  by: Actor,
): Promise<Brought> {
  const { tables, clock, revocations } = dependencies
  const held = words(user.roles)
  // A mapping that does not speak of roles takes back what an earlier one brought.
  const { roles, given } = mergeRoles(held, words(before.given_roles), person.roles ?? [])
  const inOrganisation = await placeInOrganisation(dependencies, user.id, before, person, by)
  const isChanged = roles.length !== held.length || roles.some((role) => !held.includes(role))
  const change = { roles: roles.join(' '), at: clock.now() }
  if (isChanged) {
    await tables.users.setScopesAndRoles({ id: user.id, scopes: user.scopes, ...change })
    await recordEvent(tables, clock, {
      ...{ type: 'roles_brought', result: 'ok', target: user.id, detail: { before: user.roles, after: change.roles } },
      ...by,
    })
  }
  const isCut = held.some((role) => !roles.includes(role))
  const ended = isCut ? await endAllOfUser({ tables, clock, revocations }, user.id, by) : []
  return {
    user: isChanged ? { ...user, roles: change.roles, updated_at: change.at } : user,
    given: { given_roles: given.join(' '), ...inOrganisation.given },
    ended: [...inOrganisation.ended, ...ended],
  }
}

/** A provider that brings nothing. */
const nothing: Bringing = {
  roles: [],
  organisation: undefined,
  organisationRoles: [],
}

/**
 * Takes back all that links have brought which are about to go: what no provider brings any more, nobody would ever take away.
 * To be called as {@link applyWhatIsBrought}, with the user held.
 */
export async function takeBackWhatWasBrought(
  dependencies: Dependencies,
  user: UserRow,
  links: readonly Given[],
  by: Actor,
): Promise<Omit<Brought, 'given'>> {
  let current = user
  const ended: Revocation[] = []
  for (const link of links) {
    const taken = await applyWhatIsBrought(dependencies, current, link, nothing, by)
    current = taken.user
    ended.push(...taken.ended)
  }
  return { user: current, ended }
}

interface Placed {
  readonly given: Pick<Given, 'given_organisation' | 'given_organisation_roles'>
  readonly ended: readonly Revocation[]
}

const nowhere: Placed = { given: { given_organisation: null, given_organisation_roles: '' }, ended: [] }

/** Puts a user into the organisation that the provider names, if there is one, and out of the one that it named before. */
async function placeInOrganisation(
  dependencies: Dependencies,
  user: UserId,
  before: Given,
  { organisation: slug, organisationRoles }: Bringing,
  by: Actor,
): Promise<Placed> {
  const { tables, clock, revocations, organisationPolicy: policy } = dependencies
  if (!policy) return nowhere
  const named = slug === undefined ? undefined : await tables.organisations.findBySlug(slug)
  const place = named?.status === 'active' ? named.id : undefined
  const ended: Revocation[] = []
  const previous = before.given_organisation as OrganisationId | null // written by this function
  if (previous !== null && previous !== place) {
    if (await tables.memberships.delete({ key: { organisation_id: previous, user_id: user } })) {
      await tables.organisationInvitations.deleteByInviter(user, previous)
      ended.push(...(await endInOrganisation({ tables, clock, revocations }, { user, organisation: previous }, by)))
    }
  }
  if (place === undefined) return { ...nowhere, ended }
  const key = { organisation_id: place, user_id: user }
  const wanted = organisationRoles.filter((role) => policy.knownRoles.has(role))
  const member = await tables.memberships.find(key)
  if (!member) {
    await insertMember(tables, { ...key, roles: wanted.join(' '), created_at: clock.now() })
    await recordEvent(tables, clock, { type: 'member_added', result: 'ok', target: place, detail: { user }, ...by })
    return { given: { given_organisation: place, given_organisation_roles: wanted.join(' ') }, ended }
  }
  // Who was a member before the provider said so stays one when it says so no more.
  const isTheirs = previous === place
  const held = words(member.roles)
  const merged = mergeRoles(held, isTheirs ? words(before.given_organisation_roles) : [], wanted)
  if (merged.roles.join(' ') !== member.roles) {
    const change = { key, roles: merged.roles.join(' '), version: member.version, next_version: newVersion() }
    await tables.memberships.setRoles(change)
    const isCut = held.some((role) => !merged.roles.includes(role))
    if (isCut)
      ended.push(...(await endInOrganisation({ tables, clock, revocations }, { user, organisation: place }, by)))
  }
  return {
    given: {
      given_organisation: isTheirs ? place : null,
      given_organisation_roles: isTheirs ? merged.given.join(' ') : '',
    },
    ended,
  }
}
