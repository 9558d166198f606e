import { createHash } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { type Clock, seconds } from '@gatehouse/core/time'
import { parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import { isSignedBy } from '@gatehouse/guard/signature'
import type { Store } from '@gatehouse/store/store'
import type { Client } from '../../domain/clients.ts'

/** The only client_assertion_type. Spec: RFC 7523 section 2.2. */
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Types that an assertion may call itself: anything else was made for another purpose (RFC 8725 section 3.11). */
const acceptedTypes: ReadonlySet<string> = new Set(['', 'jwt', 'client-authentication+jwt'])
/** Seconds that an assertion may be valid for at the most. */
const longestLifetime = 300
/** Seconds that a client's clock may be ahead. */
const tolerance = 10

export interface AssertionDependencies {
  readonly store: Pick<Store, 'usedIdentifiers'>
  readonly clock: Clock
  readonly issuer: string
}

/** Which client an assertion says that it comes from; nothing about it is believed yet. */
export function assertionClientId(assertion: string): string | undefined {
  const token = parseCompactToken(assertion)
  const subject = token && parseJsonPart(token.payloadPart)?.sub
  return typeof subject === 'string' ? subject : undefined
}

/**
 * Checks a client assertion. Spec: RFC 7523 section 3: signed by a registered key with that key's algorithm, `iss` and
 * `sub` the client, `aud` the issuer alone, valid for five minutes at the most, its `jti` used once.
 * Cost: one signature check and one insert. Error: `invalid_client`; the cause says why.
 */
export async function checkAssertion(
  { store, clock, issuer }: AssertionDependencies,
  client: Client,
  assertion: string,
): Promise<void> {
  const token = parseCompactToken(assertion)
  const header = token && parseJsonPart(token.headerPart)
  if (!token || !header) throw refused('not a signed token')
  checkHeader(header)
  const key = findKey(client, header)
  const signed = Buffer.from(assertion.slice(0, token.signedLength))
  if (!isSignedBy(key, signed, Buffer.from(token.signaturePart, 'base64url'))) throw refused('bad signature')

  const claims = parseJsonPart(token.payloadPart)
  if (!claims) throw refused('the payload is not a JSON object')
  const { exp, jti } = checkClaims(claims, client.id, issuer, clock.now())
  const first = await store.usedIdentifiers.consume({
    kind: 'client_assertion',
    hash: createHash('sha256').update(`${client.id}\n${jti}`).digest('base64url'),
    expires_at: seconds(exp + tolerance),
  })
  if (!first) throw refused('the jti was used before')
}

function checkHeader(header: JsonObject): void {
  const typ = header.typ ?? ''
  if (typeof typ !== 'string' || !acceptedTypes.has(typ.toLowerCase()))
    throw refused('the typ is of another kind of token')
  if ('crit' in header) throw refused('crit is not understood')
}

/** The key that the header names or, without a name, the only one; its own algorithm must be the one in the header. */
function findKey(client: Client, header: JsonObject): Client['keys'][number] {
  const named = header.kid === undefined ? client.keys : client.keys.filter((key) => key.kid === header.kid)
  const [key, ...others] = named.filter((candidate) => candidate.alg === header.alg)
  if (!key || others.length > 0) throw refused('no registered key, or more than one, fits the header')
  return key
}

function checkClaims(claims: JsonObject, clientId: string, issuer: string, now: number): { exp: number; jti: string } {
  const { iss, sub, aud, exp, iat, nbf, jti } = claims
  if (iss !== clientId || sub !== clientId) throw refused('iss and sub must be the client')
  if (aud !== issuer) throw refused('aud must be the issuer, as one string')
  if (!isMoment(exp)) throw refused('exp is missing')
  if (exp <= now) throw refused('expired')
  if (exp > now + longestLifetime + tolerance) throw refused('valid for more than five minutes')
  for (const moment of [iat, nbf]) {
    if (moment !== undefined && (!isMoment(moment) || moment > now + tolerance))
      throw refused('iat or nbf is in the future')
  }
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) throw refused('jti is missing')
  return { exp, jti }
}

const isMoment = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const refused = (why: string): GatehouseError =>
  new GatehouseError('invalid_client', { cause: new Error(`client assertion: ${why}`) })
