import {
  AndFilter,
  EqualityFilter,
  ExtensibleFilter,
  type Filter,
  FilterParser,
  NotFilter,
  OrFilter,
  PresenceFilter,
  SubstringFilter,
} from 'ldapts'

/** What stands for `{username}` and `{dn}`. */
export type FilterValues = Readonly<Record<string, string>>

/** A filter that has places for values. */
export interface FilterTemplate {
  /**
   * The filter for these values, each of which is one value of the tree and never a part of a text that is parsed: there is
   * nothing to escape, and what is typed cannot become a wildcard or a filter. Spec: RFC 4511 section 4.5.1.7.
   * Threat: filter injection.
   */
  fill(values: FilterValues): Filter
  /** The filter for whatever value there may be: what had a place need only be there. */
  forAnybody(): Filter
}

/** Parses a filter once. Throws where it is none; `findFilterFault` of ldap-settings says so before. */
export function parseFilterTemplate(text: string): FilterTemplate {
  const root = FilterParser.parseString(readUtf8Escapes(text))
  return {
    fill: (values) => rebuild(root, (leaf) => fillLeaf(leaf, values)),
    forAnybody: () => rebuild(root, presenceOf),
  }
}

/** Both. */
export const allOf = (...filters: Filter[]): Filter => new AndFilter({ filters })

function rebuild(filter: Filter, leaf: (filter: Filter) => Filter): Filter {
  if (filter instanceof AndFilter) return new AndFilter({ filters: filter.filters.map((part) => rebuild(part, leaf)) })
  if (filter instanceof OrFilter) return new OrFilter({ filters: filter.filters.map((part) => rebuild(part, leaf)) })
  if (filter instanceof NotFilter) return new NotFilter({ filter: rebuild(filter.filter, leaf) })
  return leaf(filter)
}

function fillLeaf(filter: Filter, values: FilterValues): Filter {
  const fill = (text: string): string => text.replaceAll(placeholder, (whole, name: string) => values[name] ?? whole)
  if (filter instanceof EqualityFilter && typeof filter.value === 'string') {
    return new EqualityFilter({ attribute: filter.attribute, value: fill(filter.value) })
  }
  if (filter instanceof ExtensibleFilter) {
    const { matchType, rule, dnAttributes, value } = filter
    return new ExtensibleFilter({ matchType, rule, dnAttributes, value: fill(value) })
  }
  if (filter instanceof SubstringFilter) {
    const { attribute, initial, any, final } = filter
    return new SubstringFilter({ attribute, initial: fill(initial), any: any.map(fill), final: fill(final) })
  }
  return filter
}

function presenceOf(filter: Filter): Filter {
  const has = (text: string): boolean => text.search(placeholder) >= 0
  if (filter instanceof EqualityFilter && typeof filter.value === 'string' && has(filter.value)) {
    return new PresenceFilter({ attribute: filter.attribute })
  }
  if (filter instanceof ExtensibleFilter && has(filter.value) && filter.matchType !== '') {
    return new PresenceFilter({ attribute: filter.matchType })
  }
  if (filter instanceof SubstringFilter && has([filter.initial, ...filter.any, filter.final].join(' '))) {
    return new PresenceFilter({ attribute: filter.attribute })
  }
  return filter
}

const placeholder = /\{(\w+)\}/g

/** The library reads an escaped byte as a letter, so that letters outside ASCII are given to it as they are. */
const readUtf8Escapes = (text: string): string =>
  text.replaceAll(/(?:\\[89a-f][0-9a-f])+/gi, (escapes) => Buffer.from(escapes.replaceAll('\\', ''), 'hex').toString())
