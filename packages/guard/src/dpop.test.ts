import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { seconds } from '@gatehouse/core/time'
import fc from 'fast-check'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import { checkDpopProof, type DpopExpectation, identifyProof } from './dpop.ts'
import { encodePart, testNow } from './testing/test-issuer.ts'
import { createTestProver, testTarget } from './testing/test-prover.ts'

const prover = createTestProver()
const check = (proof: string, expected: Partial<DpopExpectation> = {}) =>
  checkDpopProof(proof, { ...testTarget, ...expected })

describe('a good proof', () => {
  it('names its key by the thumbprint that another library finds', async () => {
    const outcome = check(prover.proof({ jti: 'one' }))
    expect(outcome).toEqual({ jkt: await calculateJwkThumbprint(prover.jwk), jti: 'one', iat: testNow })
  })

  it.each<[string, ReturnType<typeof generateKeyPairSync>, (signed: Buffer, key: KeyObject) => Buffer]>([
    ['EdDSA', generateKeyPairSync('ed25519'), (signed, key) => sign(null, signed, key)],
    ['Ed25519', generateKeyPairSync('ed25519'), (signed, key) => sign(null, signed, key)],
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }), (signed, key) => sign('sha256', signed, key)],
    [
      'PS256',
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      (signed, key) => sign('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    ],
  ])('signed with %s', async (alg, pair, make) => {
    const { publicKey, privateKey } = pair as { publicKey: KeyObject; privateKey: KeyObject } // key objects unless encoded
    const jwk = publicKey.export({ format: 'jwk' })
    const claims = { jti: 'one', htm: 'POST', htu: testTarget.url, iat: testNow }
    const signed = `${encodePart({ typ: 'dpop+jwt', alg, jwk })}.${encodePart(claims)}`
    const proof = `${signed}.${make(Buffer.from(signed), privateKey).toString('base64url')}`
    expect(check(proof)).toMatchObject({
      jkt: await calculateJwkThumbprint(jwk as Parameters<typeof calculateJwkThumbprint>[0]),
    })
  })

  it.each([
    ['with a query and a fragment', 'https://auth.example.com/oauth/token?a=b#c'],
    ['in capitals', 'HTTPS://AUTH.example.com/oauth/token'],
    ['with the default port', 'https://auth.example.com:443/oauth/token'],
    ['with dots', 'https://auth.example.com/x/../oauth/./token'],
    ['with needless escapes', 'https://auth.example.com/oauth/%74oken'],
  ])('may write the URL %s', (_, htu) => {
    expect(check(prover.proof({ htu }))).toMatchObject({ jti: expect.any(String) })
  })

  it('compares the path of a request as it was sent and as it is read', () => {
    const url = 'https://auth.example.com/a%2fb/~c?x=1'
    expect(check(prover.proof({ htu: 'https://auth.example.com/a%2Fb/%7ec' }), { url })).not.toHaveProperty('fault')
    expect(check(prover.proof({ htu: 'https://auth.example.com/a/b/~c' }), { url })).toEqual({ fault: 'wrong_url' })
  })

  it('is good for a minute, and ten seconds ahead', () => {
    const proof = prover.proof()
    const at = (offset: number) => check(proof, { now: seconds(testNow + offset) })
    expect(at(60)).not.toHaveProperty('fault')
    expect(at(61)).toEqual({ fault: 'too_old' })
    expect(at(-10)).not.toHaveProperty('fault')
    expect(at(-11)).toEqual({ fault: 'not_yet_valid' })
  })

  it('is good for five minutes either way with a good nonce, which says when it was made', () => {
    const isNonceGood = (nonce: string | undefined) => nonce === 'good'
    const at = (offset: number, nonce?: string) =>
      check(prover.proof({ iat: testNow + offset, nonce }), { isNonceGood })
    for (const offset of [-300, -61, 11, 300]) expect(at(offset, 'good')).toMatchObject({ nonce: 'good' })
    expect(at(-301, 'good')).toEqual({ fault: 'too_old' })
    expect(at(301, 'good')).toEqual({ fault: 'not_yet_valid' })
    for (const offset of [-3600, -61, 0, 11, 3600]) {
      expect([at(offset), at(offset, 'bad')]).toEqual([{ fault: 'wrong_nonce' }, { fault: 'wrong_nonce' }])
    }
    const wrong = prover.proof({ iat: testNow - 61, ath: 'x' })
    expect(check(wrong, { isNonceGood, accessToken: 'token-1' })).toEqual({ fault: 'wrong_token' })
    expect(check(prover.proof({ exp: testNow, nonce: 'good' }), { isNonceGood })).toEqual({ fault: 'too_old' })
  })

  it('is asked for a nonce where none is needed, if its time is wrong', () => {
    const isNonceGood = (nonce: string | undefined) => nonce === undefined
    expect(check(prover.proof(), { isNonceGood })).not.toHaveProperty('fault')
    expect(check(prover.proof({ iat: testNow - 61 }), { isNonceGood })).toEqual({ fault: 'wrong_nonce' })
  })

  it('is no better for a nonce where none is looked for', () => {
    expect(check(prover.proof({ nonce: 'any' }))).not.toHaveProperty('nonce')
    expect(check(prover.proof({ nonce: 'any', iat: testNow - 61 }))).toEqual({ fault: 'too_old' })
  })

  it('is identified by key and jti, for as long as it is good', () => {
    const one = { jkt: 'a', jti: 'b', iat: seconds(100) }
    expect(identifyProof(one)).toEqual({ hash: expect.stringMatching(/^[\w-]{43}$/), expiresAt: 161 })
    expect(identifyProof({ ...one, nonce: 'good' })).toEqual({ hash: identifyProof(one).hash, expiresAt: 401 })
    expect(identifyProof({ ...one, jti: 'c' }).hash).not.toBe(identifyProof(one).hash)
    expect(identifyProof({ ...one, jkt: 'c' }).hash).not.toBe(identifyProof(one).hash)
  })
})

describe('a bad proof', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  it.each<[string, string, Record<string, unknown>, Record<string, unknown>?]>([
    ['another method', 'wrong_method', { htm: 'GET' }],
    ['the method in small letters', 'wrong_method', { htm: 'post' }],
    ['another path', 'wrong_url', { htu: 'https://auth.example.com/oauth/par' }],
    ['a longer path', 'wrong_url', { htu: 'https://auth.example.com/oauth/token/' }],
    ['another case of the path', 'wrong_url', { htu: 'https://auth.example.com/oauth/TOKEN' }],
    ['another host', 'wrong_url', { htu: 'https://auth.example.com.evil.test/oauth/token' }],
    ['another scheme', 'wrong_url', { htu: 'http://auth.example.com/oauth/token' }],
    ['another port', 'wrong_url', { htu: 'https://auth.example.com:444/oauth/token' }],
    ['credentials in the URL', 'wrong_url', { htu: 'https://me:pw@auth.example.com/oauth/token' }],
    ['a URL with backslashes', 'wrong_url', { htu: 'https:\\\\auth.example.com\\oauth\\token' }],
    ['a path alone', 'wrong_url', { htu: '/oauth/token' }],
    ['no URL', 'wrong_url', { htu: '' }],
    ['no htm', 'bad_claims', { htm: undefined }],
    ['no htu', 'bad_claims', { htu: undefined }],
    ['a list for htu', 'bad_claims', { htu: [testTarget.url] }],
    ['no jti', 'bad_claims', { jti: undefined }],
    ['an empty jti', 'bad_claims', { jti: '' }],
    ['a number for jti', 'bad_claims', { jti: 7 }],
    ['a long jti', 'bad_claims', { jti: 'a'.repeat(257) }],
    ['no iat', 'bad_claims', { iat: undefined }],
    ['iat as text', 'bad_claims', { iat: String(testNow) }],
    ['iat with a fraction', 'bad_claims', { iat: testNow + 0.5 }],
    ['an old iat', 'too_old', { iat: testNow - 61 }],
    ['an early iat', 'not_yet_valid', { iat: testNow + 11 }],
    ['an exp that has passed', 'too_old', { exp: testNow }],
    ['an nbf to come', 'not_yet_valid', { nbf: testNow + 11 }],
    ['a number for nonce', 'bad_claims', { nonce: 7 }],
    ['the typ of an access token', 'wrong_type', {}, { typ: 'at+jwt' }],
    ['the typ JWT', 'wrong_type', {}, { typ: 'JWT' }],
    ['no typ', 'wrong_type', {}, { typ: undefined }],
    ['a longer typ', 'wrong_type', {}, { typ: 'dpop+jwt2' }],
    ['alg none', 'unknown_algorithm', {}, { alg: 'none' }],
    ['alg HS256', 'unknown_algorithm', {}, { alg: 'HS256' }],
    ['no alg', 'unknown_algorithm', {}, { alg: undefined }],
    ['alg of another key type', 'bad_key', {}, { alg: 'RS256' }],
    ['a key of another type', 'bad_key', {}, { jwk: rsa }],
    ['a symmetric key', 'bad_key', {}, { jwk: { kty: 'oct', k: 'c2VjcmV0' } }],
    ['no key', 'bad_key', {}, { jwk: undefined }],
    ['a list of keys', 'bad_key', {}, { jwk: [prover.jwk] }],
    ['a private key', 'bad_key', {}, { jwk: prover.privateKey.export({ format: 'jwk' }) }],
    ['a key for another algorithm', 'bad_key', {}, { jwk: { ...prover.jwk, alg: 'ES384' } }],
    ['a key for encryption', 'bad_key', {}, { jwk: { ...prover.jwk, use: 'enc' } }],
    ['an RSA key that costs much', 'bad_key', {}, { alg: 'RS256', jwk: { ...rsa, e: rsa.n } }],
    ['somebody else’s key', 'bad_signature', {}, { jwk: createTestProver().jwk }],
    ['crit', 'malformed', {}, { crit: ['jwk'] }],
  ])('%s: %s', (_, fault, claims, header) => {
    expect(check(prover.proof(claims, header))).toEqual({ fault })
  })

  it.each<[string, Record<string, unknown>, Partial<DpopExpectation>?]>([
    ['wrong_method', { htm: 'GET' }],
    ['wrong_url', { htu: 'https://evil.test/oauth/token' }],
    ['bad_claims', { jti: undefined }],
    ['too_old', { iat: testNow - 61 }],
    ['not_yet_valid', { iat: testNow + 11 }],
    ['wrong_token', {}, { accessToken: 'token-1' }],
    ['wrong_nonce', {}, { isNonceGood: () => false }],
  ])('by its claims before its signature is checked: %s', (fault, claims, expected) => {
    const forged = prover.proof(claims, { jwk: createTestProver().jwk })
    expect(check(forged, expected)).toEqual({ fault })
  })

  it('two proofs in one header, and what is no token at all', () => {
    const [one, two] = [prover.proof(), prover.proof()]
    for (const text of [`${one}, ${two}`, `${one},${two}`, `${one}=`, ` ${one}`, '', 'a.b', `${one}.${one}`]) {
      expect(check(text)).toEqual({ fault: 'malformed' })
    }
  })

  it('members that stand twice, in header and payload', () => {
    const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk: prover.jwk })
    const payload = JSON.stringify({ jti: 'x', htm: 'POST', htu: testTarget.url, iat: testNow })
    const twice = (json: string, member: string) => encodePart(json.replace('{', `{${member},`))
    expect(check(prover.signParts(encodePart(header), encodePart(payload)))).not.toHaveProperty('fault')
    expect(check(prover.signParts(twice(header, '"alg":"none"'), encodePart(payload)))).toEqual({ fault: 'malformed' })
    expect(check(prover.signParts(encodePart(header), twice(payload, '"htm":"GET"')))).toEqual({ fault: 'malformed' })
  })

  it('a MAC keyed with the public key', () => {
    const signed = `${encodePart({ typ: 'dpop+jwt', alg: 'HS256', jwk: prover.jwk })}.${encodePart({})}`
    const mac = createHmac('sha256', JSON.stringify(prover.jwk)).update(signed).digest('base64url')
    expect(check(`${signed}.${mac}`)).toEqual({ fault: 'unknown_algorithm' })
  })

  it('a header that was good before does not make up for a bad signature', () => {
    const [one, two] = [prover.proof(), prover.proof()]
    expect(check(one)).not.toHaveProperty('fault')
    const [header, payload] = one.split('.')
    expect(check(`${header}.${payload}.${two.split('.')[2]}`)).toEqual({ fault: 'bad_signature' })
  })
})

describe('a proof for an access token', () => {
  it('must have been made for that token', () => {
    expect(check(prover.proofFor('token-1'), { accessToken: 'token-1' })).not.toHaveProperty('fault')
    expect(check(prover.proofFor('token-2'), { accessToken: 'token-1' })).toEqual({ fault: 'wrong_token' })
    expect(check(prover.proof(), { accessToken: 'token-1' })).toEqual({ fault: 'wrong_token' })
    expect(check(prover.proof({ ath: 7 }), { accessToken: 'token-1' })).toEqual({ fault: 'wrong_token' })
  })
})

describe('a nonce', () => {
  const isNonceGood = (nonce: string | undefined): boolean => nonce === 'good'
  it('is judged last, so that who is told to fetch one has nothing else to mend', () => {
    expect(check(prover.proof({ nonce: 'good' }), { isNonceGood })).toMatchObject({ nonce: 'good' })
    expect(check(prover.proof({ nonce: 'old' }), { isNonceGood })).toEqual({ fault: 'wrong_nonce' })
    expect(check(prover.proof(), { isNonceGood })).toEqual({ fault: 'wrong_nonce' })
    expect(check(prover.proof({ htm: 'GET' }), { isNonceGood })).toEqual({ fault: 'wrong_method' })
  })
})

it('never throws, whatever a proof says of itself', () => {
  const members = fc.dictionary(
    fc.constantFrom('typ', 'alg', 'jwk', 'crit', 'jti', 'htm', 'htu', 'iat', 'ath'),
    fc.json(),
  )
  const spoil = (part: Record<string, string>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(part).map(([name, text]) => [name, JSON.parse(text)]))
  const property = fc.property(members, members, fc.string(), (header, claims, text) => {
    check(prover.proof(spoil(claims), spoil(header)))
    check(text)
    return true
  })
  fc.assert(property, { numRuns: 500 })
})
