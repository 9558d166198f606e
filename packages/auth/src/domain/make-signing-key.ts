import { createPrivateKey, createPublicKey, generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { newKeyId } from '@gatehouse/core/random'
import type { VerificationKey } from '@gatehouse/guard/access-token'
import type { SigningKeyRow } from '@gatehouse/store/rows'
import type { KeyRing } from './key-rings.ts'
import { seal, unseal } from './sealing.ts'

/** An algorithm that Gatehouse signs with. Spec: RFC 7518 section 3.1, RFC 8037 section 3.1. */
export type SigningAlg = SigningKeyRow['alg']

/** Every algorithm that there are keys for. */
export const signingAlgs: readonly SigningAlg[] = ['ES256', 'RS256', 'EdDSA']

/** A key that may sign. */
export interface SigningKey {
  readonly kid: string
  readonly alg: SigningAlg
  readonly privateKey: KeyObject
}

/** The two halves of a new key. */
export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Makes a new pair for an algorithm. */
export type MakeKeyPair = (alg: SigningAlg) => Promise<KeyPair>

/** A stored key, opened. */
export interface LoadedKey {
  readonly row: SigningKeyRow
  readonly publicJwk: JsonWebKey
  readonly verification: VerificationKey
  readonly signing: SigningKey
}

const generate = promisify(generateKeyPair)

/** A new pair: P-256, RSA of 2048 bits or Ed25519. Cost: on the thread pool; RSA takes 0.2 s, the others next to nothing. */
export const makeKeyPair: MakeKeyPair = (alg) => {
  switch (alg) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'RS256':
      return generate('rsa', { modulusLength: 2048 })
    case 'EdDSA':
      return generate('ed25519', {})
  }
}

/** The row of a new key: the public half as a JWK, the private one sealed under the ring. */
export function buildSigningKeyRow(
  ring: KeyRing,
  { publicKey, privateKey }: KeyPair,
  { alg, now, signsFrom }: { readonly alg: SigningAlg; readonly now: Seconds; readonly signsFrom: Seconds },
): SigningKeyRow {
  const kid = newKeyId()
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  return {
    kid,
    alg,
    public_jwk: JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }),
    sealed_private_key: `${ring.current.id}.${seal(ring.current.key, der, placeOf(kid))}`,
    created_at: now,
    signs_from: signsFrom,
    signs_until: null,
    expires_at: null,
  }
}

/** Opens a stored key. Error: `server_error` where the ring does not open it. */
export function openSigningKeyRow(ring: KeyRing, row: SigningKeyRow): LoadedKey {
  const publicJwk = JSON.parse(row.public_jwk) as JsonWebKey // written by buildSigningKeyRow
  const [ringKeyId = '', sealed = ''] = row.sealed_private_key.split('.', 2)
  const ringKey = ring.find(ringKeyId)
  const der = ringKey && unseal(ringKey.key, sealed, placeOf(row.kid))
  if (!der) throw new GatehouseError('server_error', { cause: new Error(`signing key ${row.kid} cannot be opened`) })
  const { kid, alg } = row
  return {
    row,
    publicJwk,
    verification: { kid, alg, key: createPublicKey({ key: publicJwk, format: 'jwk' }) },
    signing: { kid, alg, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) },
  }
}

const placeOf = (kid: string): string => `signing_keys.sealed_private_key:${kid}`
