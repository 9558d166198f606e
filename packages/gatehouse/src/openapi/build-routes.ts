import { METHODS } from 'node:http'
import { isReserved, reservedOnOtherHosts } from '@gatehouse/core/paths'
import { parsePattern } from '@gatehouse/gateway/path-pattern'
import { Document, type YAMLSeq } from 'yaml'
import { type LetThrough, LetThroughFinder, type Place } from './let-through.ts'
import type { OpenApiDocument, Operation } from './read-document.ts'

/** The rule for operations about whose security the document says nothing. */
export type UndeclaredRule = 'signed-in' | 'token' | 'nothing'

/** A rule as it stands in the file. */
type ImportedRule =
  | string
  | { readonly caller?: string; readonly scopes?: readonly string[]; readonly when?: string | readonly string[] }

/** A route as it stands in the file. */
export interface ImportedRoute {
  readonly path: string
  readonly methods: readonly string[]
  readonly require: ImportedRule
}

/** An operation whose rule could not be made. Nobody gets there until somebody writes one. */
export interface LeftOperation {
  readonly operation: string
  readonly why: string
  /** Other operations whose routes would have let it through, and were kept from it. */
  readonly kept: readonly string[]
}

/** What was made of a document. */
export interface Import {
  readonly routes: readonly ImportedRoute[]
  readonly left: readonly LeftOperation[]
}

/** The condition that nothing meets. */
export const never = 'false'

const refusesEverybody: ImportedRule = { caller: 'nothing', when: never }

/** Methods that are never routed to a service. */
const neverRouted: ReadonlySet<string> = new Set(['OPTIONS', 'TRACE', 'CONNECT'])

/** An operation for which there can be a route. */
interface Readable extends Place {
  readonly operation: string
  readonly rule: ImportedRule
}

/** One for which there is none. */
interface Left {
  readonly operation: string
  readonly why: string
  readonly places: readonly Place[]
  /** What it asks for, if that is not what is amiss. */
  readonly rule: ImportedRule | undefined
}

/**
 * Makes routes of a document's operations. What no rule can say, or what the document is silent on (unless `undeclared` says what
 * that means), is refused by the gateway: it gets no route, and none of the others lets it through.
 * Stops: `GET /items/{id}` as the way to a `GET /items/export` that asks for more than can be said.
 */
export function buildRoutes({ operations }: OpenApiDocument, undeclared?: UndeclaredRule): Import {
  const readable: Readable[] = []
  const left: Left[] = []
  for (const operation of operations) {
    if (neverRouted.has(operation.method)) continue
    const read = readOperation(operation, undeclared)
    if ('why' in read) left.push(read)
    else readable.push(read)
  }
  return keepClosed(...withoutContradictions(readable, left))
}

function readOperation(operation: Operation, undeclared: UndeclaredRule | undefined): Readable | Left {
  const { method, path: written, templates, fault } = operation
  const name = `${method} ${written}`
  const places = templates.map((template): Place => {
    const path = patternOf(template)
    const pattern = parsePattern(path)
    return { method, path, pattern: 'fault' in pattern || template.includes('**') ? undefined : pattern }
  })
  const [place] = places
  const require = ruleOf(operation, undeclared)
  const rule = 'why' in require ? undefined : require.rule
  const leave = (why: string): Left => ({ operation: name, why, places, rule })
  if (place === undefined || fault !== undefined) return leave(fault ?? 'it cannot be said where it is')
  if (!METHODS.includes(method)) return leave(`the gateway lets through no method ${method}`)
  if (place.pattern === undefined) return leave(patternFault(place.path))
  if ('why' in require) return leave(require.why)
  if (isReserved(place.pattern.stem, reservedOnOtherHosts) || isReserved(place.pattern.prefix, reservedOnOtherHosts)) {
    return leave('it lies where Gatehouse’s own paths are')
  }
  return { ...place, operation: name, rule: require.rule }
}

function patternFault(path: string): string {
  const pattern = parsePattern(path)
  return 'fault' in pattern ? pattern.fault : '** is no part of a path in OpenAPI: write the rule by hand'
}

/** Leaves out what is the same path to the gateway and is not to be the same rule. */
function withoutContradictions(readable: readonly Readable[], left: readonly Left[]): [Readable[], Left[]] {
  const first = new Map<string, { readonly operation: string; rule: ImportedRule | undefined }>()
  const contradicted = new Map<string, string>()
  const all = [
    ...readable.map((one) => ({ ...one, places: [one as Place] })),
    ...left.filter(({ places }) => places.length === 1),
  ]
  for (const { operation, places, rule } of all) {
    const key = keyOf(places[0])
    const twin = first.get(key)
    if (twin === undefined) first.set(key, { operation, rule })
    else if (rule === undefined || JSON.stringify(rule) !== JSON.stringify(twin.rule)) {
      contradicted.set(key, operation)
    }
  }
  const twinOf = (place: Place, operation: string): string | undefined => {
    const other = contradicted.get(keyOf(place))
    return other === operation ? first.get(keyOf(place))?.operation : other
  }
  const kept = new Map<string, Readable>()
  const out: Left[] = []
  for (const one of readable) {
    const twin = twinOf(one, one.operation)
    if (twin === undefined) kept.set(keyOf(one), kept.get(keyOf(one)) ?? one)
    else out.push(leaveOut(one, `it is the same path to the gateway as ${twin}, and does not ask for the same`))
  }
  return [[...kept.values()], [...left, ...out]]
}

const leaveOut = ({ operation, rule, ...place }: Readable, why: string): Left => ({
  ...{ operation, why, rule },
  places: [place],
})

/** By it two are the same to the gateway: method and pattern, without its names. */
const keyOf = (place: Place | undefined): string =>
  JSON.stringify([place?.method, place?.pattern?.segments ?? place?.path])

/** Keeps what is left out closed where the routes of others would let it through. */
function keepClosed(readable: readonly Readable[], left: readonly Left[]): Import {
  const finder = new LetThroughFinder(readable, ({ rule }) => rule === 'nothing')
  const found = left.map((one) => ({ one, ways: one.places.map((place) => ({ place, ways: finder.find(place) })) }))
  // Nothing could keep those closed that are the same path: the other one goes too, and all are looked at anew.
  const hopeless = new Map<Readable, string>()
  for (const { one, ways } of found) {
    if (
      isSaidByAnother(
        one,
        ways.flatMap((way) => way.ways),
      )
    )
      continue
    for (const { place, by } of ways.flatMap((way) => way.ways))
      if (by.kind === 'none') hopeless.set(place, one.operation)
  }
  if (hopeless.size > 0) {
    const more = [...hopeless].map(([one, other]) => leaveOut(one, `it is the same path to the gateway as ${other}`))
    return keepClosed(
      readable.filter((one) => !hopeless.has(one)),
      [...left, ...more],
    )
  }
  const closed = new Map<string, Place>()
  const conditions = new Map<Readable, Set<string>>()
  const reported: LeftOperation[] = []
  for (const { one, ways } of found) {
    const all = ways.flatMap((way) => way.ways)
    if (isSaidByAnother(one, all)) continue
    for (const { place, ways: through } of ways) {
      for (const { place: route, by } of through) {
        if (by.kind === 'route') closed.set(keyOf(place), place)
        if (by.kind === 'condition') {
          conditions.set(route, (conditions.get(route) ?? new Set()).add(by.text))
        }
      }
    }
    const kept = [...new Set(all.map(({ place }) => place.operation))]
    reported.push({ operation: one.operation, why: one.why, kept })
  }
  const routes = [
    ...readable.map((one) => ({ ...one, rule: narrow(one.rule, [...(conditions.get(one) ?? [])]) })),
    ...[...closed.values()].map((place) => ({ ...place, rule: refusesEverybody })),
  ]
  return { routes: group(routes), left: reported }
}

/** Whether one that is no pattern of its own is decided by a wider route with the very rule that it asks for. */
const isSaidByAnother = ({ rule, places }: Left, ways: readonly LetThrough<Readable>[]): boolean =>
  rule !== undefined &&
  places.length === 1 &&
  places[0]?.pattern === undefined &&
  ways.length === 1 &&
  ways.every(({ place, isWider }) => isWider && JSON.stringify(place.rule) === JSON.stringify(rule))

function narrow(rule: ImportedRule, conditions: readonly string[]): ImportedRule {
  if (conditions.length === 0) return rule
  const [only] = conditions
  const when = conditions.length === 1 && only !== undefined ? only : conditions
  if (typeof rule === 'object') return { ...rule, when }
  return rule === 'token' ? { when } : { caller: rule, when }
}

/** One route for all methods of a path that ask for the same. GET includes HEAD: it need not be said then. */
function group(routes: readonly { readonly path: string; readonly method: string; readonly rule: ImportedRule }[]) {
  const grouped = new Map<string, { path: string; methods: string[]; require: ImportedRule }>()
  for (const { path, method, rule } of routes) {
    const key = JSON.stringify([path, rule])
    const route = grouped.get(key) ?? { path, methods: [], require: rule }
    grouped.set(key, route)
    route.methods.push(method)
  }
  return [...grouped.values()].map(
    (route): ImportedRoute =>
      route.methods.includes('GET')
        ? { ...route, methods: route.methods.filter((method) => method !== 'HEAD') }
        : route,
  )
}

/** A template as a pattern: names that a pattern cannot have, or has already, are spelled otherwise. */
function patternOf(template: string): string {
  const names = new Set<string>()
  return template.replace(/\{([^}]*)\}/g, (_, written: string) => {
    let name = written.replace(/\W/g, '_').replace(/^(?![A-Za-z])/, 'p')
    while (names.has(name)) name += '_'
    names.add(name)
    return `{${name}}`
  })
}

function ruleOf(
  { security }: Operation,
  undeclared: UndeclaredRule | undefined,
): { readonly rule: ImportedRule } | { readonly why: string } {
  if (security.kind === 'inexpressible') return { why: security.fault }
  if (security.kind === 'undeclared') {
    return undeclared
      ? { rule: undeclared }
      : { why: 'the document says nothing about its security: add `security`, or say --undeclared signed-in' }
  }
  if (security.kind !== 'token') return { rule: security.kind }
  return { rule: security.scopes.length === 0 ? 'token' : { scopes: security.scopes } }
}

/** What is said of an operation that was left out. */
export const describeLeft = ({ operation, why, kept }: LeftOperation): string =>
  kept.length === 0
    ? `no route for ${operation}: ${why}`
    : `${operation} is refused, which ${kept.join(' and ')} would let through: ${why}`

/** The routes as lines for the section `services` of the configuration file. */
export function formatRoutes(service: string, { routes, left }: Import): string {
  const document = new Document({ services: { [service]: { routes } } }, { aliasDuplicateObjects: false })
  const list = document.getIn(['services', service, 'routes']) as YAMLSeq // made just so
  for (const item of list.items) (item as { flow?: boolean }).flow = true
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true })
  const comments = left.map((one) => `# ${describeLeft(one)}\n`)
  return `${text}${comments.join('')}`.trimEnd()
}
