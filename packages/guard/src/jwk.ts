import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JsonObject } from '@gatehouse/core/json'
import { maxKidLength } from './compact-token.ts'
import { fitsAlgorithm, type SignatureAlgorithm, signatureAlgorithms, type VerificationKey } from './signature.ts'

const maxKeys = 64
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * The usable keys of a JWK set, by id: of several with one id the first. What is unusable is passed over, as RFC 7517
 * section 5 says; at most 64 keys are looked at.
 */
export function parseKeySet(set: JsonObject): Map<string, VerificationKey> {
  const keys = new Map<string, VerificationKey>()
  if (!Array.isArray(set.keys)) return keys
  for (const jwk of set.keys.slice(0, maxKeys)) {
    const key = parseVerificationKey(jwk)
    if (key && !keys.has(key.kid)) keys.set(key.kid, key)
  }
  return keys
}

/**
 * A public JWK as a key, or `undefined` where it is not one that may verify tokens here: it needs a `kid`, an `alg` of
 * the allow list that fits its type and curve, `use` of `sig` or none, and no private member; RSA at 2048 to 8192 bits
 * with an exponent of 65537 to 2^32 - 1. Spec: RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2.
 * Stops: an algorithm taken from the token because the key names none; keys that anyone could sign with, and keys that cost much to
 * check with.
 */
export function parseVerificationKey(jwk: unknown): VerificationKey | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const { kid, alg, use, key_ops, kty, crv, x, y, n, e } = jwk as JsonWebKey
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength) return undefined
  if (typeof alg !== 'string' || !isSignatureAlgorithm(alg)) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.includes('verify'))) return undefined
  if (privateMembers.some((member) => Object.hasOwn(jwk, member))) return undefined
  try {
    const members = { kty, crv, x, y, n, e }
    const present = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
    const key = createPublicKey({ key: present as JsonWebKey, format: 'jwk' })
    const parsed = { kid, alg, key }
    return fitsAlgorithm(parsed) ? parsed : undefined
  } catch {
    // node:crypto says no: a point off the curve, a missing member, an unknown type.
    return undefined
  }
}

const isSignatureAlgorithm = (alg: string): alg is SignatureAlgorithm => signatureAlgorithms.has(alg)
