import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { type Clock, seconds, signerClockTolerance } from '@gatehouse/core/time'
import { type CompactToken, normalizeType, parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import { isSignedBy } from '@gatehouse/guard/signature'
import type { Store } from '@gatehouse/store/store'
import type { Client } from '../../domain/clients.ts'
import { fapi2Algorithms } from '../../domain/fapi2.ts'
import { type ClientKeys, createClientKeys } from '../../domain/find-client-keys.ts'
import { findTimeFault } from '../../domain/time-fault.ts'
import type { AddressLimit } from '../../http/address-limit.ts'

/** The only client_assertion_type. Spec: RFC 7523 section 2.2. */
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Types that an assertion may call itself: anything else was made for another purpose (RFC 8725 section 3.11). */
const acceptedTypes: ReadonlySet<string> = new Set(['', 'jwt', 'client-authentication+jwt'])
/** The MACs of client_secret_jwt, and the hash of each. Spec: RFC 7518 section 3.2. */
const macHashes: ReadonlyMap<unknown, string> = new Map([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
])
/** Seconds that an assertion may be valid for at the most. */
const longestLifetime = 300

export interface AssertionDependencies {
  readonly store: Pick<Store, 'usedIdentifiers'>
  readonly clock: Clock
  readonly issuer: string
  /** Assertions with a bad signature, by address. */
  readonly failures: AddressLimit
  /** Assertions of clients that nobody has let in, by address. */
  readonly beginnings: AddressLimit
  /** For keys behind a jwks_uri; without it only keys registered by value are known. */
  readonly clientKeys?: ClientKeys | undefined
}

/** An assertion, and the address that it came from. */
export interface PresentedAssertion {
  readonly assertion: string
  readonly address: string
}

const keysByValue = createClientKeys({})

/** Which client an assertion says that it comes from; nothing about it is believed yet. */
export function assertionClientId(assertion: string): string | undefined {
  const token = parseCompactToken(assertion)
  const subject = token && parseJsonPart(token.payloadPart)?.sub
  return typeof subject === 'string' ? subject : undefined
}

/**
 * Checks a client assertion. Spec: RFC 7523 section 3: signed by a registered key with that key's algorithm or, for
 * client_secret_jwt, by a MAC under the client's secret, in either case with the one that the client has registered; `iss` and `sub` the client, `aud` the issuer alone, valid for
 * five minutes at the most, its `jti` used once. Which of the two it must be is what the client is registered for.
 * Cost: one signature check and one insert; keys behind a jwks_uri may have to be fetched.
 * Errors: `invalid_client`; the cause says why, and the description where its times alone are wrong. `too_many_requests` where too many from this address had a bad signature, or
 * were of clients that registered themselves: each that is good is written down.
 */
export async function checkAssertion(
  dependencies: AssertionDependencies,
  client: Client,
  { assertion, address }: PresentedAssertion,
): Promise<void> {
  const { store, clock, issuer, beginnings } = dependencies
  const token = parseCompactToken(assertion)
  const header = token && parseJsonPart(token.headerPart)
  if (!token || !header) throw refused('not a signed token')
  checkHeader(header, client)
  const claims = parseJsonPart(token.payloadPart)
  if (!claims) throw refused('the payload is not a JSON object')
  // Before the signature: one assertion that nobody would take is not worth checking each time that it comes.
  const { exp, jti } = checkClaims(claims, client.id, issuer)
  const signed = Buffer.from(assertion.slice(0, token.signedLength))
  const prove = async (): Promise<void> => {
    if (client.authMethod === 'client_secret_jwt') checkMac(client, header, signed, token)
    else await checkSignature(dependencies, client, { header, signed, token, address })
  }
  const timeFault = findTimeFault(claims, clock.now())
  if (timeFault !== undefined) throw await refuseMistimed(timeFault, prove)
  if (exp > clock.now() + longestLifetime + signerClockTolerance) throw refused('valid for more than five minutes')
  await prove()
  if (client.isDynamic) beginnings.take(address)
  const first = await store.usedIdentifiers.consume({
    kind: 'client_assertion',
    hash: createHash('sha256').update(`${client.id}\n${jti}`).digest('base64url'),
    expires_at: seconds(exp + signerClockTolerance),
  })
  if (!first) throw refused('the jti was used before')
}

function checkHeader(header: JsonObject, { assertionAlg }: Client): void {
  const typ = header.typ ?? ''
  if (typeof typ !== 'string' || !acceptedTypes.has(normalizeType(typ)))
    throw refused('the typ is of another kind of token')
  if ('crit' in header) throw refused('crit is not understood')
  if (assertionAlg !== undefined && header.alg !== assertionAlg) throw refused('the alg is not the registered one')
}

interface Signed {
  readonly header: JsonObject
  readonly signed: Buffer
  readonly token: CompactToken
  readonly address: string
}

/** The key that the header names or, without a name, the only one; its own algorithm must be the one in the header. */
async function checkSignature(
  { clientKeys = keysByValue, failures }: AssertionDependencies,
  client: Client,
  { header, signed, token, address }: Signed,
): Promise<void> {
  if (client.authMethod !== 'private_key_jwt') throw refused('the client is registered for another method')
  if (client.profile === 'fapi2' && !(typeof header.alg === 'string' && fapi2Algorithms.has(header.alg)))
    throw refused('the profile forbids the alg')
  const key = await clientKeys.findSignatureKey(client, header)
  if (!key) throw refused('no registered key, or more than one, fits the header')
  if (failures.isOver(address)) throw new GatehouseError('too_many_requests', { retryAfter: failures.retryAfter })
  if (isSignedBy(key, signed, Buffer.from(token.signaturePart, 'base64url'))) return
  failures.count(address)
  throw refused('bad signature')
}

/**
 * Only secrets are keys of a MAC, never what is registered as a public key; and every secret is compared, in constant time.
 * Stops: a public key used as the secret of a MAC (RFC 8725 section 2.1).
 */
function checkMac(client: Client, header: JsonObject, signed: Buffer, token: CompactToken): void {
  const hash = macHashes.get(header.alg)
  if (hash === undefined || client.profile === 'fapi2') throw refused('the alg is not one of client_secret_jwt')
  const presented = Buffer.from(token.signaturePart, 'base64url')
  let isRight = false
  for (const secret of client.macSecrets) {
    const mac = createHmac(hash, secret).update(signed).digest()
    isRight = (presented.length === mac.length && timingSafeEqual(presented, mac)) || isRight
  }
  if (!isRight) throw refused('bad MAC')
}

/** Who holds the key hears what is wrong with the time; nobody else hears of more than a client that is not proven. */
const refuseMistimed = (fault: string, prove: () => Promise<void>): Promise<GatehouseError> =>
  prove().then(
    () => refused(fault, `The client assertion does not count: ${fault}`),
    () => refused(fault),
  )

function checkClaims(claims: JsonObject, clientId: string, issuer: string): { exp: number; jti: string } {
  const { iss, sub, aud, exp, iat, nbf, jti } = claims
  // It went through a browser, and may stand in its history.
  if ('response_type' in claims) throw refused('it is a request object')
  if (iss !== clientId || sub !== clientId) throw refused('iss and sub must be the client')
  if (aud !== issuer) throw refused('aud must be the issuer, as one string')
  if (!isMoment(exp)) throw refused('exp is missing')
  if ([iat, nbf].some((moment) => moment !== undefined && !isMoment(moment))) throw refused('iat or nbf is not a time')
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) throw refused('jti is missing')
  return { exp, jti }
}

const isMoment = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const refused = (why: string, description?: string): GatehouseError =>
  new GatehouseError('invalid_client', {
    cause: new Error(`client assertion: ${why}`),
    ...(description !== undefined && { description }),
  })
