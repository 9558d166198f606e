import { isDenial } from '@gatehouse/gateway/denial'
import { findRoute } from '@gatehouse/gateway/match'
import { normalizePath } from '@gatehouse/gateway/normalize-path'
import type { PathPattern } from '@gatehouse/gateway/path-pattern'
import { buildRouteTable, type RouteTable } from '@gatehouse/gateway/routes'
import { conditionAgainst, covers, overlap, type PathTemplate, parseTemplate, samplePaths } from './path-template.ts'

/** A path with a method; as a route, its path is a pattern. */
export interface Place {
  readonly method: string
  readonly path: string
  /** Absent where the path is no pattern. */
  readonly pattern: PathPattern | undefined
}

/** How one route lets through what is to stay closed, and what keeps it closed. */
export interface LetThrough<P extends Place> {
  readonly place: P
  /** Whether it does so with all of its paths. */
  readonly isWider: boolean
  /** A narrower route of its own, a condition of this one, or nothing but that this one goes. */
  readonly by:
    | { readonly kind: 'route' }
    | { readonly kind: 'condition'; readonly text: string }
    | { readonly kind: 'none' }
}

/** Stands for whatever a client would send; no literal of a route is called so. */
export const sample = 'gatehouse-openapi-sample'

const host = 'service'

/** Asks the gateway's own table which of some routes would let through what no route is for. */
export class LetThroughFinder<P extends Place> {
  readonly #table: RouteTable
  readonly #routes: readonly { readonly place: P; readonly template: PathTemplate }[]

  /** `asksNothing`: by that the gateway tells what a path that differs by case or a slash alone may be taken for. */
  constructor(routes: readonly P[], asksNothing: (route: P) => boolean) {
    this.#routes = routes.map((place) => ({ place, template: parseTemplate(place.path) }))
    // A service for each, by whose index a route is known again.
    const services = routes.map((route, index) => ({
      ...{ name: String(index), host, audience: String(index), upstream: [], forwardAuth: true },
      routes: [
        { path: route.path, methods: [route.method], require: asksNothing(route) ? 'nothing' : 'token' } as const,
      ],
    }))
    this.#table = buildRouteTable({ issuerHost: 'issuer', audience: 'any', services })
  }

  /** Every route that would let through some path of this one. One that is for fewer paths alone is no way around it. */
  find({ method, path, pattern }: Place): readonly LetThrough<P>[] {
    const asked = parseTemplate(path)
    return this.#routes.flatMap(({ place, template }, index): readonly LetThrough<P>[] => {
      if (!overlap(asked, template) || !this.#decides(index, method, samplePaths(asked, template, sample))) return []
      const isWider = covers(template, asked)
      if (covers(asked, template)) {
        if (!isWider) return []
        if (!pattern) return [{ place, isWider, by: { kind: 'none' } }]
        // The same but for a slash at the end or for capitals: the gateway tells those apart. What it does not is the HEAD of a GET.
        if (method === place.method) return []
      }
      if (pattern && isWider) return [{ place, isWider, by: { kind: 'route' } }]
      const names = new Map(place.pattern?.parameters.map(({ name, index: at }) => [at, name]))
      const text = conditionAgainst(asked, names)
      return [{ place, isWider, by: text === undefined ? { kind: 'none' } : { kind: 'condition', text } }]
    })
  }

  #decides(index: number, method: string, written: readonly string[]): boolean {
    return [...written, ...written.map((path) => `${path}/`)].some((spelling) => {
      const path = normalizePath(spelling)
      if (typeof path !== 'string') return false
      const route = findRoute(this.#table, { host, path, method })
      return !isDenial(route) && route.service.index === index
    })
  }
}
