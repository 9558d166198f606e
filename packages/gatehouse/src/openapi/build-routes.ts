import { parsePattern } from '@gatehouse/gateway/path-pattern'
import { Document, type YAMLSeq } from 'yaml'
import type { OpenApiDocument, Operation } from './read-document.ts'

/** The rule for operations about whose security the document says nothing. */
export type UndeclaredRule = 'signed-in' | 'token' | 'nothing'

/** A route as it stands in the file. */
export interface ImportedRoute {
  readonly path: string
  readonly methods: readonly string[]
  readonly require: string | { readonly scopes: readonly string[] }
}

/** What was made of a document. */
export interface Import {
  readonly routes: readonly ImportedRoute[]
  /** Operations for which there is no route: nobody gets there until somebody writes one. */
  readonly left: readonly { readonly operation: string; readonly why: string }[]
}

/** Methods that are never routed to a service. */
const neverRouted: ReadonlySet<string> = new Set(['OPTIONS', 'TRACE'])

/**
 * Makes routes of a document's operations. What no rule can say, or what the document is silent on (unless `undeclared` says what
 * that means), gets no route and is refused by the gateway.
 */
export function buildRoutes({ basePath, operations }: OpenApiDocument, undeclared?: UndeclaredRule): Import {
  const routes = new Map<string, { path: string; methods: string[]; require: ImportedRoute['require'] }>()
  const left: Import['left'][number][] = []
  const byPath = new Map<string, string>()
  for (const operation of operations) {
    const { method, path: written } = operation
    if (neverRouted.has(method)) continue
    const name = `${method} ${written}`
    const path = patternOf(basePath + written)
    const require = ruleOf(operation, undeclared)
    const twin = byPath.get(`${method} ${shapeOf(path)}`)
    const pattern = parsePattern(path)
    if (twin !== undefined) left.push({ operation: name, why: `it is the same path to the gateway as ${twin}` })
    else if ('fault' in pattern) left.push({ operation: name, why: pattern.fault })
    else if ('why' in require) left.push({ operation: name, why: require.why })
    else {
      byPath.set(`${method} ${shapeOf(path)}`, name)
      const key = JSON.stringify([path, require.rule])
      const route = routes.get(key) ?? { path, methods: [], require: require.rule }
      routes.set(key, route)
      route.methods.push(method)
    }
  }
  return { routes: [...routes.values()].map(withoutImpliedHead), left }
}

/** GET includes HEAD: it need not be said where both ask for the same. */
const withoutImpliedHead = (route: ImportedRoute): ImportedRoute =>
  route.methods.includes('GET') ? { ...route, methods: route.methods.filter((method) => method !== 'HEAD') } : route

/** A template as a pattern: names that a pattern cannot have are spelled otherwise. */
const patternOf = (template: string): string =>
  template.replace(/\{([^}]*)\}/g, (_, name: string) => `{${name.replace(/\W/g, '_').replace(/^(?![A-Za-z])/, 'p')}}`)

/** A pattern without its names: by it two are the same. */
const shapeOf = (pattern: string): string => pattern.replace(/\{[^}]*\}/g, '{}')

function ruleOf(
  { security }: Operation,
  undeclared: UndeclaredRule | undefined,
): { readonly rule: ImportedRoute['require'] } | { readonly why: string } {
  if (security.kind === 'inexpressible') return { why: security.fault }
  if (security.kind === 'undeclared') {
    return undeclared
      ? { rule: undeclared }
      : { why: 'the document says nothing about its security: add `security`, or say --undeclared signed-in' }
  }
  if (security.kind !== 'token') return { rule: security.kind }
  return { rule: security.scopes.length === 0 ? 'token' : { scopes: security.scopes } }
}

/** The routes as lines for the section `services` of the configuration file. */
export function formatRoutes(service: string, { routes, left }: Import): string {
  const document = new Document({ services: { [service]: { routes } } })
  const list = document.getIn(['services', service, 'routes']) as YAMLSeq // made just so
  for (const item of list.items) (item as { flow?: boolean }).flow = true
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true })
  const comments = left.map(({ operation, why }) => `# no route for ${operation}: ${why}\n`)
  return `${text}${comments.join('')}`.trimEnd()
}
