import { isDenial } from '@gatehouse/gateway/denial'
import { findRoute } from '@gatehouse/gateway/match'
import { normalizePath } from '@gatehouse/gateway/normalize-path'
import type { Route } from '@gatehouse/gateway/route'
import type { RouteTable } from '@gatehouse/gateway/routes'
import type { OpenApiDocument, Operation } from './read-document.ts'
import type { OperationSecurity } from './security.ts'

/** Where a document and the routes do not say the same. */
export interface Drift {
  /** Method and path, as in the document. */
  readonly operation: string
  readonly message: string
}

/** What is compared. */
export interface Comparison {
  readonly document: OpenApiDocument
  readonly table: RouteTable
  /** The host on which the service is asked, in lower case. */
  readonly host: string
  /** The service that the document is of; absent = whichever the routes lead to. */
  readonly service: string | undefined
}

/**
 * Compares what a document says of each operation with the route that the gateway would decide it by. Compared are whether
 * credentials are asked for at all, and which scopes; what else a rule asks (roles, conditions) no document could say.
 */
export const findDrift = (comparison: Comparison): readonly Drift[] =>
  comparison.document.operations.flatMap((operation) => {
    // To a service they never come.
    if (operation.method === 'OPTIONS' || operation.method === 'TRACE') return []
    const message = compareOperation(comparison, operation)
    return message === undefined ? [] : [{ operation: `${operation.method} ${operation.path}`, message }]
  })

/** Stands for whatever a client would send; no literal of a route is called so. */
const sample = 'gatehouse-openapi-sample'

function compareOperation(
  { document, table, host, service }: Comparison,
  { method, path: written, security }: Operation,
): string | undefined {
  const path = normalizePath(document.basePath + written.replace(/\{[^}]*\}/g, sample))
  if (typeof path !== 'string') return `the gateway refuses such a path: ${path.fault}`
  const route = findRoute(table, { host, path, method })
  if (isDenial(route)) return `no route guards it, and the gateway refuses it: ${route.reason}`
  if (service !== undefined && route.service.name !== service) {
    return `the route ${route.name} decides it, of another service`
  }
  const difference = compareRule(security, route)
  return difference === undefined ? undefined : `${difference} (route ${route.name})`
}

function compareRule(security: OperationSecurity, { requirement }: Route): string | undefined {
  const { credentials, scopes } = requirement
  switch (security.kind) {
    case 'undeclared':
      return 'the document says nothing about its security'
    case 'nothing':
      return credentials === 'ignored' ? undefined : 'the document asks for nothing, the route for a token'
    case 'optional':
      return credentials === 'optional' ? undefined : 'the document has a token optional, the route does not'
    case 'token':
      return credentials === 'required' ? compareScopes(security.scopes, scopes) : lets(credentials)
    default:
      if (security.alternatives.length === 0) return security.fault
      if (credentials !== 'required') return lets(credentials)
      return security.alternatives.some((alternative) => compareScopes(alternative, scopes) === undefined)
        ? undefined
        : `the route asks for the scopes ${list(scopes)}, the document for none of its alternatives alone: ${security.fault}`
  }
}

const lets = (credentials: 'ignored' | 'optional'): string =>
  `the document asks for a token, the route lets anybody pass${credentials === 'optional' ? ' who has none' : ''}`

function compareScopes(documented: readonly string[], routed: readonly string[]): string | undefined {
  const missing = documented.filter((scope) => !routed.includes(scope))
  const more = routed.filter((scope) => !documented.includes(scope))
  const parts = [
    ...(missing.length > 0 ? [`the document asks for ${list(missing)}, which the route does not`] : []),
    ...(more.length > 0 ? [`the route asks for ${list(more)}, which the document does not`] : []),
  ]
  return parts.length === 0 ? undefined : parts.join(' and ')
}

const list = (scopes: readonly string[]): string => (scopes.length === 0 ? 'none' : scopes.join(' '))
