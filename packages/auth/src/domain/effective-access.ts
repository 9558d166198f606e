import type { OrganisationId } from '@gatehouse/core/brand'
import { formatScope, parseScope, type ScopeSet } from '@gatehouse/core/scope'
import { splitWords } from '@gatehouse/core/words'
import type { AuthorizationCodeRow, GrantRow, UserRow } from '@gatehouse/store/rows'
import type { MembershipOfUser } from '@gatehouse/store/tables/memberships'
import { twoFactors } from './acr.ts'

/** The scopes that a role brings, by the role's name: from configuration. */
export type RoleScopes = ReadonlyMap<string, ScopeSet>

/** What is said of roles in configuration. */
export interface RoleRules {
  readonly scopes: RoleScopes
  /** Roles that count only for those who have proven two factors. */
  readonly needFactor: readonly string[]
}

/** What a user may do, in the name of an organisation or of none. */
export interface EffectiveAccess {
  /** Names of the user's own roles and of those in the organisation, with one space between two. */
  readonly roles: string
  /** The user's own scopes and those that the roles bring. */
  readonly scopes: ScopeSet
  /** Those of them that stand without any role. */
  readonly ownScopes: ScopeSet
  /** Whether one of the roles counts only for those who have proven two factors. */
  readonly needsFactor: boolean
  readonly organisation: Pick<MembershipOfUser, 'organisation_id' | 'version' | 'name'> | undefined
}

/** What a grant rests on, in the columns by which codes, requests on devices and grants keep it. */
export type Standing = Pick<AuthorizationCodeRow, 'roles' | 'role_scope' | 'organisation_id' | 'membership_version'>

/**
 * What a user may do: their own scopes and roles, the roles in the organisation that they act for, and the scopes that all
 * these roles bring. The one place where this is decided, for every way to sign in.
 */
export function effectiveAccess(
  user: Pick<UserRow, 'scopes' | 'roles'>,
  membership: MembershipOfUser | undefined,
  rules: RoleRules,
): EffectiveAccess {
  const roles = new Set([...splitWords(user.roles), ...splitWords(membership?.roles ?? '')])
  const ownScopes = parseScope(user.scopes) ?? new Set<string>()
  return {
    roles: [...roles].join(' '),
    scopes: new Set([...ownScopes, ...scopesOf(roles, rules.scopes)]),
    ownScopes,
    needsFactor: rules.needFactor.some((role) => roles.has(role)),
    organisation: membership,
  }
}

/** What is kept of somebody's access beside a scope that is granted to them. */
export const standingOf = ({ roles, scopes, ownScopes, organisation }: EffectiveAccess, granted: string): Standing => ({
  roles,
  role_scope: splitWords(granted)
    .filter((token) => scopes.has(token) && !ownScopes.has(token))
    .join(' '),
  organisation_id: organisation?.organisation_id ?? null,
  membership_version: organisation?.version ?? null,
})

/** What of a grant says what may be done by it. */
export type GrantedRights = Pick<GrantRow, 'scope' | 'roles' | 'role_scope' | 'acr'>

/**
 * A grant, or what is about to be one, with the roles and the scope of it that stand: of roles that need a second factor only
 * where it began with one, whatever has worn off since; of what roles brought what they bring by today's configuration. So a
 * role that is cut down is cut down for those who are signed in too. Every token is made of this. Threat: a role that comes to
 * who has signed in before, by one factor. Cost: nothing is read; what goes in comes out where all of it stands.
 */
export function asItStands<Row extends GrantedRights>(grant: Row, rules: RoleRules): Row {
  const { scope, role_scope } = grant
  const roles = rolesThatCount(grant, rules)
  if (role_scope === '') return roles === grant.roles ? grant : { ...grant, roles }
  const brought = scopesOf(splitWords(roles), rules.scopes)
  const lost = new Set(splitWords(role_scope).filter((token) => !brought.has(token)))
  if (lost.size === 0 && roles === grant.roles) return grant
  return { ...grant, roles, scope: formatScope(splitWords(scope).filter((token) => !lost.has(token))) }
}

/** Of the roles that somebody has those that count, by how they have signed in. */
export function rolesThatCount(
  { roles, acr }: Pick<GrantedRights, 'roles' | 'acr'>,
  { needFactor }: Pick<RoleRules, 'needFactor'>,
): string {
  if (roles === '' || needFactor.length === 0 || acr === twoFactors) return roles
  return splitWords(roles)
    .filter((role) => !needFactor.includes(role))
    .join(' ')
}

/** The roles that tokens say: only to first-party clients, or where the user granted the scope `roles`. */
export const rolesTold = (
  { roles, scope }: Pick<GrantRow, 'roles' | 'scope'>,
  client: { readonly firstParty: boolean },
): readonly string[] =>
  roles !== '' && (client.firstParty || splitWords(scope).includes('roles')) ? roles.split(' ') : []

function scopesOf(roles: Iterable<string>, roleScopes: RoleScopes): ScopeSet {
  const scopes = new Set<string>()
  for (const role of roles) for (const scope of roleScopes.get(role) ?? []) scopes.add(scope)
  return scopes
}

/** Which organisation somebody acts for. */
export type OrganisationChoice =
  /** For this one or, where `membership` is undefined, for none. */
  | { readonly state: 'settled'; readonly membership: MembershipOfUser | undefined }
  /** They belong to several, and have not said which. */
  | { readonly state: 'open'; readonly memberships: readonly MembershipOfUser[] }
  /** They do not belong to the one that was asked for, or there is none of that name: nobody is told which. */
  | { readonly state: 'refused' }

/** What is known of which organisation is meant. */
export interface OrganisationWish {
  /** By id or slug, in the request. */
  readonly asked: string | undefined
  /** Before, in the session. */
  readonly picked: OrganisationId | null
}

/** For which of their organisations somebody acts. What the request says counts before what was picked earlier. */
export function chooseOrganisation(
  memberships: readonly MembershipOfUser[],
  { asked, picked }: OrganisationWish,
): OrganisationChoice {
  if (asked !== undefined) {
    const membership = memberships.find(({ organisation_id, slug }) => organisation_id === asked || slug === asked)
    return membership ? { state: 'settled', membership } : { state: 'refused' }
  }
  const known = memberships.find(({ organisation_id }) => organisation_id === picked)
  if (known || memberships.length <= 1) return { state: 'settled', membership: known ?? memberships[0] }
  return { state: 'open', memberships }
}
