import type { UserId } from '@gatehouse/core/brand'
import type { JsonObject } from '@gatehouse/core/json'
import { parseScope, type ScopeSet } from '@gatehouse/core/scope'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { MembershipOfUser } from '@gatehouse/store/tables/memberships'

/** Scopes that say what a client may know of its user. Spec: OpenID Connect Core sections 5.4 and 11; the last two are ours. */
export const openidScopes = ['openid', 'profile', 'email', 'offline_access', 'roles', 'organization'] as const

/** Those of them that every client may ask for. Roles are what services decide by: who may have them is said for each client. */
export const freeScopes: readonly string[] = openidScopes.filter((scope) => scope !== 'roles')

/** Claims about a user, and the scope that brings each. */
const claimScopes = {
  name: 'profile',
  preferred_username: 'profile',
  locale: 'profile',
  updated_at: 'profile',
  email: 'email',
  email_verified: 'email',
  roles: 'roles',
  org: 'organization',
  org_name: 'organization',
} as const

/** What of it there is where nobody belongs to an organisation: scopes, and claims about a user. */
export const withoutOrganisations = {
  scopes: openidScopes.filter((scope) => scope !== 'organization'),
  claims: Object.keys(claimScopes).filter((name) => !name.startsWith('org')),
} as const

/** Every claim about a user that can be asked for. */
export const userClaimNames = Object.keys(claimScopes) as readonly (keyof typeof claimScopes)[] // the keys of that very object

/** What the `claims` parameter asks for at one place. Spec: OpenID Connect Core section 5.5. */
export type ClaimsAskedFor = Readonly<Record<string, ClaimRequest | null>>

/** How one claim is asked for. */
export interface ClaimRequest {
  readonly essential?: boolean
  readonly value?: unknown
  readonly values?: readonly unknown[]
}

/** The parameter `claims`, once it has been checked. */
export interface ClaimsParameter {
  readonly id_token?: ClaimsAskedFor
  readonly userinfo?: ClaimsAskedFor
}

/** The scopes that would bring what is asked for by name: a user is told of them as of those that are asked for. */
export function scopesBehind({ id_token, userinfo }: ClaimsParameter = {}): readonly string[] {
  const asked = userClaimNames.filter((name) => Object.hasOwn({ ...id_token, ...userinfo }, name))
  return [...new Set(asked.map((name) => claimScopes[name]))].filter((scope) => freeScopes.includes(scope))
}

/** A user's membership of the organisation that a token names, with its name. Cost: one read. */
export async function findMembership(
  { store }: { readonly store: Pick<Store, 'memberships'> },
  user: UserId,
  organisation: string,
): Promise<MembershipOfUser | undefined> {
  const memberships = await store.memberships.listByUser(user)
  return memberships.find(({ organisation_id }) => organisation_id === organisation)
}

/** Whom claims are about. */
export interface DescribedUser {
  readonly user: UserRow
  readonly membership: MembershipOfUser | undefined
  /** Those that count, with one space between two; left out where they are not told. */
  readonly roles?: string
}

/**
 * The claims about a user, in the name of an organisation or of none, that a scope gives and that were asked for by name. A
 * claim without a value is left out.
 */
export function claimsOf(
  { user, membership, roles }: DescribedUser,
  scope: string,
  asked: ClaimsAskedFor | undefined,
): JsonObject {
  const granted: ScopeSet = parseScope(scope) ?? new Set()
  const values: Record<(typeof userClaimNames)[number], unknown> = {
    name: user.name ?? undefined,
    preferred_username: user.username,
    locale: user.locale ?? undefined,
    email: user.email ?? undefined,
    email_verified: user.email === null ? undefined : user.email_verified_at !== null,
    updated_at: user.updated_at,
    roles: roles === undefined || roles === '' ? undefined : roles.split(' '),
    org: membership?.organisation_id,
    org_name: membership?.name,
  }
  const claims: Record<string, unknown> = {}
  for (const name of userClaimNames) {
    // Roles are a matter of the scope alone: they are what services decide by.
    const isAsked = asked !== undefined && name in asked && name !== 'roles'
    if ((granted.has(claimScopes[name]) || isAsked) && values[name] !== undefined) claims[name] = values[name]
  }
  return claims
}
