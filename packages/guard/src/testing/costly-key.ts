import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'

/**
 * An RSA pair that signs and verifies as any other, with a public exponent as long as its modulus: one with its two exponents
 * swapped. Checking a signature of it costs a hundred times what it should.
 */
export function makeCostlyKey(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = privateKey.export({ format: 'jwk' })
  const { n, e, d } = jwk
  const swapped = { ...jwk, e: d, d: e, dp: e, dq: e } as JsonWebKey // every member is a text, as before
  return {
    publicKey: createPublicKey({ key: { kty: 'RSA', n, e: d } as JsonWebKey, format: 'jwk' }),
    privateKey: createPrivateKey({ key: swapped, format: 'jwk' }),
  }
}
