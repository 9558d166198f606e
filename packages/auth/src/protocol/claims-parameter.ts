import { GatehouseError } from '@gatehouse/core/errors'
import { JsonFaultError, type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import type { ClaimRequest, ClaimsAskedFor, ClaimsParameter } from '../domain/user-claims.ts'

/**
 * Reads the parameter `claims`: which claims are asked for by name. What is not understood of it is left out; what is not of
 * the right form is `invalid_request`. Spec: OpenID Connect Core section 5.5.
 */
export function parseClaimsParameter(text: string): ClaimsParameter {
  let value: JsonObject
  try {
    value = parseJsonObject(text, { maxDepth: 6, unique: true })
  } catch (fault) {
    if (fault instanceof JsonFaultError) throw malformed()
    throw fault
  }
  const id_token = parseMember(value.id_token)
  const userinfo = parseMember(value.userinfo)
  return { ...(id_token ? { id_token } : {}), ...(userinfo ? { userinfo } : {}) }
}

function parseMember(member: unknown): ClaimsAskedFor | undefined {
  if (member === undefined || member === null) return undefined
  if (!isObject(member)) throw malformed()
  const asked: Record<string, ClaimRequest | null> = {}
  for (const [name, request] of Object.entries(member)) {
    if (request === null) asked[name] = null
    else if (isObject(request)) asked[name] = parseClaim(request)
    else throw malformed()
  }
  return asked
}

function parseClaim({ essential, value, values }: JsonObject): ClaimRequest {
  if (essential !== undefined && typeof essential !== 'boolean') throw malformed()
  if (values !== undefined && !Array.isArray(values)) throw malformed()
  return {
    ...(essential === undefined ? {} : { essential }),
    ...(value === undefined ? {} : { value }),
    ...(values === undefined ? {} : { values }),
  }
}

/** The texts that are acceptable for a claim: `value`, or `values`; undefined where any is. */
export function acceptableValues(request: ClaimRequest | null | undefined): readonly string[] | undefined {
  if (!request) return undefined
  const values = request.values ?? (request.value === undefined ? undefined : [request.value])
  return values?.filter((value): value is string => typeof value === 'string')
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const malformed = (): GatehouseError =>
  new GatehouseError('invalid_request', { description: 'The parameter claims is not of the right form' })
