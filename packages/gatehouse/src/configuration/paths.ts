import { dirname, resolve } from 'node:path'
import { configurationSchema } from './schema.ts'

interface SchemaNode {
  readonly isPath?: boolean
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
}

type Path = readonly (string | number)[]

/**
 * Makes every path in a configuration absolute, in place: what stands in the file counts from its folder, so that it means the
 * same wherever a command is run; what a variable sets, from the working directory, as on the command line.
 */
export function makePathsAbsolute(
  content: object,
  { file, isFromEnvironment }: { readonly file: string; isFromEnvironment(path: Path): boolean },
): void {
  const folder = dirname(file)
  visit(
    configurationSchema as unknown as SchemaNode,
    content,
    [],
    (
      value,
      path, // read as plain JSON Schema
    ) => (isAddress(value) ? value : isFromEnvironment(path) ? resolve(value) : resolve(folder, value)),
  )
}

/** A database that is no file: `postgres://…`, `:memory:`. */
const isAddress = (value: string): boolean => value.includes('://') || value === ':memory:'

/** Puts into the place of each path what `change` makes of it; answers with what is to stand in the place of this value. */
function visit(node: SchemaNode, value: unknown, path: Path, change: (value: string, path: Path) => string): unknown {
  if (typeof value === 'string') return node.isPath ? change(value, path) : value
  if (typeof value !== 'object' || value === null) return value
  const option = optionFor(node, value)
  const members = value as Record<string | number, unknown>
  for (const [name, member] of Object.entries(value)) {
    const part = Array.isArray(value) ? Number(name) : name
    const below = typeof part === 'number' ? option?.items : (option?.properties?.[part] ?? anyName(option))
    if (below) members[part] = visit(below, member, [...path, part], change)
  }
  return value
}

const anyName = (node: SchemaNode | undefined): SchemaNode | undefined =>
  Object.values(node?.patternProperties ?? {})[0]

/** Of several forms the one that a list or an object can have; of several kinds the one that it says it is. */
function optionFor(node: SchemaNode, value: object): SchemaNode | undefined {
  if (!node.anyOf) return node
  if (Array.isArray(value)) return node.anyOf.find(({ items }) => items)
  const kind = 'kind' in value ? value.kind : undefined
  const forms = node.anyOf.filter(({ properties, patternProperties }) => properties ?? patternProperties)
  return forms.find(({ properties }) => properties?.kind?.const === kind) ?? forms[0]
}
