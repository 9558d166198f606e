import { isUtf8 } from 'node:buffer'
import { JsonFaultError, type JsonObject, parseJsonObject } from '@gatehouse/core/json'

/** The longest token that is looked at, in characters. */
export const maxTokenLength = 8192
/** The longest `kid` that is looked up, in characters. */
export const maxKidLength = 128

/** A signed token taken apart, with nothing about it believed yet. Spec: RFC 7515 section 7.1. */
export interface CompactToken {
  /** The first part as it stands in the token. */
  readonly headerPart: string
  readonly payloadPart: string
  readonly signaturePart: string
  /** How many characters of the token the signature covers. */
  readonly signedLength: number
}

/** What a token's JOSE header says, as far as it is listened to. */
export interface TokenHeader {
  readonly alg: string
  readonly kid: string
  /** Lower case, without the prefix `application/`; empty where there is none. */
  readonly typ: string
}

const threeParts = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const lastOfTwo = /[AQgw]$/
const lastOfThree = /[AEIMQUYcgkosw048]$/

/**
 * Splits a token into its three parts, or `undefined` where it is not exactly that: at most 8192 characters, each part
 * non-empty base64url without padding and without bits to spare.
 * Stops: several spellings of one token (padding, the other alphabet, trailing bits, white space, extra dots).
 */
export function parseCompactToken(token: string): CompactToken | undefined {
  if (token.length > maxTokenLength || !threeParts.test(token)) return undefined
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  const headerPart = token.slice(0, first)
  const payloadPart = token.slice(first + 1, second)
  const signaturePart = token.slice(second + 1)
  if (!isCanonical(headerPart) || !isCanonical(payloadPart) || !isCanonical(signaturePart)) return undefined
  return { headerPart, payloadPart, signaturePart, signedLength: second }
}

/** Whether characters of the right alphabet are the one spelling of their bytes. Spec: RFC 4648 section 3.5. */
function isCanonical(part: string): boolean {
  switch (part.length % 4) {
    case 0:
      return true
    case 2:
      return lastOfTwo.test(part)
    case 3:
      return lastOfThree.test(part)
    default:
      return false
  }
}

/**
 * Reads a JOSE header: `undefined` unless it is a JSON object with a string `alg` and a string `kid` of 1 to 128
 * characters. A header with `crit` is refused, since nothing that could stand in it is understood here (RFC 7515 section
 * 4.1.11); `jku`, `x5u`, `jwk` and `x5c` are not even read.
 */
export function parseTokenHeader(part: string): TokenHeader | undefined {
  const header = parseJsonPart(part)
  if (!header) return undefined
  const { alg, kid, typ } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || kid === '' || kid.length > maxKidLength) return undefined
  if (Object.hasOwn(header, 'crit')) return undefined
  if (typ !== undefined && typeof typ !== 'string') return undefined
  return { alg, kid, typ: normalizeType(typ ?? '') }
}

/** A `typ` as it is compared: media types know no case and may leave out `application/`. Spec: RFC 7515 section 4.1.9. */
export function normalizeType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}

/** The JSON object that a part holds; `undefined` for anything else, a member named twice included. */
export function parseJsonPart(part: string): JsonObject | undefined {
  const bytes = Buffer.from(part, 'base64url')
  if (!isUtf8(bytes)) return undefined
  try {
    return parseJsonObject(bytes.toString('utf8'), { unique: true })
  } catch (error) {
    if (error instanceof JsonFaultError) return undefined
    throw error
  }
}
