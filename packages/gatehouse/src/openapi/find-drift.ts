import { readParameters } from '@gatehouse/gateway/authorize/asked-request'
import { isDenial } from '@gatehouse/gateway/denial'
import { findRoute } from '@gatehouse/gateway/match'
import { normalizePath } from '@gatehouse/gateway/normalize-path'
import type { Route } from '@gatehouse/gateway/route'
import type { RouteTable } from '@gatehouse/gateway/routes'
import { never } from './build-routes.ts'
import { sample } from './let-through.ts'
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

function compareOperation(comparison: Comparison, operation: Operation): string | undefined {
  const { fault, templates } = operation
  if (fault === undefined) return compareAt(comparison, operation, templates[0] ?? '')
  // Wherever it is, nothing is known to let it through rightly.
  const open = templates.map((template) => decide(comparison, operation.method, template)).find(isOpen)
  return open ? `${fault}, and ${quote(operation, open.route)} lets it through` : fault
}

function compareAt(comparison: Comparison, operation: Operation, template: string): string | undefined {
  const { method, security } = operation
  const decided = decide(comparison, method, template)
  if (typeof decided === 'string') return decided
  const { route, closedBy } = decided
  const { service } = comparison
  if (service !== undefined && route.service.name !== service) {
    return `the route ${route.name} decides it, of another service`
  }
  const isUnread = security.kind === 'undeclared' || security.kind === 'inexpressible'
  // The values of a whole name are for the rule to choose among; what is read of none is kept closed by its path.
  if (closedBy === never || (closedBy !== undefined && (isUnread || /[^/]\{|\}[^/]/.test(template)))) {
    const why = closedBy === never ? '' : `, since this is false: ${closedBy}`
    return `nobody is let through to it${why} (route ${route.name})`
  }
  const difference = compareRule(security, route)
  if (difference === undefined) return undefined
  return isUnread && withoutNames(template) !== withoutNames(patternOf(route))
    ? `${difference}, and ${quote(operation, route)} lets it through`
    : `${difference} (route ${route.name})`
}

const withoutNames = (template: string): string => template.replace(/\{[^}]*\}/g, '{}')

interface Decided {
  readonly route: Route
  /** A condition that is false for the path, whoever asks. */
  readonly closedBy: string | undefined
}

/** What the gateway decides by for any path of a template; a text where it refuses. */
function decide({ table, host }: Comparison, method: string, template: string): Decided | string {
  const path = normalizePath(template.replace(/\{[^}]*\}/g, sample))
  if (typeof path !== 'string') return `the gateway refuses such a path: ${path.fault}`
  const route = findRoute(table, { host, path, method })
  if (isDenial(route)) return `no route guards it, and the gateway refuses it: ${route.reason}`
  return { route, closedBy: findClosed(route, path) }
}

/** The route that decides any path of a template; absent where the gateway refuses it without one. */
export function findDecider(comparison: Comparison, method: string, template: string): Route | undefined {
  const decided = decide(comparison, method, template)
  return typeof decided === 'string' ? undefined : decided.route
}

const isOpen = (decided: Decided | string): decided is Decided =>
  typeof decided !== 'string' && decided.closedBy === undefined

function findClosed({ requirement, parameters }: Route, path: string): string | undefined {
  const variables = { path: readParameters(path, parameters) }
  const closed = requirement.when.find(({ reads, test }) => {
    if ([...reads].some((name) => name !== 'path' && !name.startsWith('path.'))) return false
    try {
      return test(variables) !== true
    } catch {
      return true
    }
  })
  return closed?.text
}

const patternOf = ({ name, service }: Route): string => name.slice(service.name.length + 1)
const quote = ({ method }: Operation, route: Route): string => `\`${method} ${patternOf(route)}\``

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
