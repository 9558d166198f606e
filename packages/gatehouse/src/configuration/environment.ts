import type { TSchema } from 'typebox'
import { configurationSchema } from './schema.ts'

/** A scalar key and the variable that sets it. */
export interface EnvironmentKey {
  readonly name: string
  readonly path: readonly string[]
  readonly type: 'string' | 'boolean' | 'integer'
}

interface SchemaNode {
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly anyOf?: readonly SchemaNode[]
  readonly patternProperties?: object
}

/**
 * Every scalar key of the file with the variable that can set it: `tokens.access_token_lifetime` is
 * GATEHOUSE_TOKENS_ACCESS_TOKEN_LIFETIME. What is named by the user (services, clients) stands in the file alone.
 */
export function environmentKeys(schema: TSchema = configurationSchema): readonly EnvironmentKey[] {
  return collect(schema as SchemaNode, [])
}

function collect(schema: SchemaNode, path: readonly string[]): EnvironmentKey[] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, below]) => collect(below, [...path, name]))
  }
  const type = schema.type ?? (schema.anyOf ? 'string' : undefined)
  if (schema.patternProperties || (type !== 'string' && type !== 'boolean' && type !== 'integer')) return []
  return [{ name: `GATEHOUSE_${path.join('_').toUpperCase()}`, path, type }]
}

/**
 * Puts what the environment sets over what the file says; answers with the keys that it set.
 * A value that does not look like its type is left as text, for the schema to refuse by name.
 */
export function applyEnvironment(content: object, environment: NodeJS.ProcessEnv): readonly EnvironmentKey[] {
  const applied: EnvironmentKey[] = []
  for (const key of environmentKeys()) {
    const value = environment[key.name]
    if (value === undefined || value === '') continue
    setAt(content as Record<string, unknown>, key.path, convert(value, key.type))
    applied.push(key)
  }
  return applied
}

function convert(value: string, type: EnvironmentKey['type']): unknown {
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  if (/^\d+$/.test(value) && (type === 'integer' || value.length < 3)) return Number(value)
  return value
}

function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...below] = path
  if (below.length === 0) {
    target[name] = value
    return
  }
  const inner = typeof target[name] === 'object' && target[name] !== null ? target[name] : {}
  target[name] = inner
  setAt(inner as Record<string, unknown>, below, value)
}
