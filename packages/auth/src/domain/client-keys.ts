import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import type { VerificationKey } from '@gatehouse/guard/access-token'

/** A key by which a client signs its assertions. */
export type ClientKey = VerificationKey

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Reads a client's JWK set. Errors: `invalid_request` with which key and why: private members, a symmetric key, RSA under
 * 2048 bits, a key whose algorithm cannot be told. Spec: RFC 7517 section 5, RFC 8725 section 3.5.
 */
export function parseClientKeys(jwks: { readonly keys: readonly object[] }): readonly ClientKey[] {
  return jwks.keys.map((jwk, index) => {
    const fault = (why: string): GatehouseError =>
      new GatehouseError('invalid_request', { description: `Key ${index + 1} of the key set ${why}` })
    if (privateMembers.some((member) => member in jwk)) throw fault('has private members')
    let key: KeyObject
    try {
      key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    } catch (cause) {
      throw new GatehouseError('invalid_request', {
        description: `Key ${index + 1} of the key set cannot be read`,
        cause,
      })
    }
    const alg = algorithmOf(jwk as JsonWebKey, key)
    if (!alg) throw fault('is not usable: give EC P-256, Ed25519 or RSA of at least 2048 bits, with a fitting alg')
    const kid = (jwk as { kid?: unknown }).kid
    return { kid: typeof kid === 'string' ? kid : '', alg, key }
  })
}

/** The one algorithm that a key is used with: the one it names, if that fits its type. */
function algorithmOf(jwk: JsonWebKey, key: KeyObject): ClientKey['alg'] | undefined {
  const named = jwk.alg
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1')
    return !named || named === 'ES256' ? 'ES256' : undefined
  if (key.asymmetricKeyType === 'ed25519')
    return !named || named === 'EdDSA' || named === 'Ed25519' ? 'EdDSA' : undefined
  if (key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= 2048) {
    return named === 'PS256' ? 'PS256' : !named || named === 'RS256' ? 'RS256' : undefined
  }
  return undefined
}
