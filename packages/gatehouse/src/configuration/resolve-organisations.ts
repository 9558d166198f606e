import type { RoleScopes } from '@gatehouse/auth/domain/effective-access'
import type { OrganisationPolicy } from '@gatehouse/auth/domain/organisations'
import { openidScopes } from '@gatehouse/auth/domain/user-claims'
import { administratorRole } from '@gatehouse/auth/domain/users'
import { duration } from './duration.ts'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

/** The scopes that roles bring. Scopes of OpenID Connect say what a client may know: no role brings them. */
export function resolveRoleScopes({ roles = {} }: ConfigurationFile, report: Report): RoleScopes {
  const ofOpenid: readonly string[] = openidScopes
  return new Map(
    Object.entries(roles).map(([name, { scopes = [] }]) => {
      for (const [index, scope] of scopes.entries()) {
        if (ofOpenid.includes(scope)) report(['roles', name, 'scopes', index], `${scope} is not a role’s to bring`)
      }
      return [name, new Set(scopes)]
    }),
  )
}

/** What organisations may do; undefined where there are none. */
export function resolveOrganisations(
  { roles = {}, organisations = {} }: ConfigurationFile,
  report: Report,
): OrganisationPolicy | undefined {
  const role = organisations.administrator_role ?? 'admin'
  const reserved = `${administratorRole} is the role of whoever runs Gatehouse, and nobody gets it by an organisation`
  if (role === administratorRole) report(['organisations', 'administrator_role'], reserved)
  const given = organisations.roles ?? []
  for (const [index, name] of given.entries()) {
    if (name === administratorRole) report(['organisations', 'roles', index], reserved)
    else if (name !== role && !Object.hasOwn(roles, name)) {
      report(
        ['organisations', 'roles', index],
        `unknown role; \`roles\` names ${Object.keys(roles).join(', ') || 'none'}`,
      )
    }
  }
  const invitationLifetime = duration(organisations.invitation_lifetime, 7 * 86_400, {
    ...{ least: 300, most: 30 * 86_400 },
    ...{ key: ['organisations', 'invitation_lifetime'], report },
  })
  if (!(organisations.enabled ?? false)) return undefined
  const givableRoles = new Map([role, ...given].map((name) => [name, roles[name]?.description ?? '']))
  const named = Object.keys(roles).filter((name) => name !== administratorRole)
  return {
    administratorRole: role,
    givableRoles,
    knownRoles: new Set([...givableRoles.keys(), ...named]),
    invitationLifetime,
  }
}
