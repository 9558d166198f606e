import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const ivLength = 12
const tagLength = 16

/**
 * Encrypts with AES-256-GCM: base64url of the 12-byte random IV, the ciphertext and the 16-byte tag.
 * `place` says where the value belongs (table, column and row), so that it opens nowhere else.
 */
export function seal(key: Buffer, plaintext: Buffer, place: string): string {
  const iv = randomBytes(ivLength)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(place))
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/**
 * Opens what {@link seal} made; `undefined` for another key, another place or a changed value, also one that is only spelled
 * differently.
 */
export function unseal(key: Buffer, sealed: string, place: string): Buffer | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < ivLength + tagLength || bytes.toString('base64url') !== sealed) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivLength))
  decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(bytes.length - tagLength))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(ivLength, bytes.length - tagLength)), decipher.final()])
  } catch {
    return undefined
  }
}
