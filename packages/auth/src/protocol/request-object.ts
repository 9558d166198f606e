import { GatehouseError, reasonBehind } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import type { Clock } from '@gatehouse/core/time'
import { normalizeType, parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import { isSignedBy } from '@gatehouse/guard/signature'
import type { ClientKey } from '../domain/client-keys.ts'
import type { Client } from '../domain/clients.ts'
import { fapi2Algorithms } from '../domain/fapi2.ts'
import type { ClientKeys } from '../domain/find-client-keys.ts'
import { findTimeFault } from '../domain/time-fault.ts'
import { quoteName } from '../http/read-body.ts'

interface Dependencies {
  readonly clock: Clock
  readonly issuer: string
  readonly clientKeys: ClientKeys
}

/** A client, as far as its request objects go. */
export type RequestObjectClient = Pick<Client, 'id' | 'keys' | 'jwks' | 'jwksUri' | 'requestObjectAlg' | 'profile'>

/** Types that a request object may call itself. Spec: RFC 9101 section 10.8. */
const acceptedTypes: ReadonlySet<string> = new Set(['', 'jwt', 'oauth-authz-req+jwt'])
/** Seconds that a request object of the FAPI profile may be valid for. Spec: FAPI 2.0 Message Signing section 5.3.1. */
const longestFapiLifetime = 3600

/** Parameters that a query names several times and a JWT as a list, each value without a space. Spec: RFC 8707 section 2. */
const lists: ReadonlySet<string> = new Set(['resource', 'audience'])

/** Claims of the JWT that are no parameters of the request. */
const claimsOfTheJwt: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'sub'])

/**
 * The parameters of an authorization request that a client has signed: the only ones that count, whatever stands beside it
 * (the caller compares the outer client_id, which must be that of `client`).
 * Spec: RFC 9101 sections 4, 6.2, 6.3 and 10.8. Values come as they would in a query: objects and lists as JSON, numbers
 * and booleans as text.
 * Cost: one signature check; the client's keys may have to be fetched. Error: `invalid_request_object`; the cause says why,
 * and the description where its times alone are wrong.
 * Stops: unsigned requests (`none`), requests made for another server, for another client or of another kind of token, and
 * those that would pass for a client assertion as well.
 */
export async function verifyRequestObject(
  { clock, issuer, clientKeys }: Dependencies,
  client: RequestObjectClient,
  jwt: string,
): Promise<Record<string, string>> {
  const token = parseCompactToken(jwt)
  const header = token && parseJsonPart(token.headerPart)
  const claims = token && parseJsonPart(token.payloadPart)
  if (!token || !header || !claims) throw refused('not a signed token')
  checkHeader(header, client)
  checkClaims(claims, client, issuer, clock.now())
  const timeFault = findTimeFault(claims, clock.now())
  try {
    const key = await findKey(clientKeys, client, header)
    const signed = Buffer.from(jwt.slice(0, token.signedLength))
    if (!isSignedBy(key, signed, Buffer.from(token.signaturePart, 'base64url'))) throw refused('bad signature')
  } catch (error) {
    throw timeFault === undefined ? error : refused(timeFault)
  }
  if (timeFault !== undefined) throw refused(timeFault, `The request object does not count: ${timeFault}`)
  return parametersOf(claims)
}

function checkHeader(header: JsonObject, client: RequestObjectClient): void {
  const { typ = '', alg } = header
  if (typeof typ !== 'string' || !acceptedTypes.has(normalizeType(typ)))
    throw refused('the typ is of another kind of token')
  if ('crit' in header) throw refused('crit is not understood')
  if (typeof alg !== 'string') throw refused('there is no alg')
  if (client.requestObjectAlg !== undefined && alg !== client.requestObjectAlg)
    throw refused('the alg is not the registered one')
  if (client.profile === 'fapi2' && !fapi2Algorithms.has(alg)) throw refused('the profile forbids the alg')
}

async function findKey(clientKeys: ClientKeys, client: RequestObjectClient, header: JsonObject): Promise<ClientKey> {
  let key: ClientKey | undefined
  try {
    key = await clientKeys.findSignatureKey(client, header)
  } catch (error) {
    throw new GatehouseError('invalid_request_object', { cause: reasonBehind(error) })
  }
  if (!key) throw refused('no registered key, or more than one, fits the header')
  return key
}

function checkClaims(claims: JsonObject, client: RequestObjectClient, issuer: string, now: number): void {
  const { iss, sub, aud, exp, nbf, iat, client_id } = claims
  if (iss !== client.id) throw refused('iss must be the client')
  // It would prove the client as well, to whoever reads the address that it stands in.
  if (sub === client.id) throw refused('sub is the client, as in a client assertion: leave it out')
  if (client_id !== undefined && client_id !== client.id) throw refused('client_id must be the client')
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(issuer)) throw refused('aud must be the issuer')
  for (const moment of [exp, nbf, iat]) {
    if (moment !== undefined && !isMoment(moment)) throw refused('exp, nbf or iat is not a time')
  }
  if (client.profile === 'fapi2') {
    if (!isMoment(exp) || !isMoment(nbf)) throw refused('the profile asks for exp and nbf')
    if (nbf < now - longestFapiLifetime || exp > nbf + longestFapiLifetime) throw refused('valid for more than an hour')
  }
  if ('request' in claims || 'request_uri' in claims) throw refused('a request object within a request object')
}

function parametersOf(claims: JsonObject): Record<string, string> {
  const parameters: Record<string, string> = {}
  for (const [name, value] of Object.entries(claims)) {
    if (claimsOfTheJwt.has(name) || value === null || value === undefined) continue
    if (typeof value === 'string') {
      // JSON can write half of a character, and no address can.
      if (/\p{Surrogate}/u.test(value)) throw refused(`${quoteName(name)} is not well-formed Unicode`)
      parameters[name] = value
    } else if (lists.has(name) && Array.isArray(value)) parameters[name] = value.join(' ')
    else parameters[name] = JSON.stringify(value)
  }
  return parameters
}

const isMoment = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const refused = (why: string, description?: string): GatehouseError =>
  new GatehouseError('invalid_request_object', {
    cause: new Error(`request object: ${why}`),
    ...(description !== undefined && { description }),
  })
