import type { StoredHash } from './hash-workers.ts'

// `$scrypt$ln=15,r=8,p=1$<salt>$<hash>` as passlib and libraries of its kind write it.
const scryptFormat = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/.=-]{1,200})\$([\w+/.=-]{20,200})$/
// `$pbkdf2-sha256$i=600000$<salt>$<hash>` and passlib's form without `i=`.
const pbkdf2Format =
  /^\$pbkdf2-(sha1|sha256|sha512)\$(?:i=)?(\d{1,8})(?:,l=\d+)?\$([\w+/.=-]{1,200})\$([\w+/.=-]{20,200})$/
// `pbkdf2_sha256$600000$<salt as text>$<hash>` as Django writes it.
const djangoFormat = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,8})\$([^$]{1,200})\$([\w+/=]{20,200})$/
const bcryptFormat = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/

/** The parts of a hash as its pattern finds them -> what its check needs; `undefined` where it would cost too much. */
type Parse = (...parts: string[]) => StoredHash | undefined

const formats: readonly { readonly pattern: RegExp; readonly parse: Parse }[] = [
  { pattern: bcryptFormat, parse: parseBcrypt },
  { pattern: scryptFormat, parse: parseScrypt },
  { pattern: pbkdf2Format, parse: parsePbkdf2 },
  { pattern: djangoFormat, parse: parseDjango },
]

/** Greatest cost that an imported hash may ask for, so that one row cannot stop a thread for minutes. */
const limits = { bcryptCost: 16, scryptMemory: 512 * 1024 * 1024, iterations: 10_000_000 }

/**
 * A hash made elsewhere, ready to be checked: bcrypt, scrypt or PBKDF2 in their usual string formats (argon2 needs none of
 * this). `undefined` for a format that is not known and for a cost beyond the limits.
 */
export function parseImportedHash(hash: string): StoredHash | undefined {
  for (const { pattern, parse } of formats) {
    const parts = pattern.exec(hash)
    if (parts) return parse(...parts)
  }
  return undefined
}

function parseBcrypt(hash: string, cost = ''): StoredHash | undefined {
  return Number(cost) > limits.bcryptCost ? undefined : { kind: 'bcrypt', hash }
}

function parseScrypt(_hash: string, ln = '', r = '', p = '', salt = '', expected = ''): StoredHash | undefined {
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: limits.scryptMemory }
  if (128 * cost.N * cost.r > limits.scryptMemory) return undefined
  return { kind: 'scrypt', cost, salt: decode(salt), expected: decode(expected) }
}

function parsePbkdf2(_hash: string, digest = '', iterations = '', salt = '', expected = ''): StoredHash | undefined {
  return buildPbkdf2(digest, Number(iterations), decode(salt), expected)
}

function parseDjango(_hash: string, digest = '', iterations = '', salt = '', expected = ''): StoredHash | undefined {
  return buildPbkdf2(digest, Number(iterations), new TextEncoder().encode(salt), expected)
}

function buildPbkdf2(digest: string, iterations: number, salt: Uint8Array, expected: string): StoredHash | undefined {
  if (iterations < 1 || iterations > limits.iterations) return undefined
  return { kind: 'pbkdf2', digest, iterations, salt, expected: decode(expected) }
}

/**
 * Base64 in any of the alphabets that these formats use; passlib writes a dot for the plus sign. Copied, since Node keeps
 * small buffers together in one, all of which would go along to a thread.
 */
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll('.', '+'), 'base64'))
