import { pbkdf2, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const scryptAsync = promisify<Buffer, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
)
const pbkdf2Async = promisify(pbkdf2)

/** Checks a password against a hash that another system made. */
type Check = (password: string, hash: string) => Promise<boolean>

// `$scrypt$ln=15,r=8,p=1$<salt>$<hash>` as passlib and libraries of its kind write it.
const scryptFormat = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/.=-]{1,200})\$([\w+/.=-]{20,200})$/
// `$pbkdf2-sha256$i=600000$<salt>$<hash>` and passlib's form without `i=`.
const pbkdf2Format =
  /^\$pbkdf2-(sha1|sha256|sha512)\$(?:i=)?(\d{1,8})(?:,l=\d+)?\$([\w+/.=-]{1,200})\$([\w+/.=-]{20,200})$/
// `pbkdf2_sha256$600000$<salt as text>$<hash>` as Django writes it.
const djangoFormat = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,8})\$([^$]{1,200})\$([\w+/=]{20,200})$/

const formats: readonly { readonly pattern: RegExp; readonly check: Check }[] = [
  { pattern: /^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/, check: checkBcrypt },
  { pattern: scryptFormat, check: checkScrypt },
  { pattern: pbkdf2Format, check: checkPbkdf2 },
  { pattern: djangoFormat, check: checkDjango },
]

/** Greatest cost that an imported hash may ask for, so that one row cannot stop the pool for minutes. */
const limits = { bcryptCost: 16, scryptMemory: 512 * 1024 * 1024, iterations: 10_000_000 }

/**
 * The check for a hash made elsewhere: bcrypt, scrypt or PBKDF2 in their usual string formats (argon2 needs none of this).
 * `undefined` for a format that is not known.
 */
export function findImportedCheck(hash: string): Check | undefined {
  return formats.find(({ pattern }) => pattern.test(hash))?.check
}

async function checkBcrypt(password: string, hash: string): Promise<boolean> {
  if (Number(hash.slice(4, 6)) > limits.bcryptCost) return false
  const { verify } = await import('@node-rs/bcrypt')
  return verify(password, hash)
}

async function checkScrypt(password: string, hash: string): Promise<boolean> {
  const [, ln = '', r = '', p = '', salt = '', expected = ''] = scryptFormat.exec(hash) ?? []
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: limits.scryptMemory }
  if (128 * cost.N * cost.r > limits.scryptMemory) return false
  const wanted = decode(expected)
  return isSame(await scryptAsync(Buffer.from(password), decode(salt), wanted.length, cost), wanted)
}

async function checkPbkdf2(password: string, hash: string): Promise<boolean> {
  const [, digest = '', iterations = '', salt = '', expected = ''] = pbkdf2Format.exec(hash) ?? []
  return derive(password, decode(salt), Number(iterations), digest, decode(expected))
}

async function checkDjango(password: string, hash: string): Promise<boolean> {
  const [, digest = '', iterations = '', salt = '', expected = ''] = djangoFormat.exec(hash) ?? []
  return derive(password, Buffer.from(salt), Number(iterations), digest, decode(expected))
}

async function derive(
  password: string,
  salt: Buffer,
  iterations: number,
  digest: string,
  wanted: Buffer,
): Promise<boolean> {
  if (iterations < 1 || iterations > limits.iterations) return false
  return isSame(await pbkdf2Async(password, salt, iterations, wanted.length, digest), wanted)
}

/** Base64 in any of the alphabets that these formats use; passlib writes a dot for the plus sign. */
const decode = (text: string): Buffer => Buffer.from(text.replaceAll('.', '+'), 'base64')

const isSame = (one: Buffer, other: Buffer): boolean => one.length === other.length && timingSafeEqual(one, other)
