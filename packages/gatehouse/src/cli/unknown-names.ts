import { openidScopes } from '@gatehouse/auth/domain/user-claims'
import { administratorRole } from '@gatehouse/auth/domain/users'
import { findCloseName } from '../configuration/close-name.ts'
import type { Configuration } from '../configuration/configuration.ts'

/** What somebody is to be given by name. */
export interface GivenNames {
  readonly scopes?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
  readonly audiences?: readonly string[] | undefined
}

/**
 * A sentence for each scope, role and audience that the configuration does not name, so that it is probably mistyped. What a
 * command was given before makes nothing known. None about scopes or roles where the configuration knows none at all, as where
 * services check tokens by themselves.
 */
export function warnOfUnknownNames(
  { auth, namedRoles }: Pick<Configuration, 'auth' | 'namedRoles'>,
  { scopes = [], roles = [], audiences = [] }: GivenNames,
): readonly string[] {
  const knownScopes = [
    ...auth.routeScopes,
    ...auth.clients.flatMap((client) => client.scopes),
    ...auth.registration.scopes,
    ...[...auth.roleScopes.values()].flatMap((brought) => [...brought]),
  ]
  // Others are refused at the token endpoint.
  const knownAudiences = [auth.audience, ...auth.services.map(({ audience }) => audience), '*']
  return [
    ...warn(scopes, {
      known: knownScopes,
      besides: openidScopes,
      says: 'no route, client or role asks for this scope',
    }),
    ...warn(roles, {
      ...{ known: [...namedRoles], besides: [administratorRole] },
      says: 'neither `roles` nor any rule or provider names this role',
    }),
    ...warn(audiences, {
      known: knownAudiences,
      besides: [],
      says: 'no service has this audience, and no token gets it',
    }),
  ]
}

function warn(
  given: readonly string[],
  {
    known,
    besides,
    says,
  }: { readonly known: readonly string[]; readonly besides: readonly string[]; readonly says: string },
): readonly string[] {
  if (known.length === 0) return []
  const all = [...known, ...besides]
  return given
    .filter((name) => !all.includes(name))
    .map((name) => {
      const close = findCloseName(name, all)
      return `${name}: ${says}${close === undefined ? '' : `; did you mean ${close}?`}`
    })
}
