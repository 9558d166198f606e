import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { isRsaInBounds, type SignatureAlgorithm, type VerificationKey } from '@gatehouse/guard/signature'

/** A key by which a client signs its assertions and request objects. */
export type ClientKey = VerificationKey

/** A key to which answers for a client are encrypted. */
export interface EncryptionKey {
  /** Empty where the key has no name. */
  readonly kid: string
  /** The algorithm that it says it is for; undefined = any that fits its type. */
  readonly alg: string | undefined
  /** Whether it says that it is for encrypting; otherwise it says nothing. */
  readonly isDeclared: boolean
  readonly key: KeyObject
}

/** A JWK set as it was registered. */
export interface JwkSet {
  readonly keys: readonly object[]
}

/** The keys of a JWK set by what they are for. */
export interface ReadKeys {
  readonly signatureKeys: readonly ClientKey[]
  readonly encryptionKeys: readonly EncryptionKey[]
}

/**
 * Reads a JWK set that a client registers by value, and returns its signature keys. Errors: `invalid_request` with which
 * key and why: private members, a symmetric key, RSA under 2048 bits or with an unusual exponent, a key whose algorithm cannot be told.
 * Spec: RFC 7517 section 5, RFC 8725 section 3.5.
 */
export function parseClientKeys(jwks: JwkSet): readonly ClientKey[] {
  return jwks.keys.flatMap((jwk, index) => {
    const read = readKey(jwk)
    if (typeof read !== 'string') return read.signatureKeys
    throw new GatehouseError('invalid_request', { description: `Key ${index + 1} of the key set ${read}` })
  })
}

/** Reads a JWK set, passing over what cannot be used (RFC 7517 section 5). */
export function readKeySet(keys: readonly unknown[]): ReadKeys {
  const read = keys.flatMap((jwk) => {
    const key = typeof jwk === 'object' && jwk !== null ? readKey(jwk) : ''
    return typeof key === 'string' ? [] : [key]
  })
  return {
    signatureKeys: read.flatMap(({ signatureKeys }) => signatureKeys),
    encryptionKeys: read.flatMap(({ encryptionKeys }) => encryptionKeys),
  }
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** What one JWK is good for, or why it is not accepted. */
function readKey(jwk: object): ReadKeys | string {
  if (privateMembers.some((member) => Object.hasOwn(jwk, member))) return 'has private members'
  const { kid, use, alg } = jwk as Readonly<Record<string, unknown>>
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    return 'cannot be read'
  }
  const name = typeof kid === 'string' ? kid : ''
  const signsWith = use === 'enc' ? [] : signatureAlgorithmsOf(key, alg)
  const encrypts = use !== 'sig' && isEncryptionKey(key) && (signsWith.length === 0 || alg === undefined)
  if (signsWith.length === 0 && !encrypts)
    return 'is not usable: give EC P-256, Ed25519 or RSA of 2048 to 8192 bits with the exponent 65537, and a fitting alg'
  const declared = typeof alg === 'string' ? alg : undefined
  return {
    signatureKeys: signsWith.map((signatureAlg) => ({ kid: name, alg: signatureAlg, key })),
    encryptionKeys: encrypts ? [{ kid: name, alg: declared, isDeclared: use === 'enc', key }] : [],
  }
}

/** The algorithms that a key verifies: the one it names, if that fits its type; an RSA key that names none has two. */
function signatureAlgorithmsOf(key: KeyObject, named: unknown): readonly SignatureAlgorithm[] {
  const details = key.asymmetricKeyDetails
  switch (key.asymmetricKeyType) {
    case 'ec':
      return details?.namedCurve === 'prime256v1' && (named === undefined || named === 'ES256') ? ['ES256'] : []
    case 'ed25519':
      return named === undefined || named === 'EdDSA' || named === 'Ed25519' ? ['EdDSA'] : []
    case 'rsa':
      if (!isRsaInBounds(key)) return []
      return named === undefined ? ['RS256', 'PS256'] : named === 'RS256' || named === 'PS256' ? [named] : []
    default:
      return []
  }
}

const encryptionCurves: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

function isEncryptionKey(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'rsa') return isRsaInBounds(key)
  if (key.asymmetricKeyType === 'ec') return encryptionCurves.has(key.asymmetricKeyDetails?.namedCurve)
  return key.asymmetricKeyType === 'x25519'
}
