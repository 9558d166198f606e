import type { RouteLeaf, TrieNode } from '@gatehouse/gateway/route-trie'
import type { RouteTable } from '@gatehouse/gateway/routes'
import { demoUsers } from './demo-data.ts'

/** Requests by which the routes of a configuration can be tried. */
export interface Tour {
  /** A path that alice can GET with a token, or would with the scopes and roles that she lacks. */
  readonly call: { readonly path: string; readonly lacking: readonly string[] } | undefined
  /** A page of a browser app. */
  readonly page: string | undefined
  /** A request whose rule is on trial. */
  readonly onTrial: { readonly method: string; readonly path: string } | undefined
}

interface Entry {
  readonly method: string
  readonly path: string
  readonly route: NonNullable<RouteLeaf['any']>
}

/** Looks through the routes of the issuer's host: those of others cannot be called without more ado. */
export function planTour({ hosts, issuerHost }: RouteTable): Tour {
  const trie = hosts.get(issuerHost)
  const entries = trie ? [...listEntries(trie)] : []
  const guarded = entries.filter(
    ({ method, route }) => method === 'GET' && route.requirement.credentials === 'required',
  )
  const calls = guarded
    .filter(({ route }) => !route.service.session)
    .map(({ path, route }) => ({ path, lacking: lackingOf(route) }))
    .sort((one, other) => one.lacking.length - other.lacking.length)
  return {
    call: calls[0],
    page: guarded.find(({ route }) => route.service.session)?.path,
    onTrial: entries.find(({ route }) => route.observed !== undefined),
  }
}

function* listEntries(node: TrieNode): Generator<Entry> {
  for (const leaf of [node.leaf, node.rest]) if (leaf) yield* entriesOf(leaf)
  for (const below of [...node.literals.values(), node.parameter]) if (below) yield* listEntries(below)
}

function* entriesOf({ pattern, methods, any }: RouteLeaf): Generator<Entry> {
  const path = pattern.replace(/\/\*\*$/, '').replaceAll(/\{[^}]*\}/g, '1') || '/'
  for (const [method, route] of methods) if (method !== 'HEAD') yield { method, path, route }
  if (any) yield { method: 'GET', path, route: any }
}

/** What a rule asks for that alice has not, in words; of what depends on the request nothing is known. */
function lackingOf({ requirement }: Entry['route']): readonly string[] {
  const [alice] = demoUsers
  const { scopes, roles, organisations, acr, when, remote } = requirement
  return [
    ...scopes.filter((scope) => !alice.scopes.includes(scope)).map((scope) => `the scope ${scope}`),
    ...(roles.length > 0 && !roles.some((role) => alice.roles.includes(role))
      ? [`the role ${roles.join(' or ')}`]
      : []),
    ...(organisations ? ['an organisation'] : []),
    ...(acr.length > 0 ? [`the class ${acr[0]}`] : []),
    ...(when.length > 0 || remote ? ['what its conditions ask for'] : []),
  ]
}
