import * as Type from 'typebox'
import { Check, Errors } from 'typebox/schema'
import { Settings } from 'typebox/system'
import { findCloseName } from './close-name.ts'
import { formatKey, type Problem } from './problem.ts'
import { type ConfigurationFile, configurationSchema } from './schema.ts'
import { memberOf, type Path, type SchemaNode, schemaAt } from './schema-at.ts'
import { findKindSchema, looseProviders } from './schema-providers.ts'

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: object
}

/**
 * The schema by which a file is checked: providers are looked at one by one, each as one of the kind that it says it is. So
 * nobody is told what the other kinds lack. It is read as it is: to compile it takes longer than to check a file by it.
 */
const fileSchema = Type.Object(
  { ...configurationSchema.properties, providers: Type.Optional(looseProviders) },
  { additionalProperties: false },
)

/** What there is to check: the file as a whole, and each provider by itself. */
function* parts(
  content: unknown,
): Iterable<{ readonly schema: Type.TSchema; readonly value: unknown; readonly at: string }> {
  yield { schema: fileSchema, value: content, at: '' }
  const sections = memberOf(content, 'providers')
  if (typeof sections !== 'object' || sections === null) return
  for (const [name, value] of Object.entries(sections)) {
    const schema = findKindSchema(memberOf(value, 'kind'))
    const at = `/providers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (schema) yield { schema, value, at }
  }
}

function* findErrors(content: unknown): Iterable<SchemaError> {
  for (const { schema, value, at } of parts(content)) {
    if (Check(schema, value)) continue
    for (const error of listErrors(schema, value)) yield { ...error, instancePath: at + error.instancePath }
  }
}

/**
 * TypeBox ends after eight errors, of which each form that a value might have had counts. That is a bound for what strangers
 * send, so it stands again afterwards.
 */
function listErrors(schema: Type.TSchema, value: unknown): readonly SchemaError[] {
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: 1000 })
  try {
    const [, errors] = Errors(schema, value)
    return errors as readonly SchemaError[]
  } finally {
    Settings.Set({ maxErrors })
  }
}

/**
 * Checks the shape of a configuration: unknown and missing keys, and values of the wrong type or form, each with what
 * would be right. Answers with every problem, not just the first.
 */
export function checkShape(
  content: unknown,
  place: (path: Path) => Pick<Problem, 'file' | 'line'>,
): readonly Problem[] {
  const found = new Map<string, Problem>()
  for (const error of findErrors(content)) {
    for (const { path, message } of explain(error, content)) {
      const key = formatKey(path)
      if (!found.has(key)) found.set(key, { ...place(path), key, message })
    }
  }
  // A fault deep inside is also reported for everything around it: only the deepest tells the reader something.
  const keys = [...found.keys()]
  return [...found.values()]
    .filter(
      ({ key }) => !keys.some((other) => other.startsWith(`${key}.`) || other.startsWith(`${key}[`)) || key === '',
    )
    .filter(({ key }) => key !== '' || found.size === 1)
}

/** Narrows a content that {@link checkShape} found nothing wrong with. */
export const isConfigurationFile = (content: unknown): content is ConfigurationFile => {
  for (const { schema, value } of parts(content)) if (!Check(schema, value)) return false
  return true
}

/**
 * A copy of a content in which each unknown key has the name that is close to it, or is left out where none is: as it seems to be
 * meant, so that what else is wrong can be told beside the key. Names that people choose stay as they are.
 */
export function mendUnknownKeys(content: object): object {
  const mended = structuredClone(content)
  for (const { keyword, instancePath, params } of findErrors(content)) {
    if (keyword !== 'additionalProperties' || !('additionalProperties' in params)) continue
    const path = parsePointer(instancePath, content)
    const known = Object.keys(propertiesOf(schemaAt(path, content)))
    // An unknown key stands in what has keys.
    const holder = path.reduce<unknown>(memberOf, mended) as Record<string, unknown>
    for (const name of params.additionalProperties as readonly string[]) {
      if (known.length === 0 || known.includes(name)) continue
      const close = findCloseName(name, known)
      if (close !== undefined && !Object.hasOwn(holder, close)) holder[close] = holder[name]
      delete holder[name]
    }
  }
  return mended
}

function explain(error: SchemaError, content: unknown): { path: Path; message: string }[] {
  const path = parsePointer(error.instancePath, content)
  if (error.keyword === 'additionalProperties' && 'additionalProperties' in error.params) {
    const names = error.params.additionalProperties as readonly string[]
    return names.map((name) => ({ path: [...path, name], message: unknownKey(path, name, content) }))
  }
  // TypeBox reports the member itself too, as a schema that is `false`; the line above says it better.
  if (error.keyword === 'boolean') return []
  if (error.keyword === 'required' && 'requiredProperties' in error.params) {
    const names = error.params.requiredProperties as readonly string[]
    return names.map((name) => ({
      path: [...path, name],
      message: `missing; expected ${expectedAt([...path, name], content)}`,
    }))
  }
  return [{ path, message: `expected ${expectedAt(path, content)}` }]
}

function unknownKey(parent: Path, name: string, content: unknown): string {
  const schema = schemaAt(parent, content)
  const known = Object.keys(propertiesOf(schema))
  if (known.length === 0) return `not a possible name; expected ${schema?.expected ?? 'another name'}`
  const close = findCloseName(name, known)
  return close ? `unknown key; did you mean ${close}?` : `unknown key; possible here: ${known.join(', ')}`
}

/** The keys that are possible; of a word or keys, those keys. */
const propertiesOf = (schema: SchemaNode | undefined): object =>
  schema?.properties ?? schema?.anyOf?.find(({ properties }) => properties)?.properties ?? {}

/** What would be right at a path: of a place that the schema does not know, what would be right around it. */
function expectedAt(path: Path, content: unknown): string {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = schemaAt(path.slice(0, length), content)
    const expected = node && describe(node)
    if (expected) return expected
  }
  return 'another value'
}

function describe(node: SchemaNode): string | undefined {
  if (node.expected) return node.expected
  const known = Object.keys(propertiesOf(node))
  if (known.length > 0) return `keys and values; possible here: ${known.join(', ')}`
  return node.items ? 'a list' : undefined
}

function parsePointer(pointer: string, content: unknown): Path {
  const path: (string | number)[] = []
  let value = content
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(value) ? Number(name) : name)
    value = (value as Record<string, unknown> | undefined)?.[name]
  }
  return path
}
