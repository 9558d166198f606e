import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { makeCostlyKey } from '@gatehouse/guard/testing/costly-key'
import { describe, expect, it } from 'vitest'
import { parseClientKeys, readKeySet } from './client-keys.ts'
import { createClientKeys } from './find-client-keys.ts'

const jwkOf = (key: KeyObject, more: object = {}): object => ({ ...key.export({ format: 'jwk' }), ...more })
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const p256 = ec('P-256')
const p384 = ec('P-384')
const ed = generateKeyPairSync('ed25519')
const x = generateKeyPairSync('x25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

const algsOf = (jwk: object): string[] => parseClientKeys({ keys: [jwk] }).map(({ alg }) => alg)

describe('the signature keys of a key set', () => {
  it('are used with the one algorithm that fits them; an RSA key that names none may be used with two', () => {
    expect(algsOf(jwkOf(p256.publicKey))).toEqual(['ES256'])
    expect(algsOf(jwkOf(ed.publicKey, { alg: 'Ed25519' }))).toEqual(['EdDSA'])
    expect(algsOf(jwkOf(rsa.publicKey))).toEqual(['RS256', 'PS256'])
    expect(algsOf(jwkOf(rsa.publicKey, { alg: 'PS256' }))).toEqual(['PS256'])
  })

  it('are none that are for encrypting', () => {
    for (const jwk of [
      jwkOf(p256.publicKey, { use: 'enc' }),
      jwkOf(rsa.publicKey, { alg: 'RSA-OAEP-256' }),
      jwkOf(p384.publicKey),
      jwkOf(x.publicKey),
    ])
      expect(algsOf(jwk)).toEqual([])
  })

  it.each([
    ['a private key', jwkOf(p256.privateKey), 'has private members'],
    ['a private key for encrypting', jwkOf(x.privateKey, { use: 'enc' }), 'has private members'],
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }, 'has private members'],
    ['a short RSA key', jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), 'is not usable'],
    [
      'an RSA key with exponent 3',
      jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey),
      'is not usable',
    ],
    ['an RSA key that costs much', jwkOf(makeCostlyKey().publicKey), 'is not usable'],
    ['another curve', jwkOf(ec('secp256k1').publicKey), 'is not usable'],
    ['an algorithm of another type', jwkOf(p256.publicKey, { use: 'sig', alg: 'RS256' }), 'is not usable'],
    ['a MAC', jwkOf(rsa.publicKey, { use: 'sig', alg: 'HS256' }), 'is not usable'],
    ['nonsense', { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }, 'cannot be read'],
  ])('registered by value are refused for %s, which one published is passed over for', (_, jwk, why) => {
    expect(() => parseClientKeys({ keys: [jwkOf(p256.publicKey), jwk] })).toThrow(`Key 2 of the key set ${why}`)
    const { signatureKeys, encryptionKeys } = readKeySet([jwk, null, 'x', jwkOf(p256.publicKey, { kid: 'good' })])
    expect(signatureKeys.map(({ kid }) => kid)).toEqual(['good'])
    expect(encryptionKeys.map(({ kid }) => kid)).toEqual(['good'])
  })
})

describe('finding a key', () => {
  const clientKeys = createClientKeys({})
  const clientOf = (...jwks: object[]) => ({
    id: 'web',
    keys: parseClientKeys({ keys: jwks }),
    jwks: { keys: jwks },
  })

  it('goes by the name in the header, without one by there being only one for its algorithm', () => {
    const one = jwkOf(p256.publicKey, { kid: 'a' })
    const client = clientOf(one, jwkOf(ec('P-256').publicKey, { kid: 'b' }), jwkOf(rsa.publicKey, { kid: 'a' }))
    const find = (alg: unknown, kid?: unknown) => clientKeys.findSignatureKey(client, { alg, kid })
    expect(find('ES256', 'a')).toBe(client.keys[0])
    expect(find('PS256', 'a')).toMatchObject({ alg: 'PS256' })
    expect(find('RS256')).toMatchObject({ kid: 'a', alg: 'RS256' })
    for (const [alg, kid] of [
      ['ES256'],
      ['ES256', 'c'],
      ['none', 'a'],
      ['HS256', 'a'],
      [undefined, 'a'],
      ['ES256', ['a']],
    ])
      expect(find(alg, kid)).toBeUndefined()
  })

  it('to encrypt to prefers one that says that it is for that', async () => {
    const any = jwkOf(p256.publicKey, { kid: 'any' })
    const enc = jwkOf(p384.publicKey, { kid: 'enc', use: 'enc' })
    const get = async (client: ReturnType<typeof clientOf>, alg: 'ECDH-ES' | 'RSA-OAEP-256') =>
      (await clientKeys.getEncryptionKey(client, alg)).kid
    expect(await get(clientOf(any, enc), 'ECDH-ES')).toBe('enc')
    expect(await get(clientOf(any), 'ECDH-ES')).toBe('any')
    expect(await get(clientOf(any, jwkOf(rsa.publicKey, { kid: 'rsa' })), 'RSA-OAEP-256')).toBe('rsa')
    for (const wrong of [
      clientOf(),
      clientOf(any),
      clientOf(jwkOf(rsa.publicKey, { use: 'sig' })),
      clientOf(jwkOf(rsa.publicKey, { use: 'enc', alg: 'RSA-OAEP' })),
    ])
      await expect(get(wrong, 'RSA-OAEP-256')).rejects.toMatchObject({ code: 'invalid_client' })
    const unread = { ...clientOf(), jwksUri: 'https://web.example/jwks' }
    await expect(get(unread, 'RSA-OAEP-256')).rejects.toMatchObject({ code: 'temporarily_unavailable' })
  })
})
