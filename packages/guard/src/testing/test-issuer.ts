import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { RevocationSource } from '@gatehouse/core/contracts'
import { ManualClock } from '@gatehouse/core/time'
import { type AccessTokenVerifier, createAccessTokenVerifier, type VerificationKey } from '../access-token.ts'

/** Members of a header or payload; `undefined` leaves a member out. */
export type Members = Readonly<Record<string, unknown>>

/** A key pair that signs tokens, good ones and broken ones. */
export interface TestSigner {
  readonly key: VerificationKey
  readonly privateKey: KeyObject
  /** The public JWK as a JWKS publishes it. */
  readonly jwk: Members
  /** A good access token, but for what is overridden. */
  token(claims?: Members, header?: Members): string
  /** The first two parts as they are given, with a good signature over them. */
  signParts(header: string, payload: string): string
}

/** The issuer of all test tokens. */
export const testIssuer = 'https://auth.example.com'
/** Their audience. */
export const testAudience = 'https://api.example.com/orders'
/** The moment at which a {@link ManualClock} starts. */
export const testNow = 1_800_000_000

/** A P-256 key pair under the given id. */
export function createTestSigner(kid = 'key-1'): TestSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signParts = (header: string, payload: string): string => {
    const signature = sign('sha256', Buffer.from(`${header}.${payload}`), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    return `${header}.${payload}.${signature.toString('base64url')}`
  }
  return {
    key: { kid, alg: 'ES256', key: publicKey },
    privateKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' },
    signParts,
    token: (claims = {}, header = {}) =>
      signParts(
        encodePart({ alg: 'ES256', typ: 'at+jwt', kid, ...header }),
        encodePart({ ...goodClaims(), ...claims }),
      ),
  }
}

let tokenNumber = 0

/** What a good access token says: one more jti each time. */
export function goodClaims(): Members {
  tokenNumber += 1
  return {
    iss: testIssuer,
    sub: 'usr_AAAAAAAAAAAAAAAAAAAAAA',
    aud: testAudience,
    exp: testNow + 300,
    iat: testNow,
    jti: `jti-${tokenNumber}`,
    client_id: 'web',
    scope: 'orders:read orders:write',
    sid: 'session-1',
    gid: 'grant-1',
    auth_time: testNow - 60,
    acr: 'urn:gatehouse:1',
    amr: ['pwd', 'otp'],
    roles: ['clerk'],
  }
}

/** A value as a token's part: JSON as base64url. A text is taken as it is. */
export const encodePart = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Nothing is revoked, and that is certain. */
export const nothingRevoked: RevocationSource = { current: true, isRevoked: () => false }

/** A verifier that knows the given keys and accepts access tokens of {@link testIssuer}. */
export function createTestVerifier(
  keys: readonly VerificationKey[],
  overrides: Partial<Parameters<typeof createAccessTokenVerifier>[0]> = {},
): { verifier: AccessTokenVerifier; clock: ManualClock } {
  const clock = new ManualClock(testNow)
  const verifier = createAccessTokenVerifier({
    issuer: testIssuer,
    types: ['at+jwt'],
    keys: { find: (kid) => keys.find((key) => key.kid === kid) },
    revocations: nothingRevoked,
    clock,
    ...overrides,
  })
  return { verifier, clock }
}
