/**
 * One segment of a path template: its literal parts, decoded, between which anything may stand. One part alone is a literal,
 * two empty ones are a whole name.
 */
export type TemplateSegment = readonly string[]

/** A path template, by its segments. */
export type PathTemplate = readonly TemplateSegment[]

/**
 * Reads a template of a document: what it says of a query goes, and so does a slash at the end, which services seldom tell
 * apart. A star stands for anything too, though OpenAPI has none.
 */
export function parseTemplate(template: string): PathTemplate {
  const [path = ''] = template.replace(/\{[^}]*\}/g, '{}').split(/[?#]/, 1)
  const segments = path.slice(1).split('/')
  if (segments.length > 1 && segments.at(-1) === '') segments.pop()
  return segments.map((segment) => segment.split(/\{\}|\*+/).map(decode))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const isLiteral = (segment: TemplateSegment): boolean => segment.length === 1
const isName = (segment: TemplateSegment): boolean => segment.length > 1 && segment.join('') === ''

/** Whether a path may be of both, as far as a service that folds letters is concerned. */
export const overlap = (first: PathTemplate, second: PathTemplate): boolean =>
  first.length === second.length && first.every((segment, index) => meet(segment, second[index] ?? ['']))

function meet(first: TemplateSegment, second: TemplateSegment): boolean {
  if (isLiteral(first)) return matches(second, first[0] ?? '')
  if (isLiteral(second)) return matches(first, second[0] ?? '')
  // Two that have names in them: they need not meet, and are taken to.
  return true
}

function matches(segment: TemplateSegment, literal: string): boolean {
  const [text, parts] = [literal.toLowerCase(), segment.map((part) => part.toLowerCase())]
  if (isLiteral(segment)) return text === parts[0]
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  return text !== '' && text.startsWith(first) && text.endsWith(last) && parts.every((part) => text.includes(part))
}

/** Whether every path of `inner` is one of `outer`, as far as can be told. */
export const covers = (outer: PathTemplate, inner: PathTemplate): boolean =>
  overlap(outer, inner) &&
  outer.every((segment, index) => {
    const other = inner[index] ?? ['']
    return isName(segment) || isLiteral(other) || String(segment) === String(other)
  })

/** Paths that are of both, in the letters of either; `sample` stands for whatever a client would send. */
export const samplePaths = (template: PathTemplate, pattern: PathTemplate, sample: string): readonly string[] =>
  [template, pattern].map((spelling) => {
    const segments = template.map((segment, index) => {
      const other = pattern[index] ?? segment
      const literal = [spelling[index] ?? segment, segment, other].find(isLiteral)
      return encodeURIComponent((literal ?? segment).join(sample))
    })
    return `/${segments.join('/')}`
  })

/**
 * A condition, in the language of rules, that holds for the paths of a pattern which are none of a template's; `undefined`
 * where all of them are. `names` are those of the pattern's segments, in their places.
 */
export function conditionAgainst(template: PathTemplate, names: ReadonlyMap<number, string>): string | undefined {
  const parts = template.flatMap((segment, index) => {
    const name = names.get(index)
    // Folded, since a service may fold too.
    return name === undefined ? [] : tests(segment, `path.${name}.lowerAscii()`)
  })
  return parts.length === 0 ? undefined : `!(${parts.join(' && ')})`
}

function tests(segment: TemplateSegment, value: string): readonly string[] {
  const quoted = segment.map((part) => JSON.stringify(part.toLowerCase()))
  const last = segment.length - 1
  if (last === 0) return [`${value} == ${quoted[0]}`]
  return segment.flatMap((part, index) => {
    if (part === '') return []
    const word = index === 0 ? 'startsWith' : index === last ? 'endsWith' : 'contains'
    return [`${value}.${word}(${quoted[index]})`]
  })
}
