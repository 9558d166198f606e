import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseKeySet, parseVerificationKey } from './jwk.ts'
import { createTestSigner } from './testing/test-issuer.ts'

const exported = (key: { export(options: { format: 'jwk' }): JsonWebKey }): JsonWebKey => key.export({ format: 'jwk' })
const ec = createTestSigner().jwk
const rsaPair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsa = { ...exported(rsaPair.publicKey), kid: 'r', alg: 'RS256' }
const exponent = (value: bigint): string =>
  Buffer.from(value.toString(16).padStart(768, '0'), 'hex').toString('base64url')
const ed = { ...exported(generateKeyPairSync('ed25519').publicKey), kid: 'e', alg: 'EdDSA' }

describe('a key that may verify', () => {
  it.each([
    ['P-256', ec],
    ['RSA', rsa],
    ['RSA-PSS', { ...rsa, alg: 'PS256' }],
    ['Ed25519', ed],
    ['RSA with the largest exponent', { ...rsa, e: exponent(2n ** 32n - 1n) }],
    ['without use', { ...ec, use: undefined }],
    ['with key_ops', { ...ec, key_ops: ['verify'] }],
  ])('%s', (_, jwk) => {
    expect(parseVerificationKey(jwk)).toMatchObject({ kid: jwk.kid, alg: jwk.alg })
  })
})

describe('a key that may not', () => {
  const secret = createTestSigner()
  const small = exported(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)
  const three = exported(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey)
  const p384 = exported(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)
  it.each<[string, unknown]>([
    ['without alg: the token would choose', { ...rsa, alg: undefined }],
    ['of alg none', { ...ec, alg: 'none' }],
    ['of a MAC', { kty: 'oct', k: 'c2VjcmV0', kid: 'm', alg: 'HS256' }],
    ['with alg HS256 on a public key', { ...rsa, alg: 'HS256' }],
    ['with an alg of another type', { ...ec, alg: 'RS256' }],
    ['with an alg of another curve', { ...p384, kid: 'p', alg: 'ES256' }],
    ['of Ed448', { ...exported(generateKeyPairSync('ed448').publicKey), kid: 'e', alg: 'EdDSA' }],
    ['for encryption', { ...ec, use: 'enc' }],
    ['for signing only', { ...ec, key_ops: ['sign'] }],
    ['with its private half', { ...exported(secret.privateKey), kid: 'p', alg: 'ES256' }],
    ['with an empty private member', { ...ec, d: '' }],
    ['without kid', { ...ec, kid: undefined }],
    ['with an empty kid', { ...ec, kid: '' }],
    ['with a kid of 129 characters', { ...ec, kid: 'k'.repeat(129) }],
    ['of 1024 bits', { ...small, kid: 's', alg: 'RS256' }],
    ['with exponent 3', { ...three, kid: 't', alg: 'RS256' }],
    ['with an exponent of more than 32 bits', { ...rsa, e: exponent(2n ** 32n + 1n) }],
    ['with an exponent as long as its modulus', { ...rsa, e: exponent(2n ** 2047n + 1n) }],
    ['with exponent 1', { ...rsa, e: 'AQ' }],
    ['off the curve', { ...ec, x: ec.y }],
    ['without y', { ...ec, y: undefined }],
    ['that is null', null],
    ['that is text', 'key'],
  ])('%s', (_, jwk) => {
    expect(parseVerificationKey(jwk)).toBeUndefined()
  })
})

describe('a key set', () => {
  it('passes over what is unusable, and takes the first of two with one id', () => {
    const second = createTestSigner().jwk
    const keys = parseKeySet({ keys: [null, { kty: 'oct' }, ec, second, rsa] })
    expect([...keys.keys()]).toEqual(['key-1', 'r'])
    expect(exported(keys.get('key-1')?.key ?? rsaPair.publicKey).x).toBe(ec.x)
  })

  it('that is none has no keys', () => {
    expect(parseKeySet({ keys: 'x' }).size + parseKeySet({}).size).toBe(0)
  })
})
