import { hash, timingSafeEqual } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { seconds, signerClockTolerance } from '@gatehouse/core/time'
import { LRUCache } from 'lru-cache'
import { isTime } from './claims.ts'
import { normalizeType, parseCompactToken, parseJsonPart } from './compact-token.ts'
import { parseVerificationKey } from './jwk.ts'
import { isSignedBy, type VerificationKey } from './signature.ts'
import { normalizeTargetUri } from './target-uri.ts'
import { buildThumbprint } from './thumbprint.ts'

/** What a proof is checked against. */
export interface DpopExpectation {
  /** The request's method as it was sent. */
  readonly method: string
  /** The request's URL as the client sees it; query and fragment do not count. */
  readonly url: string
  readonly now: Seconds
  /** At a protected resource: the access token that the proof must have been made for. */
  readonly accessToken?: string | undefined
  /** Whether a nonce, or none, will do. Absent = no nonce is asked for. */
  readonly isNonceGood?: ((nonce: string | undefined) => boolean) | undefined
}

/** What a good proof proves. Whether it was seen before is for the caller to find out, by {@link identifyProof}. */
export interface DpopProof {
  /** The thumbprint of the key that signed it: what tokens are bound to. */
  readonly jkt: string
  readonly jti: string
  readonly iat: Seconds
  /** The good nonce that it carries, where one was looked for. */
  readonly nonce?: string
}

/** Why a proof was refused: for the log. */
export type DpopFault =
  | 'malformed'
  | 'wrong_type'
  | 'unknown_algorithm'
  | 'bad_key'
  | 'bad_signature'
  | 'bad_claims'
  | 'wrong_method'
  | 'wrong_url'
  | 'too_old'
  | 'not_yet_valid'
  | 'wrong_token'
  | 'wrong_nonce'

/**
 * The refusal of a proof. `wrong_nonce` comes last but for the signature: all else that such a proof says is good, unless its
 * `iat` is wrong for one without a nonce, which with one may do.
 */
export interface DpopRefusal {
  readonly fault: DpopFault
}

/** Whether this is a refusal and not a proof. */
export const isDpopRefusal = (outcome: DpopProof | DpopRefusal): outcome is DpopRefusal => 'fault' in outcome

/** The signature algorithms of proofs, for metadata. `Ed25519` is what RFC 9864 calls EdDSA with that curve. */
export const dpopAlgorithms: readonly string[] = ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256']

/** Seconds that a proof is good for after it was made. */
const longestAge = 60
/** Seconds that the clock of a client may differ by whose proof carries a good nonce: that says when it was made. */
const toleranceWithNonce = 300
const maxJtiLength = 256

/** What a proof's header says: the key, and its thumbprint. */
interface ProofHeader {
  readonly key: VerificationKey
  readonly jkt: string
}

/** Headers of proofs whose signature was good: those of one key are all the same text. Bounded in number and length. */
const knownHeaders = new LRUCache<string, ProofHeader>({ max: 1000 })
const maxKnownHeaderLength = 1024

/**
 * Checks a DPoP proof but for its replay. Spec: RFC 9449 sections 4.3, 8 and 11.1. Never throws.
 * Cost: one signature check (ES256 about 45 us), and that last, for a proof that is of now and for this very request; reading
 * the key too (about 40 us) the first time that it is seen.
 * Stops: a stolen token used without its key; a proof taken from one request, token or server to another; a MAC keyed with
 * the public key; a private key that its owner has given away; one proof that is sent again and again to be checked.
 */
export function checkDpopProof(proof: string, expected: DpopExpectation): DpopProof | DpopRefusal {
  const parts = parseCompactToken(proof)
  if (!parts) return { fault: 'malformed' }
  const known = knownHeaders.get(parts.headerPart)
  const header = known ?? parseProofHeader(parts.headerPart)
  if (typeof header === 'string') return { fault: header }
  const claimed = checkClaims(parts.payloadPart, header.jkt, expected)
  if (isDpopRefusal(claimed)) return claimed
  const signed = Buffer.from(proof.slice(0, parts.signedLength), 'latin1')
  if (!isSignedBy(header.key, signed, Buffer.from(parts.signaturePart, 'base64url'))) return { fault: 'bad_signature' }
  if (known === undefined && parts.headerPart.length <= maxKnownHeaderLength) knownHeaders.set(parts.headerPart, header)
  return claimed
}

function parseProofHeader(part: string): ProofHeader | DpopFault {
  const header = parseJsonPart(part)
  if (!header || Object.hasOwn(header, 'crit')) return 'malformed'
  const { typ, alg, jwk } = header
  if (typeof typ !== 'string' || normalizeType(typ) !== 'dpop+jwt') return 'wrong_type'
  if (typeof alg !== 'string' || !dpopAlgorithms.includes(alg)) return 'unknown_algorithm'
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return 'bad_key'
  const wanted = alg === 'Ed25519' ? 'EdDSA' : alg
  const named = 'alg' in jwk ? jwk.alg : wanted
  if (named !== wanted && named !== alg) return 'bad_key'
  // The one reading of public keys wants a name and an algorithm, which the key of a proof need not have.
  const key = parseVerificationKey({ ...jwk, kid: 'proof', alg: wanted })
  const jkt = key && buildThumbprint(key.key)
  return key && jkt !== undefined ? { key, jkt } : 'bad_key'
}

function checkClaims(part: string, jkt: string, expected: DpopExpectation): DpopProof | DpopRefusal {
  const claims = parseJsonPart(part)
  if (!claims) return { fault: 'malformed' }
  const { jti, htm, htu, iat, exp, nbf, ath, nonce } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength || !isTime(iat)) return { fault: 'bad_claims' }
  if (typeof htm !== 'string' || typeof htu !== 'string') return { fault: 'bad_claims' }
  if (nonce !== undefined && typeof nonce !== 'string') return { fault: 'bad_claims' }
  if ((exp !== undefined && !isTime(exp)) || (nbf !== undefined && !isTime(nbf))) return { fault: 'bad_claims' }
  if (htm !== expected.method) return { fault: 'wrong_method' }
  if (!isSameTarget(htu, expected.url)) return { fault: 'wrong_url' }
  const { now, isNonceGood } = expected
  if (exp !== undefined && exp <= now) return { fault: 'too_old' }
  const isTimed = isNonceGood !== undefined && nonce !== undefined && isNonceGood(nonce)
  const ahead = isTimed ? toleranceWithNonce : signerClockTolerance
  if (nbf !== undefined && nbf > now + ahead) return { fault: 'not_yet_valid' }
  if (expected.accessToken !== undefined && !isHashOf(ath, expected.accessToken)) return { fault: 'wrong_token' }
  if (isNonceGood && !isTimed && !isNonceGood(nonce)) return { fault: 'wrong_nonce' }
  const isOld = iat < now - (isTimed ? toleranceWithNonce : longestAge)
  if (isOld || iat > now + ahead) {
    // By a nonce its maker's clock need not be ours.
    if (isNonceGood && !isTimed) return { fault: 'wrong_nonce' }
    return { fault: isOld ? 'too_old' : 'not_yet_valid' }
  }
  return { jkt, jti, iat: seconds(iat), ...(isTimed ? { nonce } : {}) }
}

/** Most clients write the URL as it is asked for, and then nothing has to be taken apart. */
function isSameTarget(htu: string, url: string): boolean {
  if (htu === url && !/[?#]/.test(url)) return true
  const asked = normalizeTargetUri(htu)
  return asked !== undefined && asked === normalizeTargetUri(url)
}

function isHashOf(ath: unknown, token: string): boolean {
  const wanted = Buffer.from(hash('sha256', token, 'base64url'))
  const given = Buffer.from(typeof ath === 'string' ? ath : '')
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/**
 * What a proof is remembered by so that it counts once: a hash over key and jti (43 characters), and until when. Whoever
 * asks must refuse the second use until then, in every process. Spec: RFC 9449 section 11.1.
 */
export const identifyProof = ({
  jkt,
  jti,
  iat,
  nonce,
}: DpopProof): { readonly hash: string; readonly expiresAt: Seconds } => ({
  hash: hash('sha256', `${jkt}\n${jti}`, 'base64url'),
  expiresAt: seconds(iat + (nonce === undefined ? longestAge : toleranceWithNonce) + 1),
})
