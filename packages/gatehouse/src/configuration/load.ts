import { isDeepStrictEqual } from 'node:util'
import { checkShape, isConfigurationFile, mendUnknownKeys } from './check-shape.ts'
import { applyEnvironment, findStrayVariables } from './environment.ts'
import { makePathsAbsolute } from './paths.ts'
import { ConfigurationError, formatKey, formatProblem, type Problem, type Report } from './problem.ts'
import { type ReadFile, readConfigurationFile } from './read-file.ts'
import { type ResolvedConfiguration, resolveConfiguration } from './resolve.ts'
import { loadForProviders } from './resolve-providers.ts'
import { loadRuleCompiler } from './rule-compiler.ts'
import { parseScalar, scalarKinds } from './scalar.ts'
import type { ConfigurationFile } from './schema.ts'
import { memberOf, type Path, schemaAt } from './schema-at.ts'

/** How a configuration is loaded. */
export interface LoadOptions {
  readonly file: string
  readonly development: boolean
  readonly environment: NodeJS.ProcessEnv
  /** What lies under the file's content: in development the demo's users and clients. The file wins. */
  readonly base?: Readonly<Record<string, unknown>>
}

/**
 * Loads a configuration and checks all of it, so that one run tells every problem; whether values can be meant is seen once each is
 * of the right form and every variable is set. Throws {@link ConfigurationError}. Reads the file and the environment, and opens nothing.
 */
export async function loadConfiguration(options: LoadOptions): Promise<ResolvedConfiguration> {
  const read = readConfigurationFile(options.file, options.environment)
  if (isObject(read.content) && 'providers' in read.content) await loadForProviders(read.content.providers)
  if (isObject(read.content) && hasConditions(read.content.services)) await loadRuleCompiler()
  return checkConfiguration(read, options)
}

/** Checks a file that has been read; see {@link loadConfiguration}. With providers, {@link loadForProviders} comes first, with conditions in rules `loadRuleCompiler`. */
export function checkConfiguration(
  read: ReadFile,
  { development, environment, base }: Omit<LoadOptions, 'file'>,
): ResolvedConfiguration {
  if (typeof read.content !== 'object' || read.content === null || Array.isArray(read.content)) {
    throw new ConfigurationError([
      {
        file: read.file,
        line: 1,
        key: '',
        message: 'expected keys and values, such as issuer: https://auth.example.com',
      },
    ])
  }
  const content: object = merge(base ?? {}, read.content as Record<string, unknown>)
  for (const path of read.replaced) parseReplaced(content, path)
  const fromEnvironment = new Map(
    applyEnvironment(content, environment).map(({ path, name }) => [formatKey(path), name]),
  )
  const place = (path: readonly (string | number)[]): Pick<Problem, 'file' | 'line'> => {
    const variable = fromEnvironment.get(formatKey(path))
    return variable === undefined
      ? { file: read.file, line: read.lineOf(path) }
      : { file: `environment variable ${variable}`, line: undefined }
  }
  // What a variable sets need not stand in the file.
  const unset = read.problems.filter(({ key }) => !fromEnvironment.has(key))
  const shape = checkShape(content, place).filter(({ key }) => !unset.some((problem) => problem.key === key))
  const resolve = (checked: ConfigurationFile) => {
    makePathsAbsolute(checked, { file: read.file, isFromEnvironment: (path) => fromEnvironment.has(formatKey(path)) })
    const [problems, warned]: [Problem[], Problem[]] = [[], []]
    const into =
      (noted: Problem[]): Report =>
      (path, message) =>
        noted.push({ ...place(path), key: formatKey(path), message })
    const resolved = resolveConfiguration(checked, {
      file: read.file,
      development,
      report: into(problems),
      warn: into(warned),
    })
    return { resolved, problems, warned }
  }
  if (unset.length + shape.length > 0 || !isConfigurationFile(content)) {
    const mended = mendUnknownKeys(content)
    const canGoOn = unset.length === 0 && isConfigurationFile(mended) && needsNothingElse(content, mended)
    throw new ConfigurationError([...unset, ...shape, ...(canGoOn ? resolve(mended).problems : [])])
  }
  const { resolved, problems, warned } = resolve(content)
  if (problems.length > 0) throw new ConfigurationError(problems)
  const strays = findStrayVariables(environment, read.variables)
  return { ...resolved, warnings: [...resolved.warnings, ...warned.map(formatProblem), ...strays] }
}

/** Whether what has been loaded for one content is enough for another. */
const needsNothingElse = (loaded: { providers?: unknown; services?: unknown }, other: typeof loaded): boolean =>
  isDeepStrictEqual(loaded.providers, other.providers) &&
  (hasConditions(loaded.services) || !hasConditions(other.services))

/** Makes of the text that a variable left what the schema takes there, as if it stood in the file. */
function parseReplaced(content: object, path: Path): void {
  const holder = path.slice(0, -1).reduce<unknown>(memberOf, content)
  const name = path.at(-1)
  const text = name === undefined ? undefined : memberOf(holder, name)
  const node = schemaAt(path, content)
  if (typeof text !== 'string' || name === undefined || !node) return
  // It has such a member, so that it is an object or a list.
  const members = holder as Record<string | number, unknown>
  members[name] = parseScalar(text, scalarKinds(node))
}

/** Whether anything under the services has the name of what holds expressions; whether it is that is seen later. */
const hasConditions = (services: unknown): boolean =>
  Array.isArray(services)
    ? services.some(hasConditions)
    : isObject(services) &&
      Object.entries(services).some(([key, value]) => key === 'when' || key === 'remote' || hasConditions(value))

/** Two levels deep: a service or a client is taken whole. */
function merge(
  base: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base, ...over }
  for (const [name, below] of Object.entries(base)) {
    const above = over[name]
    if (isObject(below) && isObject(above)) merged[name] = { ...below, ...above }
  }
  return merged
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
