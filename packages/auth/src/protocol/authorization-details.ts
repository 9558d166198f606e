import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
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
    if (!type || !allowed.has(String(name))) throw refused('has a type that is unknown, or not this client’s')
    if (!validatorOf(type).Check(members)) throw refused('does not have the form of its type')
    return detail as JsonObject
  }
  return {
    check(text, client) {
      const details = parseList(text)
      if (details.length > mostDetails) throw refused('is one of too many')
      return details.map((detail) => checkOne(detail, client.authorizationDetailsTypes))
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
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (!Array.isArray(value) || value.length === 0) {
    throw new GatehouseError('invalid_authorization_details', {
      description: 'The authorization_details are not a list of objects as JSON',
    })
  }
  return value
}

const refused = (what: string): GatehouseError =>
  new GatehouseError('invalid_authorization_details', { description: `One of the authorization_details ${what}` })
