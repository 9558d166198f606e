import { GatehouseError } from '@gatehouse/core/errors'
import { JsonFaultError, type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import { Compile, type Validator } from 'typebox/schema'
import type { Client } from '../domain/clients.ts'
import type { DescribedDetail } from '../pages/consent.ts'

/** A type of authorization_details as the configuration declares it. */
export interface AuthorizationDetailType {
  /** What people are told when they are asked to agree. */
  readonly description: string
  /** JSON Schema of its members beside `type`; members that it does not name are refused. */
  readonly schema: JsonObject
}

/** Checks and describes rich authorization requests. */
export interface AuthorizationDetails {
  /**
   * Reads the parameter `authorization_details`. Spec: RFC 9396 sections 2 and 5.
   * Error: `invalid_authorization_details` for what is not a list of objects of types that are declared and that the client
   * may ask for, or has members that the type does not know.
   */
  check(text: string, client: Pick<Client, 'authorizationDetailsTypes'>): readonly JsonObject[]
  describe(details: readonly JsonObject[]): readonly DescribedDetail[]
  readonly types: readonly string[]
}

/** Details that one request may have. */
const mostDetails = 20
/** Bytes that they may have together as JSON: the token that carries them must stay short enough to be accepted. */
const mostBytes = 4096
/** How deep they may be nested, the list included: the token that carries them is read with a limit too. */
const deepest = 10

export function createAuthorizationDetails(
  types: () => Readonly<Record<string, AuthorizationDetailType>>,
): AuthorizationDetails {
  const validators = new WeakMap<AuthorizationDetailType, Validator>()
  const validatorOf = (type: AuthorizationDetailType): Validator => {
    const known = validators.get(type) ?? Compile({ additionalProperties: false, ...type.schema, type: 'object' })
    validators.set(type, known)
    return known
  }
  const checkOne = (detail: unknown, allowed: ReadonlySet<string>): JsonObject => {
    if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) throw refused('is not an object')
    const { type: name, ...members } = detail as JsonObject
    const type = typeof name === 'string' && Object.hasOwn(types(), name) ? types()[name] : undefined
    if (!type || !allowed.has(String(name)))
      throw refused('has a type that is unknown, or that this client may not ask for')
    if (!validatorOf(type).Check(members)) throw refused('does not have the form of its type')
    return detail as JsonObject
  }
  return {
    check(text, client) {
      const details = parseList(text)
      if (details.length > mostDetails) throw refused('is one of too many')
      const checked = details.map((detail) => checkOne(detail, client.authorizationDetailsTypes))
      if (Buffer.byteLength(JSON.stringify(checked)) > mostBytes) throw refused('is one too long')
      return checked
    },
    describe: (details) =>
      details.map((detail) => ({
        detail,
        description: types()[String(detail.type)]?.description ?? String(detail.type),
      })),
    get types() {
      return Object.keys(types())
    },
  }
}

function parseList(text: string): readonly unknown[] {
  const value = parseValue(text)
  if (!Array.isArray(value) || value.length === 0) {
    throw new GatehouseError('invalid_authorization_details', {
      description: 'The authorization_details are not a list of objects as JSON',
    })
  }
  return value
}

/** Reads the text as the one member of an object, so that JSON from outside is read under the same rules everywhere. */
function parseValue(text: string): unknown {
  try {
    const { list, ...others } = parseJsonObject(`{"list":${text}}`, { maxDepth: deepest, unique: true })
    return Object.keys(others).length === 0 ? list : undefined
  } catch (error) {
    if (error instanceof JsonFaultError) return undefined
    throw error
  }
}

const refused = (what: string): GatehouseError =>
  new GatehouseError('invalid_authorization_details', { description: `One of the authorization_details ${what}` })
