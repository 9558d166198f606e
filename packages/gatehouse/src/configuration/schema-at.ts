import { configurationSchema } from './schema.ts'

/** A part of the schema, read as plain JSON Schema. */
export interface SchemaNode {
  readonly expected?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly const?: unknown
}

/** The schema of the whole file, read as plain JSON Schema: its own types know nothing of what stands where. */
export const wholeSchema = configurationSchema as unknown as SchemaNode

/** Where something stands in the file. */
export type Path = readonly (string | number)[]

/** A member of an object or a list; undefined of anything else. */
export const memberOf = (value: unknown, part: string | number): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined

/** The schema of what stands at a path; of several kinds, the one that it says it is. */
export function schemaAt(path: Path, content: unknown): SchemaNode | undefined {
  let value = content
  let node: SchemaNode | undefined = wholeSchema
  for (const part of path) {
    const options: readonly SchemaNode[] = node?.anyOf ?? (node ? [node] : [])
    value = memberOf(value, part)
    const next: SchemaNode | undefined = options
      .map((option) =>
        typeof part === 'number'
          ? option.items
          : (option.properties?.[part] ?? Object.values(option.patternProperties ?? {})[0]),
      )
      .find((candidate) => candidate !== undefined)
    node = ofItsKind(next, value)
  }
  return node
}

/** Of the possible options the one of the value's kind; as they are where it is of none. */
function ofItsKind(node: SchemaNode | undefined, value: unknown): SchemaNode | undefined {
  const kind = memberOf(value, 'kind')
  return node?.anyOf?.find(({ properties }) => properties?.kind?.const === kind && kind !== undefined) ?? node
}
