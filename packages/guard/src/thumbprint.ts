import { hash, type KeyObject } from 'node:crypto'

/**
 * The thumbprint of a public key: SHA-256 as base64url, 43 characters. Made from the key itself and not from the JWK that it
 * came in, so that one key has one thumbprint however that was written. Spec: RFC 7638 sections 3 and 3.2, RFC 8037 section 2.
 * `undefined` for a key of another type than EC, RSA and OKP. Cost: one hash, about 5 us.
 */
export function buildThumbprint(key: KeyObject): string | undefined {
  const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' })
  const members =
    kty === 'EC' ? { crv, kty, x, y } : kty === 'RSA' ? { e, kty, n } : kty === 'OKP' ? { crv, kty, x } : undefined
  // The members stand in the order of their names, as the RFC asks.
  return members === undefined ? undefined : hash('sha256', JSON.stringify(members), 'base64url')
}
