import { BlockList, isIP } from 'node:net'
import type { RuleExpression } from './asked-request.ts'
import { createRemoteDecider, type RemoteDecider, type RemoteDefinition } from './remote-decider.ts'

/** Who may call at all: a user, whoever has a valid token, anybody with an identity if there is one, or anybody. */
export type Caller = 'signed-in' | 'token' | 'optional' | 'nothing'

/** What a rule asks beside the caller; keys together mean and. */
export interface RuleDefinition {
  /** Absent = `token`. */
  readonly caller?: Caller
  readonly scopes?: readonly string[]
  readonly roles?: readonly string[]
  readonly acr?: readonly string[]
  /** Seconds. */
  readonly maxAge?: number
  /** Any of these organisations by id, or `required`: any at all. */
  readonly org?: 'required' | readonly string[]
  /** Any of these, by client id. */
  readonly clients?: readonly string[]
  /** Addresses and CIDR ranges: any of them. */
  readonly addresses?: readonly string[]
  /** All of them. */
  readonly when?: readonly RuleExpression[]
  /** Who is asked once all else holds. */
  readonly remote?: RemoteDefinition
}

/** What a route asks of its caller, as written in the configuration. */
export type RequireDefinition = Caller | RuleDefinition

/** What a route asks of its caller, ready to be checked. */
export interface Requirement {
  /** Whether credentials are looked at, and whether there must be some. */
  readonly credentials: 'ignored' | 'optional' | 'required'
  readonly userOnly: boolean
  /** All of them. */
  readonly scopes: readonly string[]
  /** Any of them; empty = no role is asked for. */
  readonly roles: readonly string[]
  /** Classes of sign-in: any of them, the one to ask for first; empty = none is asked for. */
  readonly acr: readonly string[]
  /** How long ago the user may have signed in, in seconds. */
  readonly maxAge: number | undefined
  /** Any of these organisations; empty = any organisation; absent = it does not matter. */
  readonly organisations: readonly string[] | undefined
  /** Any of them; empty = any client. */
  readonly clients: readonly string[]
  /** Absent = from anywhere. */
  readonly addresses: BlockList | undefined
  /** All of them. */
  readonly when: readonly RuleExpression[]
  /** Asked once all else holds; see `askRemote`. */
  readonly remote: RemoteDecider | undefined
  /** What would satisfy it: a sentence for the log. */
  readonly needed: string
}

/** Makes a rule ready. The definition is known to be well-formed; see `checkDefinition`. */
export function buildRequirement(definition: RequireDefinition): Requirement {
  const rule: RuleDefinition = typeof definition === 'object' ? definition : { caller: definition }
  const {
    caller = 'token',
    scopes = [],
    roles = [],
    acr = [],
    maxAge,
    org,
    clients = [],
    addresses,
    when = [],
    remote,
  } = rule
  return {
    credentials: caller === 'nothing' ? 'ignored' : caller === 'optional' ? 'optional' : 'required',
    // A client on its own behalf has not signed in, and no step-up could make it.
    userOnly: caller === 'signed-in' || acr.length > 0 || maxAge !== undefined,
    scopes: [...scopes],
    roles: [...roles],
    acr: [...acr],
    maxAge,
    organisations: org === 'required' ? [] : org && [...org],
    clients: [...clients],
    addresses: addresses && buildAddressList(addresses),
    when: [...when],
    remote: remote && createRemoteDecider(remote),
    needed: describe(rule),
  }
}

const callers: Readonly<Record<Caller, string>> = {
  nothing: 'nothing',
  optional: 'no token, or a valid one',
  'signed-in': 'a valid token of a user',
  token: 'a valid token',
}

function describe({ caller = 'token', org, addresses = [], when = [], remote, ...rule }: RuleDefinition): string {
  const { scopes = [], roles = [], acr = [], maxAge, clients = [] } = rule
  const parts: string[] = []
  if (scopes.length > 0) parts.push(`all of the scopes ${scopes.join(' ')}`)
  if (roles.length > 0) parts.push(`any of the roles ${roles.join(' ')}`)
  if (acr.length > 0) parts.push(`a sign-in of any of the classes ${acr.join(' ')}`)
  if (maxAge !== undefined) parts.push(`a sign-in at most ${maxAge} s ago`)
  if (org === 'required') parts.push('an organisation')
  else if (org !== undefined) parts.push(`any of the organisations ${org.join(' ')}`)
  if (clients.length > 0) parts.push(`any of the clients ${clients.join(' ')}`)
  const bearer = parts.length === 0 ? callers[caller] : `${callers[caller]} with ${parts.join(' and ')}`
  const others = [
    ...(addresses.length > 0 ? [`an address in ${addresses.join(' ')}`] : []),
    ...when.map(({ text }) => `what makes this true: ${text}`),
    ...(remote ? [`a yes from ${remote.url}`] : []),
  ]
  const all = bearer === 'nothing' && others.length > 0 ? others : [bearer, ...others]
  return all.join(', and ')
}

/** Reads an address or a CIDR range into its address and how many of its bits count; `undefined` for anything else. */
export function parseAddressRange(text: string): { readonly address: string; readonly bits: number } | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const most = { 0: undefined, 4: 32, 6: 128 }[isIP(address)]
  if (most === undefined || address.includes('%') || rest.length > 0) return undefined
  if (length === undefined) return { address, bits: most }
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
  return bits <= most ? { address, bits } : undefined
}

function buildAddressList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of ranges) {
    const range = parseAddressRange(text)
    if (range) list.addSubnet(range.address, range.bits, range.address.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}
