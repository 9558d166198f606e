import { createHash, generateKeyPairSync } from 'node:crypto'
import { seconds } from '@gatehouse/core/time'
import { accessTokenType } from '@gatehouse/core/wire-names'
import { createAccessTokenVerifier } from '@gatehouse/guard/access-token'
import { compactDecrypt, createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenedKeys, openKeys } from '../testing/open-keys.ts'
import { createClientKeys } from './find-client-keys.ts'
import { createIdTokens, type IdTokenSubject, type IdTokens } from './id-tokens.ts'
import { type SigningAlg, signingAlgs } from './make-signing-key.ts'

/** The left half of SHA-256 over `at`, worked out with another tool. */
const sha256OfAt = 'b1d6b91b67c2afa5e322988d9462638d'
const issuer = 'https://auth.example.com'
let opened: OpenedKeys
let idTokens: IdTokens
beforeAll(async () => {
  opened = await openKeys()
  idTokens = createIdTokens({ issuer, clock: opened.clock, keys: opened.keys, clientKeys: createClientKeys({}) })
})
afterAll(() => opened.store.close())

const subject = (alg: SigningAlg, more: Partial<IdTokenSubject> = {}): IdTokenSubject => ({
  client: { id: 'web', keys: [], idToken: { alg } },
  sub: 'usr_alice',
  authTime: seconds(opened.clock.now() - 10),
  lifetime: seconds(300),
  ...more,
})

const verify = (token: string) =>
  jwtVerify(token, createLocalJWKSet(opened.keys.jwks() as JSONWebKeySet), {
    issuer,
    audience: 'web',
    typ: 'JWT',
    currentDate: new Date(opened.clock.milliseconds()),
  })

describe('an ID token (OpenID Connect Core section 2)', () => {
  it.each(signingAlgs)('signed with %s is verified by another library, with the published key', async (alg) => {
    const token = await idTokens.issue(subject(alg, { nonce: 'n', sid: 's', acr: 'a', amr: ['pwd'] }))
    const { payload, protectedHeader } = await verify(token)
    const now = opened.clock.now()
    expect(protectedHeader.alg).toBe(alg)
    expect(payload).toEqual({
      iss: issuer,
      sub: 'usr_alice',
      aud: 'web',
      exp: now + 300,
      iat: now,
      auth_time: now - 10,
      nonce: 'n',
      sid: 's',
      acr: 'a',
      amr: ['pwd'],
    })
  })

  it.each(signingAlgs)('binds what is issued beside it by the hash that goes with %s', async (alg) => {
    const token = await idTokens.issue(subject(alg, { accessToken: 'at', code: 'co', state: 'ünï' }))
    const half = (text: string): string => {
      const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
        .update(text)
        .digest()
      return hash.subarray(0, alg === 'EdDSA' ? 32 : 16).toString('base64url')
    }
    expect(decodeJwt(token)).toMatchObject({ at_hash: half('at'), c_hash: half('co'), s_hash: half('ünï') })
    if (alg !== 'EdDSA') expect(decodeJwt(token).at_hash).toBe(Buffer.from(sha256OfAt, 'hex').toString('base64url'))
  })

  it('lets no claim about the user stand in place of one of the protocol', async () => {
    const claims = { iss: 'x', sub: 'x', aud: 'x', exp: 1, nonce: 'x', auth_time: 1, at_hash: 'x', email: 'a@b.c' }
    const payload = decodeJwt(await idTokens.issue(subject('ES256', { claims })))
    const now = opened.clock.now()
    expect(payload).toEqual({
      iss: issuer,
      sub: 'usr_alice',
      aud: 'web',
      exp: now + 300,
      iat: now,
      auth_time: now - 10,
      email: 'a@b.c',
    })
  })

  it.each(signingAlgs)('signed with %s is no access token', async (alg) => {
    const verifier = createAccessTokenVerifier({
      issuer,
      types: [accessTokenType],
      keys: opened.keys,
      revocations: { current: true, isRevoked: () => false },
      clock: opened.clock,
    })
    const token = await idTokens.issue(subject(alg, { claims: { client_id: 'web', jti: 'j', scope: '' } }))
    expect(verifier.verify(token)).toEqual({ refused: 'wrong_type' })
  })

  it('is encrypted to the client’s key where it is registered so, the signed one within', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'e1', use: 'enc' }
    const idToken = { alg: 'RS256', encryption: { alg: 'ECDH-ES', enc: 'A256GCM' } } as const
    const client = { id: 'web', keys: [], jwks: { keys: [jwk] }, idToken }
    const token = await idTokens.issue(subject('RS256', { client }))
    const { plaintext, protectedHeader } = await compactDecrypt(token, privateKey)
    expect(protectedHeader).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'e1', cty: 'JWT' })
    expect((await verify(Buffer.from(plaintext).toString())).payload.sub).toBe('usr_alice')
  })
})
