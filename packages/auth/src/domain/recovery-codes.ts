import { hash } from 'node:crypto'
import type { UserId } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { Tables } from '@gatehouse/store/store'

const codeCount = 10
/** 80 bits: 16 letters of base32. */
const codeBytes = 10

/** Random bytes in base32, as people can type them. */
export async function newBase32(bytes: number): Promise<string> {
  // Loaded when it is used: a start need not wait for it.
  const { Secret } = await import('otpauth')
  return new Secret({ size: bytes }).base32
}

/** A code as somebody has typed it: in either case, with or without dashes and spaces. */
const normalize = (text: string): string => text.slice(0, 100).replaceAll(/[\s-]/g, '').toUpperCase()

/** What the store knows of a code. It is long enough for a plain hash: nobody can try 2^80 of them. */
export const hashRecoveryCode = (user: UserId, code: string): string =>
  hash('sha256', `${user}\n${normalize(code)}`, 'base64url')

/** New recovery codes in the place of all that a user had; they are told once. Cost: two statements. */
export async function replaceRecoveryCodes(
  tables: Pick<Tables, 'recoveryCodes'>,
  clock: Clock,
  user: UserId,
): Promise<readonly string[]> {
  const texts = await Promise.all(Array.from({ length: codeCount }, () => newBase32(codeBytes)))
  const codes = texts.map((text) => text.match(/.{4}/g)?.join('-') ?? text)
  const hashes = codes.map((code) => hashRecoveryCode(user, code))
  await tables.recoveryCodes.replace({ user_id: user, hashes, at: clock.now() })
  return codes
}
