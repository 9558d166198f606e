import type { OrganisationId, UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { LinkedIdentityRow, MembershipRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import { insertMember, isAdministrator, lastOne } from '../domain/organisation-members.ts'
import { newVersion, type OrganisationPolicy } from '../domain/organisations.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endAllOfUser, endInOrganisation } from '../domain/sessions.ts'
import type { Actor } from '../domain/users.ts'
import type { MappedPerson } from './mapping.ts'

/** What a link has brought, in its columns. */
export type Given = Pick<
  LinkedIdentityRow,
  'given_roles' | 'given_organisation' | 'gave_membership' | 'given_organisation_roles'
>

/** A link that has brought nothing yet. */
export const nothingGiven: Given = {
  given_roles: '',
  given_organisation: null,
  gave_membership: 0,
  given_organisation_roles: '',
}

/** What a provider brings beside a name. */
type Bringing = Pick<MappedPerson, 'roles' | 'organisation' | 'organisationRoles'>

interface Dependencies {
  readonly tables: Tables
  readonly clock: Clock
  readonly revocations: Pick<Revocations, 'write'>
  /** undefined = there are no organisations. */
  readonly organisationPolicy: OrganisationPolicy | undefined
  /** Whether somebody gives this up by themselves, who may leave no organisation without an administrator; a provider may. */
  readonly leavesByThemselves?: boolean
}

/** What has come of it: to be kept with the link, and to be announced once the transaction commits. */
export interface Brought {
  readonly user: UserRow
  readonly given: Given
  readonly ended: readonly Revocation[]
}

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
  const held = splitWords(user.roles)
  // A mapping that does not speak of roles takes back what an earlier one brought.
  const { roles, given } = mergeRoles(held, splitWords(before.given_roles), person.roles ?? [])
  const inOrganisation = await placeInOrganisation(dependencies, user.id, before, person, by)
  const isChanged = roles.length !== held.length || roles.some((role) => !held.includes(role))
  const change = { roles: roles.join(' '), at: clock.now() }
  if (isChanged) {
    if (!(await tables.users.setScopesAndRoles({ id: user.id, before: user, scopes: user.scopes, ...change })))
      throw new GatehouseError('temporarily_unavailable', { cause: new Error('the roles have changed meanwhile') })
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
  readonly given: Omit<Given, 'given_roles'>
  readonly ended: readonly Revocation[]
}

const nowhere: Placed['given'] = { given_organisation: null, gave_membership: 0, given_organisation_roles: '' }

const keptPlace = ({ given_organisation, gave_membership, given_organisation_roles }: Given): Placed['given'] => ({
  given_organisation,
  gave_membership,
  given_organisation_roles,
})

/** Puts a user into the organisation that the provider names, if there is one, and out of the one that it named before. */
async function placeInOrganisation(
  dependencies: Dependencies,
  user: UserId,
  before: Given,
  { organisation: slug, organisationRoles }: Bringing,
  by: Actor,
): Promise<Placed> {
  const { tables, organisationPolicy: policy } = dependencies
  // Where there are no organisations nothing counts that was brought into one, and it is kept for when there are again.
  if (!policy) return { given: keptPlace(before), ended: [] }
  const named = slug === undefined ? undefined : await tables.organisations.findBySlug(slug)
  // Disabled for a while it is not left: everybody is who they were once it is enabled.
  if (named && named.status !== 'active' && named.id === before.given_organisation) {
    return { given: keptPlace(before), ended: [] }
  }
  const place = named?.status === 'active' ? named.id : undefined
  const previous = before.given_organisation as OrganisationId | null // written by this function
  const left = previous === null || previous === place ? [] : await leave(dependencies, user, previous, before, by)
  if (place === undefined) return { given: nowhere, ended: left }
  const wanted = organisationRoles.filter((role) => policy.knownRoles.has(role))
  const entered = await enter(dependencies, { user, place, wanted }, previous === place ? before : nowhere, by)
  return { given: entered.given, ended: [...left, ...entered.ended] }
}

/** Takes back what was brought into an organisation: the membership, if it came by that, else the roles alone. */
async function leave(
  { tables, clock, revocations, organisationPolicy, leavesByThemselves }: Dependencies,
  user: UserId,
  organisation: OrganisationId,
  before: Given,
  by: Actor,
): Promise<readonly Revocation[]> {
  const key = { organisation_id: organisation, user_id: user }
  const member = await tables.memberships.find(key)
  if (!member) return []
  const roles = splitWords(member.roles).filter((role) => !splitWords(before.given_organisation_roles).includes(role))
  const keeping = leavesByThemselves ? organisationPolicy?.administratorRole : undefined
  // Two who leave at once must not leave nobody.
  if (keeping !== undefined) await tables.organisations.hold(organisation)
  if (before.gave_membership === 0) {
    if (roles.join(' ') === member.roles) return []
    await setMemberRoles(tables, member, roles, keeping)
  } else if (!(await tables.memberships.delete({ key, keeping }))) {
    if (keeping !== undefined && (await tables.memberships.find(key))) throw lastOne()
    return []
  } else {
    await tables.consents.deleteByMember(user, organisation)
  }
  await tables.organisationInvitations.deleteByInviter(user, organisation)
  return endInOrganisation({ tables, clock, revocations }, { user, organisation }, by)
}

/** Who is to belong where, and as what. */
interface Place {
  readonly user: UserId
  readonly place: OrganisationId
  readonly wanted: readonly string[]
}

async function enter(
  { tables, clock, revocations, organisationPolicy }: Dependencies,
  { user, place, wanted }: Place,
  before: Omit<Given, 'given_roles'>,
  by: Actor,
): Promise<Placed> {
  const key = { organisation_id: place, user_id: user }
  const member = await tables.memberships.find(key)
  if (!member) {
    await insertMember(tables, { ...key, roles: wanted.join(' '), created_at: clock.now() })
    await recordEvent(tables, clock, { type: 'member_added', result: 'ok', target: place, detail: { user }, ...by })
    const given = { given_organisation: place, gave_membership: 1, given_organisation_roles: wanted.join(' ') } as const
    return { given, ended: [] }
  }
  const held = splitWords(member.roles)
  const { roles, given } = mergeRoles(held, splitWords(before.given_organisation_roles), wanted)
  if (roles.join(' ') !== member.roles) await setMemberRoles(tables, member, roles)
  if (
    organisationPolicy &&
    isAdministrator(member, organisationPolicy) &&
    !roles.includes(organisationPolicy.administratorRole)
  )
    await tables.organisationInvitations.deleteByInviter(user, place)
  const isCut = held.some((role) => !roles.includes(role))
  return {
    // Who was a member before the provider said so stays one when it says so no more.
    given: {
      given_organisation: place,
      gave_membership: before.gave_membership,
      given_organisation_roles: given.join(' '),
    },
    ended: isCut ? await endInOrganisation({ tables, clock, revocations }, { user, organisation: place }, by) : [],
  }
}

/**
 * Errors: `temporarily_unavailable` where somebody else changes the membership at this moment, `forbidden` where nobody would have
 * the role any more that is to be kept.
 */
async function setMemberRoles(
  tables: Pick<Tables, 'memberships'>,
  { organisation_id, user_id, version }: MembershipRow,
  roles: readonly string[],
  keeping?: string,
): Promise<void> {
  const key = { organisation_id, user_id }
  const change = { key, roles: roles.join(' '), version, next_version: newVersion() }
  if (await tables.memberships.setRoles({ ...change, keeping })) return
  if (keeping !== undefined && (await tables.memberships.find(key))?.version === version) throw lastOne()
  throw new GatehouseError('temporarily_unavailable', { cause: new Error('the membership has changed meanwhile') })
}
