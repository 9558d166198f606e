import { constants, type KeyObject, verify } from 'node:crypto'

/** The signature algorithms that are ever accepted; never `none`, never a MAC. Spec: RFC 7518 section 3, RFC 8037. */
export type SignatureAlgorithm = 'ES256' | 'RS256' | 'PS256' | 'EdDSA'

/** A public key together with the one algorithm that it may be used with. */
export interface VerificationKey {
  readonly kid: string
  readonly alg: SignatureAlgorithm
  /** A public key as node:crypto holds it. */
  readonly key: KeyObject
}

/** The names in {@link SignatureAlgorithm}, for checking what came from outside. */
export const signatureAlgorithms: ReadonlySet<string> = new Set<SignatureAlgorithm>([
  'ES256',
  'RS256',
  'PS256',
  'EdDSA',
])

/**
 * Whether `signature` over `signed` was made with the private half of this key, by the key's own algorithm.
 * A key of another type or curve than its algorithm asks for verifies nothing.
 * Cost: one public-key operation (ES256 about 45 us).
 * Stops: an algorithm chosen by whoever made the token (RFC 8725 section 3.1).
 */
export function isSignedBy(key: VerificationKey, signed: Buffer, signature: Buffer): boolean {
  if (!fitsAlgorithm(key)) return false
  switch (key.alg) {
    case 'ES256':
      return signature.length === 64 && verify('sha256', signed, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'EdDSA':
      return signature.length === 64 && verify(null, signed, key.key, signature)
    case 'RS256':
      return verify('sha256', signed, { key: key.key, padding: constants.RSA_PKCS1_PADDING }, signature)
    case 'PS256':
      return verify('sha256', signed, pssOptions(key.key), signature)
  }
}

/** Whether the key is of the type, curve and size that its algorithm asks for; see {@link isRsaInBounds}. Spec: RFC 7518 sections 3.3 to 3.5. */
export function fitsAlgorithm({ alg, key }: VerificationKey): boolean {
  switch (alg) {
    case 'ES256':
      return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
    case 'EdDSA':
      return key.asymmetricKeyType === 'ed25519'
    case 'RS256':
    case 'PS256':
      return key.asymmetricKeyType === 'rsa' && isRsaInBounds(key)
  }
}

const maxModulusLength = 8192
/** What 32 bits hold; nearly every key has 65537. */
const maxPublicExponent = 0xffff_ffffn

/**
 * Whether an RSA key is neither so weak that somebody else could sign with it, nor so dear that checking is an attack: 2048 to
 * 8192 bits, an exponent of 65537 to 2^32 - 1. Spec: RFC 7518 section 3.3.
 */
export function isRsaInBounds(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  return modulusLength >= 2048 && publicExponent >= 65_537n && isAffordable(key)
}

/**
 * Whether a signature of this public key can be checked at an ordinary price: RSA of 8192 bits at the most with an exponent
 * below 2^32, and any other kind. For every key that somebody else has made.
 * Stops: an exponent as long as the modulus, which makes one check cost as much as a hundred.
 */
export function isAffordable({ asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  return modulusLength <= maxModulusLength && publicExponent <= maxPublicExponent
}

/** Whether two keys are the same key for the same algorithm, so that what one has verified holds for the other. */
export const isSameKey = (one: VerificationKey, other: VerificationKey): boolean =>
  one === other || (one.alg === other.alg && (one.key === other.key || one.key.equals(other.key)))

const pssOptions = (key: KeyObject) => ({ key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
