import { openidScopes } from '@gatehouse/auth/domain/user-claims'
import type { Store } from '@gatehouse/store/store'
import { findCloseName } from '../configuration/close-name.ts'
import type { Configuration } from '../configuration/configuration.ts'

/**
 * A sentence for each scope that nothing asks for: no route, no client and no role has it, so that it is probably mistyped.
 * None where the configuration knows no scopes at all, as where services check tokens by themselves. Cost: one read.
 */
export async function warnOfUnknownScopes(
  { configuration, store }: { readonly configuration: Configuration; readonly store: Pick<Store, 'clients'> },
  scopes: readonly string[],
): Promise<readonly string[]> {
  if (scopes.length === 0) return []
  const { routeScopes, clients, roleScopes } = configuration.auth
  const known = new Set([
    ...routeScopes,
    ...clients.flatMap((client) => client.scopes),
    ...[...roleScopes.values()].flatMap((brought) => [...brought]),
    ...(await store.clients.list()).flatMap((client) => client.scopes.split(' ').filter(Boolean)),
  ])
  if (known.size === 0) return []
  const all = [...known, ...openidScopes]
  return scopes
    .filter((scope) => !all.includes(scope))
    .map((scope) => {
      const close = findCloseName(scope, all)
      return `${scope}: no route, client or role asks for this scope${close === undefined ? '' : `; did you mean ${close}?`}`
    })
}
