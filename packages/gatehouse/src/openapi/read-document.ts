import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { type OperationSecurity, parseSecurity } from './security.ts'

/** One operation of a document: what may be asked, and by whom. */
export interface Operation {
  /** In capitals. */
  readonly method: string
  /** As the document has it. */
  readonly path: string
  /** Where it is asked for: the path of its servers and its own. Several where it cannot be said which of them it is. */
  readonly templates: readonly string[]
  /** Why it cannot be said where it is. */
  readonly fault?: string
  readonly security: OperationSecurity
}

/** What is read of an OpenAPI document. */
export interface OpenApiDocument {
  /** The path of its servers, without a slash at the end; empty where there is none. */
  readonly basePath: string
  readonly operations: readonly Operation[]
}

/** A document that cannot be read; the message says what to do. */
export class OpenApiError extends Error {}

type Members = Readonly<Record<string, unknown>>

/** `query` since 3.2, which has a place for further ones too. */
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'] as const

/** Reads a file, YAML or JSON; see {@link parseOpenApi}. */
export function readOpenApi(file: string, basePath?: string): OpenApiDocument {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new OpenApiError(`${file}: the file cannot be read`, { cause })
  }
  try {
    return parseOpenApi(text, basePath)
  } catch (error) {
    if (error instanceof OpenApiError) throw new OpenApiError(`${file}: ${error.message}`, { cause: error })
    throw error
  }
}

/**
 * Reads paths, methods, servers and `security` of a document of OpenAPI 3.0 to 3.2; everything else of it is left alone.
 * References are followed within the document. `basePath` stands for what its servers say. Error: {@link OpenApiError}.
 * Spec: OpenAPI 3.1 sections 4.8.5, 4.8.8 to 4.8.10, 4.8.23, 4.8.27 and 4.8.30; 3.2 section 4.9.1 (`additionalOperations`).
 */
export function parseOpenApi(text: string, basePath?: string): OpenApiDocument {
  const root = readMembers(text)
  if (typeof root.swagger === 'string') {
    throw new OpenApiError(`Swagger ${root.swagger} is not read: convert it to OpenAPI 3`)
  }
  if (typeof root.openapi !== 'string' || !root.openapi.startsWith('3.')) {
    throw new OpenApiError('no OpenAPI document of version 3: the member `openapi` is missing or another')
  }
  if (!/^3\.[012](\.|$)/.test(root.openapi)) {
    throw new OpenApiError(`OpenAPI ${root.openapi} is not read: 3.0, 3.1 and 3.2 are`)
  }
  const base = checkBasePath(basePath ?? findBasePath(root))
  const schemes = asMembers(asMembers(root.components).securitySchemes)
  const find = (name: string): Members | undefined =>
    Object.hasOwn(schemes, name) ? resolve(root, schemes[name], `securitySchemes.${name}`) : undefined
  const operations: Operation[] = []
  for (const [path, value] of Object.entries(asMembers(root.paths))) {
    if (path.startsWith('x-')) continue
    const item = resolve(root, value, path)
    for (const [method, written] of operationsOf(item)) {
      const operation = resolve(root, written, `${method} ${path}`)
      const { security = root.security } = operation
      const servers = operation.servers ?? item.servers
      const place = placeOf(path, base, servers, basePath !== undefined)
      operations.push({ method, path, ...place, security: parseSecurity(security, find) })
    }
  }
  if (operations.length === 0) throw new OpenApiError('the document has no operation under `paths`')
  return { basePath: base, operations }
}

/** By method, in capitals but for those that the document names in letters of its own. */
const operationsOf = (item: Members): readonly (readonly [string, unknown])[] => [
  ...methods.flatMap((method) => (item[method] === undefined ? [] : [[method.toUpperCase(), item[method]] as const])),
  ...Object.entries(asMembers(item.additionalOperations)),
]

/** Where an operation is asked for, which may have other servers than the document. */
function placeOf(
  path: string,
  base: string,
  servers: unknown,
  isToldBase: boolean,
): Pick<Operation, 'templates' | 'fault'> {
  if (!Array.isArray(servers) || servers.length === 0) return { templates: [base + path] }
  let own: readonly string[]
  try {
    own = [...new Set(pathsOfServers(servers).map(checkBasePath))]
  } catch (error) {
    if (!(error instanceof OpenApiError)) throw error
    return { templates: [base + path], fault: 'its own servers cannot be read: write the rule by hand' }
  }
  const said = own.map((one) => one || '/').join(', ')
  if (isToldBase) {
    const fault = `it has servers of its own (${said}), for which --base-path does not stand: write the rule by hand`
    return { templates: [...new Set([base, ...own])].map((one) => one + path), fault }
  }
  const templates = own.map((one) => one + path)
  return own.length === 1
    ? { templates }
    : { templates, fault: `its own servers have different paths (${said}): write the rule by hand` }
}

function readMembers(text: string): Members {
  // Merge keys are of YAML 1.1, and what writes documents still has them.
  const document = parseDocument(text, { uniqueKeys: true, merge: true })
  const [error] = document.errors
  if (error) throw new OpenApiError(`neither YAML nor JSON: ${error.message.split('\n', 1)[0] ?? ''}`)
  try {
    // Aliases multiply what they stand for: so many are a document's, more are an attack on whoever reads it.
    return asMembers(document.toJS({ maxAliasCount: 100 }))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new OpenApiError(`an alias or a merge key (<<) of it cannot be read: ${why}`, { cause })
  }
}

const asMembers = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {}

/** What stands there, or what it refers to. */
function resolve(root: Members, value: unknown, where: string): Members {
  let found = asMembers(value)
  for (let step = 0; typeof found.$ref === 'string'; step += 1) {
    const reference = found.$ref
    if (!reference.startsWith('#/')) {
      throw new OpenApiError(`${where} refers to ${reference}, in another document: bundle them into one`)
    }
    if (step === 10) throw new OpenApiError(`${where}: its references lead in a circle`)
    const next = reference.slice(2).split('/').map(readPointerPart).reduce<unknown>(member, root)
    if (next === undefined) throw new OpenApiError(`${where} refers to ${reference}, which is not there`)
    // What stands beside a reference adds to what it refers to.
    const { $ref: _, ...beside } = found
    found = { ...asMembers(next), ...beside }
  }
  return found
}

/** Spec: RFC 6901 section 4, within a URI fragment. */
const readPointerPart = (part: string): string => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')

const member = (value: unknown, name: string): unknown =>
  Object.hasOwn(asMembers(value), name) ? asMembers(value)[name] : undefined

function findBasePath({ servers }: Members): string {
  const paths = pathsOfServers(servers)
  const [first = '/', ...others] = paths
  if (others.some((other) => other !== first)) {
    throw new OpenApiError(`its servers have different paths (${paths.join(', ')}): choose one with --base-path`)
  }
  return first
}

const pathsOfServers = (servers: unknown): readonly string[] =>
  (Array.isArray(servers) ? servers : []).map((server) => pathOfServer(asMembers(server)))

function pathOfServer({ url, variables }: Members): string {
  if (typeof url !== 'string') return '/'
  const filled = url.replace(/\{([^}]*)\}/g, (whole, name: string) => {
    const { default: value } = asMembers(asMembers(variables)[name])
    return typeof value === 'string' ? value : whole
  })
  if (!URL.canParse(filled, 'http://localhost')) throw new OpenApiError(`the server ${url} is no URL: use --base-path`)
  return new URL(filled, 'http://localhost').pathname
}

function checkBasePath(path: string): string {
  if (!/^(\/[\w.~-]+)*\/?$/.test(path)) throw new OpenApiError(`${path} is no base path, such as /v1: use --base-path`)
  return path.replace(/\/$/, '')
}
