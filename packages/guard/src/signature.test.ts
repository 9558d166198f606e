import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isSameKey, isSignedBy, type VerificationKey } from './signature.ts'

const data = Buffer.from('header.payload')
const ieee = (key: KeyObject) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key: VerificationKey = { kid: 'k', alg: 'ES256', key: p256.publicKey }

describe('isSignedBy', () => {
  it('says yes to a good signature and no to one over something else', () => {
    expect(isSignedBy(key, data, ieee(p256.privateKey))).toBe(true)
    expect(isSignedBy(key, Buffer.from('header.other'), ieee(p256.privateKey))).toBe(false)
  })

  it('says no to the same signature as DER, which is not how a token carries it', () => {
    for (let count = 0; count < 5; count += 1) {
      expect(isSignedBy(key, data, sign('sha256', data, p256.privateKey))).toBe(false)
    }
  })

  it('says no to a good signature by a key that is not what its algorithm asks for', () => {
    const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    expect(isSignedBy({ kid: 'k', alg: 'ES256', key: k1.publicKey }, data, ieee(k1.privateKey))).toBe(false)
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const rsa: VerificationKey = { kid: 'k', alg: 'RS256', key: small.publicKey }
    expect(isSignedBy(rsa, data, sign('sha256', data, small.privateKey))).toBe(false)
    expect(isSignedBy({ ...rsa, alg: 'EdDSA' }, data, Buffer.alloc(64))).toBe(false)
    expect(isSignedBy({ ...rsa, alg: 'ES256' }, data, Buffer.alloc(64))).toBe(false)
  })

  it('takes a PSS salt of 32 bytes and no other', () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const rsa: VerificationKey = { kid: 'k', alg: 'PS256', key: pair.publicKey }
    const answers = [0, 20, 32, 64].map((saltLength) =>
      isSignedBy(rsa, data, sign('sha256', data, { key: pair.privateKey, padding: 6, saltLength })),
    )
    expect(answers).toEqual([false, false, true, false])
  })
})

it('isSameKey compares what the key is, not where it is', () => {
  expect(isSameKey(key, { ...key })).toBe(true)
  expect(isSameKey(key, { ...key, alg: 'RS256' })).toBe(false)
  expect(isSameKey(key, { ...key, key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey })).toBe(false)
})
