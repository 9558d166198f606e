import type { OrganisationId, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { splitWords } from '@gatehouse/core/words'
import type { MembershipRow, OrganisationRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { MembershipKey } from '@gatehouse/store/tables/memberships'
import { type AuditType, recordEvent } from './audit.ts'
import { checkRoles, newVersion, type OrganisationDependencies, type OrganisationPolicy } from './organisations.ts'
import { endInOrganisation } from './sessions.ts'
import type { Actor } from './users.ts'

/**
 * In whose name members are changed: a user, who must be an administrator of that very organisation, or whoever runs
 * Gatehouse.
 */
export type Authority = { readonly user: UserId } | 'operator'

export interface MemberDependencies extends OrganisationDependencies {
  readonly policy: OrganisationPolicy
}

/** Who, and where. */
export interface MemberOf {
  readonly organisation: OrganisationId
  readonly member: UserId
}

const keyOf = ({ organisation, member }: MemberOf): MembershipKey => ({
  organisation_id: organisation,
  user_id: member,
})

/** Whether a membership lets its holder look after the organisation. */
export const isAdministrator = (
  { roles }: Pick<MembershipRow, 'roles'>,
  { administratorRole }: OrganisationPolicy,
): boolean => splitWords(roles).includes(administratorRole)

/**
 * Takes the organisation's lock, and checks who wants to change something in it. Whoever is not its administrator hears the
 * same as where there is no such organisation. Error: `not_found`. Threat: an id of another organisation in a form.
 */
export async function enterOrganisation(
  { policy }: Pick<MemberDependencies, 'policy'>,
  tables: Tables,
  organisation: OrganisationId,
  authority: Authority,
): Promise<void> {
  const isThere = await tables.organisations.hold(organisation)
  if (isThere && authority === 'operator') return
  const own =
    authority === 'operator'
      ? undefined
      : await tables.memberships.find(keyOf({ organisation, member: authority.user }))
  if (!isThere || !own || !isAdministrator(own, policy)) throw noSuchOrganisation()
}

/** The organisation, if the user is its administrator. Error: `not_found`, for every other reason alike. */
export async function getAdministered(
  { store, policy }: { readonly store: Store; readonly policy: OrganisationPolicy },
  organisation: string,
  user: UserId,
): Promise<Pick<OrganisationRow, 'id' | 'name' | 'slug'>> {
  const memberships = await store.memberships.listByUser(user)
  const own = memberships.find(({ organisation_id }) => organisation_id === organisation)
  if (!own || !isAdministrator(own, policy)) throw noSuchOrganisation()
  return { id: own.organisation_id, name: own.name, slug: own.slug }
}

/** Makes a user a member: whoever runs Gatehouse may do that unasked. Errors: `invalid_request`, `already_exists`, `not_found`. */
export async function addMember(
  { store, clock, policy }: Omit<MemberDependencies, 'revocations'>,
  { roles, ...of }: MemberOf & { readonly roles: readonly string[] },
  by: Actor,
): Promise<void> {
  const checked = checkRoles(roles, policy.knownRoles)
  await store.transaction(async (tables) => {
    await enterOrganisation({ policy }, tables, of.organisation, 'operator')
    await insertMember(tables, { ...keyOf(of), roles: checked, created_at: clock.now() })
    await recordChange({ tables, clock }, 'member_added', of, { roles: checked }, by)
  })
}

/** Inserts a membership. Error: `already_exists`. */
export const insertMember = (tables: Pick<Tables, 'memberships'>, row: Omit<MembershipRow, 'version'>): Promise<void> =>
  tables.memberships.insert({ ...row, version: newVersion() })

/** Which roles a member is to have. */
export interface RoleChange extends MemberOf {
  readonly roles: readonly string[]
  /** Of the membership as it was looked at; left out: as it is. */
  readonly version?: string | undefined
}

/**
 * Gives a member other roles. An administrator gives and takes only roles that configuration lets administrators give; others
 * that the member has, by whoever runs Gatehouse, stay. What the member does in the organisation's name ends where a role is
 * taken. Errors: `invalid_request` for a role that cannot be given or a membership that has changed meanwhile, `not_found`,
 * `forbidden` where nobody would be left to look after the organisation.
 */
export async function changeRoles(
  { store, clock, revocations, policy }: MemberDependencies,
  { roles, version, ...of }: RoleChange,
  authority: Authority,
  by: Actor,
): Promise<void> {
  const allowed = authority === 'operator' ? policy.knownRoles : policy.givableRoles
  const chosen = checkRoles(roles, allowed)
  const entries = await store.transaction(async (tables) => {
    await enterOrganisation({ policy }, tables, of.organisation, authority)
    const current = await getMember(tables, of)
    if (version !== undefined && version !== current.version) throw changedMeanwhile()
    const held = splitWords(current.roles)
    const next = [...held.filter((role) => !allowed.has(role)), ...splitWords(chosen)]
    const change = { key: keyOf(of), roles: next.join(' '), version: current.version, next_version: newVersion() }
    if (!(await tables.memberships.setRoles({ ...change, keeping: keptRole(policy, authority) }))) throw lastOne()
    if (!isAdministrator(change, policy))
      await tables.organisationInvitations.deleteByInviter(of.member, of.organisation)
    await recordChange(
      { tables, clock },
      'member_roles_changed',
      of,
      { before: current.roles, after: change.roles },
      by,
    )
    const isCut = held.some((role) => !next.includes(role))
    return isCut ? endInOrganisation({ tables, clock, revocations }, userOf(of), by) : []
  })
  await revocations.announce(entries)
}

/**
 * Removes a member; who removes themselves leaves, and need not be an administrator. What the member does in the
 * organisation's name ends, and so do the invitations that they have sent. Errors: `not_found`, `forbidden` where nobody
 * would be left to look after the organisation.
 */
export async function removeMember(
  { store, clock, revocations, policy }: MemberDependencies,
  of: MemberOf,
  authority: Authority,
  by: Actor,
): Promise<void> {
  const leaves = authority !== 'operator' && authority.user === of.member
  const entries = await store.transaction(async (tables) => {
    if (!leaves) await enterOrganisation({ policy }, tables, of.organisation, authority)
    else if (!(await tables.organisations.hold(of.organisation))) throw noSuchOrganisation()
    // Who leaves what they do not belong to hears what is heard of one that there is not.
    if (!(await tables.memberships.find(keyOf(of)))) throw leaves ? noSuchOrganisation() : noSuchMember()
    const removal = { key: keyOf(of), keeping: keptRole(policy, authority) }
    if (!(await tables.memberships.delete(removal))) throw lastOne()
    await tables.organisationInvitations.deleteByInviter(of.member, of.organisation)
    await tables.consents.deleteByMember(of.member, of.organisation)
    await recordChange({ tables, clock }, leaves ? 'member_left' : 'member_removed', of, {}, by)
    return endInOrganisation({ tables, clock, revocations }, userOf(of), by)
  })
  await revocations.announce(entries)
}

const userOf = ({ organisation, member }: MemberOf) => ({ organisation, user: member })

/** Whoever runs Gatehouse may leave an organisation without an administrator: they can give it another. */
const keptRole = ({ administratorRole }: OrganisationPolicy, authority: Authority): string | undefined =>
  authority === 'operator' ? undefined : administratorRole

async function getMember(tables: Pick<Tables, 'memberships'>, of: MemberOf): Promise<MembershipRow> {
  const row = await tables.memberships.find(keyOf(of))
  if (!row) throw noSuchMember()
  return row
}

const recordChange = (
  { tables, clock }: { readonly tables: Tables; readonly clock: MemberDependencies['clock'] },
  type: AuditType,
  { organisation, member }: MemberOf,
  detail: Readonly<Record<string, unknown>>,
  by: Actor,
): Promise<void> =>
  recordEvent(tables, clock, { type, result: 'ok', target: member, detail: { organisation, ...detail }, ...by })

/** What is said of an organisation that is not there, or that is no business of whoever asks. */
export const noSuchOrganisation = (): GatehouseError =>
  new GatehouseError('not_found', { description: 'There is no such organisation' })

const noSuchMember = (): GatehouseError => new GatehouseError('not_found', { description: 'There is no such member' })

const changedMeanwhile = (): GatehouseError =>
  new GatehouseError('invalid_request', { description: 'Somebody else has changed this meanwhile; look at it again' })

/** What is said where an organisation would be left without an administrator. */
export const lastOne = (): GatehouseError =>
  new GatehouseError('forbidden', { description: 'Nobody would be left to look after the organisation' })
