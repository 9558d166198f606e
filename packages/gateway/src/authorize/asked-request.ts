import type { VerifiedToken } from '@gatehouse/core/contracts'
import { decodeSegment } from '../normalize-path.ts'
import type { PatternParameter } from '../path-pattern.ts'

/** What a rule is checked against: who asks for what, from where and when. */
export interface AskedRequest {
  readonly token: VerifiedToken | undefined
  /** Milliseconds since 1970. */
  readonly now: number
  readonly method: string
  readonly host: string
  /** Canonical. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  /** From where it comes; `undefined` where nobody who is trusted says so. */
  findAddress(): string | undefined
}

/** A variable of the expressions in rules. */
export type RuleVariable = 'request' | 'path' | 'principal' | 'now'

/** A condition of a rule, compiled. The gateway is handed it by the program, and knows no expression language. */
export interface RuleExpression {
  /** As it is written. */
  readonly text: string
  /** What it reads: {@link RuleVariable}s, `request.query`, `request.address`. Nothing else is built for it. */
  readonly reads: ReadonlySet<string>
  /** True lets the request through; anything else, and whatever is thrown, does not. */
  readonly test: (variables: Partial<Record<RuleVariable, unknown>>) => unknown
}

/** What expressions may read, in the words of their language: the types of {@link buildVariables}'s values. */
export const ruleVariableTypes = {
  request: {
    method: 'string',
    host: 'string',
    path: 'string',
    address: 'string',
    query: 'map<string, string>',
  },
  principal: {
    sub: 'string',
    client_id: 'string',
    scopes: 'list<string>',
    roles: 'list<string>',
    org: 'string',
    sid: 'string',
    acr: 'string',
    amr: 'list<string>',
    auth_time: 'google.protobuf.Timestamp',
    claims: 'map<string, dyn>',
  },
  now: 'google.protobuf.Timestamp',
} as const

/** The values of those variables that an expression names. */
export function buildVariables(
  asked: AskedRequest,
  parameters: readonly PatternParameter[],
  reads: ReadonlySet<string>,
): Partial<Record<RuleVariable, unknown>> {
  const variables: Partial<Record<RuleVariable, unknown>> = {}
  if (reads.has('principal')) variables.principal = buildPrincipal(asked.token)
  if (reads.has('path')) variables.path = readParameters(asked.path, parameters)
  if (reads.has('request')) variables.request = buildRequest(asked, reads)
  if (reads.has('now')) variables.now = new Date(asked.now)
  return variables
}

/** A request in words that go over a network: as conditions read it, but with every value of a query's parameters. */
export function describeAsked(asked: AskedRequest, parameters: readonly PatternParameter[]): object {
  const { method, host, path, token } = asked
  const query: Record<string, string[]> = Object.create(null)
  for (const [name, value] of new URLSearchParams(asked.query)) {
    query[name] ??= []
    query[name].push(value)
  }
  return {
    request: { method, host, path, query, address: asked.findAddress() ?? null },
    principal: token === undefined ? null : buildPrincipal(token),
    path: readParameters(path, parameters),
  }
}

/** A field that nobody has a value for is absent, so that reading it fails and `has()` says so. Made once a token. */
function buildPrincipal(token: VerifiedToken | undefined): object {
  if (token === undefined) return {}
  token.memo.principal ??= describePrincipal(token)
  return token.memo.principal
}

function describePrincipal(token: VerifiedToken): object {
  const { sub, client_id, org, sid, acr, amr, auth_time } = token.claims
  return {
    sub,
    client_id,
    scopes: [...token.scopes],
    roles: [...token.roles],
    ...(org === undefined ? {} : { org }),
    ...(sid === undefined ? {} : { sid }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    ...(auth_time === undefined ? {} : { auth_time: new Date(auth_time * 1000) }),
    claims: token.claims,
  }
}

/** Plain fields: an object with getters of its own would cost more than all else of a condition together. */
function buildRequest(asked: AskedRequest, reads: ReadonlySet<string>): object {
  const { method, host, path, query } = asked
  const request: Record<string, unknown> = { method, host, path }
  if (reads.has('request.query')) request.query = readQuery(query)
  if (reads.has('request.address')) {
    const address = asked.findAddress()
    if (address === undefined) throw new Error('nobody who is trusted says where the request comes from')
    request.address = address
  }
  return request
}

/**
 * The parameters of a query by name, decoded as forms are. One that stands more than once cannot be read, nor asked about:
 * the service may take another of its values than the rule would. Stops: parameter pollution.
 */
function readQuery(query: string): object {
  const values: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(query)) {
    const repeated = name in values
    Object.defineProperty(values, name, {
      enumerable: true,
      configurable: true,
      ...(repeated ? { get: () => failRepeated(name) } : { value }),
    })
  }
  return values
}

function failRepeated(name: string): never {
  throw new Error(`the query has the parameter ${JSON.stringify(name)} more than once`)
}

/** The `{name}` segments of a canonical path, decoded. The path is known to match the pattern. */
export function readParameters(
  path: string,
  parameters: readonly PatternParameter[],
): Readonly<Record<string, string>> {
  const segments = path.split('/')
  const values: Record<string, string> = {}
  for (const { name, index } of parameters) values[name] = decodeSegment(segments[index + 1] ?? '')
  return values
}
