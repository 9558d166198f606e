import { generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto'
import { seconds } from '@gatehouse/core/time'
import { buildThumbprint } from '../thumbprint.ts'
import { encodePart, type Members, testNow } from './test-issuer.ts'

/** A client's key that makes DPoP proofs, good ones and broken ones. */
export interface TestProver {
  readonly privateKey: KeyObject
  /** The public JWK as it stands in a proof. */
  readonly jwk: Members
  /** Its thumbprint. */
  readonly jkt: string
  /** A good proof, but for what is overridden; `undefined` leaves a member out. */
  proof(claims?: Members, header?: Members): string
  /** The same for a request that carries this access token. */
  proofFor(accessToken: string, claims?: Members, header?: Members): string
  /** The first two parts as they are given, with a good signature over them. */
  signParts(header: string, payload: string): string
}

/** What good proofs are made for. */
export const testTarget = {
  method: 'POST',
  url: 'https://auth.example.com/oauth/token',
  now: seconds(testNow),
} as const

let proofNumber = 0

/** A new P-256 key pair. */
export function createTestProver(): TestProver {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk: Members = { ...publicKey.export({ format: 'jwk' }) }
  const signParts = (header: string, payload: string): string => {
    const signed = Buffer.from(`${header}.${payload}`)
    const signature = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${header}.${payload}.${signature.toString('base64url')}`
  }
  const proof = (claims: Members = {}, header: Members = {}): string => {
    proofNumber += 1
    const good = { jti: `proof-${proofNumber}`, htm: testTarget.method, htu: testTarget.url, iat: testNow }
    return signParts(encodePart({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header }), encodePart({ ...good, ...claims }))
  }
  return {
    privateKey,
    jwk,
    jkt: buildThumbprint(publicKey) ?? '',
    proof,
    proofFor: (accessToken, claims, header) =>
      proof({ ath: hash('sha256', accessToken, 'base64url'), ...claims }, header),
    signParts,
  }
}
