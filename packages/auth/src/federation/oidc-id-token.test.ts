import { createHash, generateKeyPairSync } from 'node:crypto'
import { makeCostlyKey } from '@gatehouse/guard/testing/costly-key'
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/openid-provider.ts'
import { machineClock as clock, failureOf, useOpenIdVisits } from '../testing/openid-visits.ts'

const visits = useOpenIdVisits()
const { create, signIn, asked } = visits

describe('an ID token', () => {
  const withClaims = (claims: Readonly<Record<string, unknown>>) =>
    signIn({ tokens: async (nonce) => ({ id_token: await visits.upstream.signIdToken({ nonce, ...claims }) }) })
  const withToken = (sign: (nonce: string) => Promise<string>, provider = create()) =>
    signIn({ provider, tokens: async (nonce) => ({ id_token: await sign(nonce) }) })

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['with a list of issuers', { iss: ['https://evil.example'] }],
    ['for another client', { aud: 'other' }],
    ['for several clients without azp', { aud: ['gatehouse', 'other'] }],
    ['for several clients, issued to another', { aud: ['gatehouse', 'other'], azp: 'other' }],
    ['issued to another', { azp: 'other' }],
    ['that has expired', { exp: clock.now() - 300 }],
    ['without an expiry', { exp: undefined }],
    ['that expires in a text', { exp: '9e99' }],
    ['of the future', { iat: clock.now() + 3600, exp: clock.now() + 7200 }],
    ['without a time of issue', { iat: undefined }],
    ['that is not valid yet', { nbf: clock.now() + 3600 }],
    ['without a nonce', { nonce: undefined }],
    ['with another nonce', { nonce: 'x'.repeat(43) }],
    ['with another hash of the access token', { at_hash: 'x'.repeat(22) }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is a list', { sub: ['person-1'] }],
    ['with a subject that is too long', { sub: 'x'.repeat(256) }],
  ])('%s is refused', async (_, claims) => {
    visits.upstream.metadata = { userinfo_endpoint: undefined }
    expect((await failureOf(withClaims(claims))).reason).toBe('invalid_answer')
  })

  it('may be a minute ahead, and says by how much more it is', async () => {
    visits.upstream.metadata = { userinfo_endpoint: undefined }
    const ahead = { nbf: clock.now() + 45, iat: clock.now() + 45 }
    expect((await withClaims(ahead)).subject).toBe('person-1')
    for (const [claims, detail] of [
      [{ nbf: clock.now() + 3600 }, /"nbf".*: nbf is 3(600|599) s in the future: do the clocks differ\?$/],
      [{ iat: clock.now() + 75 }, /in the future: iat is 7[45] s in the future: do the clocks differ\?$/],
      [{ exp: clock.now() - 300 }, /"exp".*: exp is 30[01] s in the past: do the clocks differ\?$/],
    ] as const) {
      expect((await failureOf(withClaims(claims))).detail).toMatch(detail)
    }
    const old = async (nonce: string) => ({
      id_token: await visits.upstream.signIdToken({ nonce, auth_time: clock.now() - 120 }),
    })
    expect((await failureOf(signIn({ fresh: true, tokens: old }))).detail).toMatch(
      /last End-User authentication: auth_time is 12[01] s in the past: do the clocks differ\?$/,
    )
  })

  it('is taken with the right hash of the access token, and with none', async () => {
    const hash = createHash('sha256').update('at-1').digest().subarray(0, 16).toString('base64url')
    expect((await withClaims({ at_hash: hash })).subject).toBe('person-1')
    expect((await withClaims({})).subject).toBe('person-1')
  })

  it('is refused where there is none', async () => {
    expect((await failureOf(signIn({ tokens: async () => ({}) }))).reason).toBe('invalid_answer')
  })

  it('is refused without a signature', async () => {
    const sign = async (nonce: string) =>
      new UnsecuredJWT({ nonce, sub: 'person-1' })
        .setIssuer(visits.upstream.issuer)
        .setAudience('gatehouse')
        .setIssuedAt()
        .setExpirationTime('5m')
        .encode()
    expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
    visits.upstream.metadata = { id_token_signing_alg_values_supported: ['none', 'HS256', 'RS256'] }
    expect((await failureOf(withToken(sign, create()))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign, create({ idTokenAlg: 'none' })))).reason).toBe('invalid_answer')
  })

  it('is refused with the public key, or the client’s secret, as a shared secret', async () => {
    visits.upstream.metadata = { id_token_signing_alg_values_supported: ['HS256', 'RS256'] }
    for (const secret of [JSON.stringify(visits.upstream.publicJwk), 's3cr3t'.repeat(6)]) {
      const key = await importJWK({ kty: 'oct', k: Buffer.from(secret).toString('base64url') }, 'HS256')
      const sign = (nonce: string) => visits.upstream.signIdToken({ nonce }, { alg: 'HS256' }, key as never) // any key will do
      expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
    }
  })

  it('is refused with a key that costs much to check', async () => {
    const { publicKey, privateKey } = makeCostlyKey()
    const publish = (key: typeof publicKey) =>
      visits.upstream.answers.set('/keys', (_, response) =>
        answerJson(response, { keys: [{ ...key.export({ format: 'jwk' }), kid: 'first', alg: 'RS256' }] }),
      )
    const sign = (key: typeof privateKey) => (nonce: string) => visits.upstream.signIdToken({ nonce }, {}, key as never) // jose takes both kinds of keys
    publish(publicKey)
    expect((await failureOf(withToken(sign(privateKey), create()))).reason).toBe('invalid_answer')
    const usual = generateKeyPairSync('rsa', { modulusLength: 2048 })
    publish(usual.publicKey)
    expect((await withToken(sign(usual.privateKey), create())).subject).toBe('person-1')
  })

  it('is refused with another algorithm than the configured one', async () => {
    const sign = (nonce: string) => visits.upstream.signIdToken({ nonce })
    expect((await failureOf(withToken(sign, create({ idTokenAlg: 'ES256' })))).reason).toBe('invalid_answer')
    expect((await withToken(sign, create({ idTokenAlg: 'RS256' }))).subject).toBe('person-1')
  })

  it('is refused with a key of somebody else, also one that it brings along', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const jwk = await exportJWK(publicKey)
    const sign = (header: object) => (nonce: string) => visits.upstream.signIdToken({ nonce }, header, privateKey)
    expect((await failureOf(withToken(sign({})))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign({ jwk })))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign({ jku: `${visits.upstream.issuer}/evil` })))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign({ kid: '../../dev/null' })))).reason).toBe('invalid_answer')
    expect(asked('/evil')).toBe(0)
  })

  it('is refused with an extension that has to be understood', async () => {
    const sign = async (nonce: string) => {
      const [, payload, signature] = (await visits.upstream.signIdToken({ nonce })).split('.')
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'first', crit: ['x'], x: 1 })).toString(
        'base64url',
      )
      return `${header}.${payload}.${signature}`
    }
    expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
  })

  it('is opened where it is encrypted for us, and has to be signed inside', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const encrypt = (text: string) =>
      new CompactEncrypt(Buffer.from(text))
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
        .encrypt(pair.publicKey)
    const sign = async (nonce: string) => encrypt(await visits.upstream.signIdToken({ nonce, sid: 'inner' }))
    const plain = async (nonce: string) =>
      encrypt(new UnsecuredJWT({ nonce, sub: 'x', iss: visits.upstream.issuer, aud: 'gatehouse' }).encode())
    const provider = create({ decryptionKey: pair.privateKey })
    expect((await withToken(sign, provider)).session).toBe('inner')
    expect((await failureOf(withToken(plain, provider))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
  })
})
