import type { UserId } from '@gatehouse/core/brand'
import type { SupposeTwoFactors } from '@gatehouse/core/contracts'
import { splitWords } from '@gatehouse/core/words'
import type { Store } from '@gatehouse/store/store'
import { twoFactors } from '../domain/acr.ts'
import type { Clients } from '../domain/clients.ts'
import { type RoleRules, rolesTold } from '../domain/effective-access.ts'
import type { ActingUsers } from './acting.ts'

interface Dependencies {
  readonly store: Pick<Store, 'users' | 'sessions'>
  readonly clients: Pick<Clients, 'find'>
  readonly actingUsers: Pick<ActingUsers, 'find'>
  readonly roleRules: () => RoleRules
}

/**
 * Says what the roles that need a second factor would bring to who has signed in by one: what an authorization request of the
 * same client in the same session would, once the factor is shown. See decision 23. Cost: nothing is read where no role needs one,
 * or where it has been shown; else the user, the session, the memberships and the client.
 */
export function createSupposeTwoFactors(dependencies: Dependencies): SupposeTwoFactors {
  const { store, clients, actingUsers, roleRules } = dependencies
  return async (token) => {
    const { sub, sid, act, acr, client_id, org } = token.claims
    const { needFactor, scopes: roleScopes } = roleRules()
    // A client that acts for somebody has exchanged a token, and sends nobody to sign in.
    if (needFactor.length === 0 || acr === twoFactors || sid === undefined || act !== undefined) return undefined
    const [user, session, client] = await Promise.all([
      store.users.findById(sub as UserId), // a session's subject is a user
      store.sessions.findById(sid),
      clients.find(client_id),
    ])
    if (!session || !client || user?.status !== 'active') return undefined
    const choice = await actingUsers.find({ user, session }, undefined)
    if (choice.state !== 'settled') return undefined
    const { access } = choice.acting
    // Another organisation than the token's would be another change than that of the factor.
    if (org !== undefined && org !== access.organisation?.organisation_id) return undefined
    const gained = splitWords(access.roles).filter((role) => needFactor.includes(role))
    const roles = new Set([
      ...token.roles,
      ...rolesTold({ roles: gained.join(' '), scope: token.claims.scope }, client),
    ])
    const scopes = new Set(token.scopes)
    for (const role of gained) {
      for (const scope of roleScopes.get(role) ?? []) {
        if (client.scopes === 'all' || client.scopes.has(scope)) scopes.add(scope)
      }
    }
    if (roles.size === token.roles.size && scopes.size === token.scopes.size) return undefined
    const claims = {
      ...{ ...token.claims, acr: twoFactors, scope: [...scopes].join(' '), roles: [...roles] },
      ...(access.organisation ? { org: access.organisation.organisation_id } : {}),
    }
    return { ...token, claims, roles, scopes, memo: {} }
  }
}
