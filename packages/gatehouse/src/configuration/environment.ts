import { findCloseName } from './close-name.ts'
import { parseScalar, type ScalarKind, scalarKinds } from './scalar.ts'
import { type SchemaNode, wholeSchema } from './schema-at.ts'

/** A scalar key and the variable that sets it. */
export interface EnvironmentKey {
  readonly name: string
  readonly path: readonly string[]
  readonly kinds: ReadonlySet<ScalarKind>
}

const prefix = 'GATEHOUSE_'

/**
 * Every scalar key of the file with the variable that can set it: `tokens.access_token_lifetime` is
 * GATEHOUSE_TOKENS_ACCESS_TOKEN_LIFETIME. What is named by the user (services, clients) stands in the file alone, and lists do.
 */
export function environmentKeys(): readonly EnvironmentKey[] {
  return collect(wholeSchema, [])
}

function collect(schema: SchemaNode, path: readonly string[]): EnvironmentKey[] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, below]) => collect(below, [...path, name]))
  }
  const kinds = scalarKinds(schema)
  return kinds.size === 0 ? [] : [{ name: `${prefix}${path.join('_').toUpperCase()}`, path, kinds }]
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
    setAt(content as Record<string, unknown>, key.path, parseScalar(value, key.kinds))
    applied.push(key)
  }
  return applied
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

/** Variables of Gatehouse that set no key of the file. */
const otherVariables: ReadonlySet<string> = new Set(['GATEHOUSE_CONFIG', 'GATEHOUSE_WORKER_ROLE'])
/** What Kubernetes and Docker tell every container of a service that is called gatehouse or begins so. */
const serviceLink = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/

/**
 * A sentence for each variable that looks as if it set a key and sets none. `used` are those that the file names. It is no fault:
 * others may give their variables such names.
 */
export function findStrayVariables(environment: NodeJS.ProcessEnv, used: ReadonlySet<string>): readonly string[] {
  const known = environmentKeys().map(({ name }) => name)
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !serviceLink.test(name))
    .filter((name) => !known.includes(name) && !otherVariables.has(name) && !used.has(name))
    .sort()
    .map((name) => {
      const close = findCloseName(name, [...known, ...otherVariables])
      const advice =
        close === undefined ? 'lists, and what has a name of yours, stand in the file alone' : `did you mean ${close}?`
      return `environment variable ${name}: sets no key; ${advice}`
    })
}
