import { generateKeyPairSync } from 'node:crypto'
import { compactDecrypt } from 'jose'
import { describe, expect, it } from 'vitest'
import { encryptFor } from './encrypt-for-client.ts'
import { createClientKeys } from './find-client-keys.ts'

const clientKeys = createClientKeys({})
const pairs = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  X25519: generateKeyPairSync('x25519'),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

describe.each([
  ['ECDH-ES', 'P-256'],
  ['ECDH-ES', 'P-521'],
  ['ECDH-ES', 'X25519'],
  ['RSA-OAEP-256', 'RSA'],
] as const)('an answer encrypted by %s to a key of %s', (alg, type) => {
  const { publicKey, privateKey } = pairs[type]
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'enc' }
  const client = { id: 'web', keys: [], jwks: { keys: [jwk] } }

  it.each(['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const)('with %s opens', async (enc) => {
    const jwe = await encryptFor(clientKeys, client, { alg, enc }, 'päyload', 'JWT')
    const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey)
    expect(Buffer.from(plaintext).toString()).toBe('päyload')
    expect(protectedHeader).toMatchObject({ alg, enc, cty: 'JWT' })
    expect(protectedHeader).not.toHaveProperty('zip')
    expect(protectedHeader).not.toHaveProperty('kid')
  })
})

it('says which key it was encrypted to, and nothing of a type that nobody named', async () => {
  const jwk = { ...pairs['P-256'].publicKey.export({ format: 'jwk' }), kid: 'e1', use: 'enc' }
  const client = { id: 'web', keys: [], jwks: { keys: [jwk] } }
  const jwe = await encryptFor(clientKeys, client, { alg: 'ECDH-ES', enc: 'A256GCM' }, 'x')
  const { protectedHeader } = await compactDecrypt(jwe, pairs['P-256'].privateKey)
  expect(protectedHeader.kid).toBe('e1')
  expect(protectedHeader).not.toHaveProperty('cty')
})
