import type { Seconds } from '@gatehouse/core/brand'
import type { Refusal, RefusalReason, RevocationSource, VerifiedToken } from '@gatehouse/core/contracts'
import type { JsonObject } from '@gatehouse/core/json'
import { type Clock, clockTolerance } from '@gatehouse/core/time'
import { accessTokenType } from '@gatehouse/core/wire-names'
import { LRUCache } from 'lru-cache'
import { isTime, parseClaims } from './claims.ts'
import {
  type CompactToken,
  maxTokenLength,
  normalizeType,
  parseCompactToken,
  parseJsonPart,
  parseTokenHeader,
  type TokenHeader,
} from './compact-token.ts'
import { isForRequest, isPossessed, type Possession } from './possession.ts'
import { isSameKey, isSignedBy, type VerificationKey } from './signature.ts'

export type { VerificationKey } from './signature.ts'

/** Where the verifier finds keys: in memory, never over the network. */
export interface KeySource {
  /** The key with this id. Should return the same object for as long as the key stays the same. */
  find(kid: string): VerificationKey | undefined
}

/** What a verifier is made of. */
export interface AccessTokenVerifierOptions {
  /** The only accepted `iss`, compared as it stands. */
  readonly issuer: string
  /** The accepted `typ` values, such as `at+jwt`. */
  readonly types: readonly string[]
  readonly keys: KeySource
  readonly revocations: RevocationSource
  readonly clock: Clock
  /** Opens access tokens that are sealed instead of signed; left out where nobody can. `undefined` for any other token. */
  readonly openSealed?: ((token: string) => OpenedToken | undefined) | undefined
  /** How many verified tokens are remembered; 10,000 unless said otherwise. A token takes about 1.5 kB. */
  readonly cacheSize?: number
  /**
   * How many seconds `iat` and `nbf` may lie in the future; 60 unless said otherwise: they are set by a machine of the issuer's
   * own, and only by its clock. `exp` gets no tolerance.
   */
  readonly tolerance?: number
}

/** What a sealed token says, none of it checked yet, and the id of the key that it is sealed under. */
export interface OpenedToken {
  readonly kid: string
  readonly claims: JsonObject
}

/** Says of a token whether it is good, without any I/O. */
export interface AccessTokenVerifier {
  /**
   * Verifies a signed token. With `audiences`, one of them must be among the token's own, letter for letter; an empty
   * list therefore refuses every token. `possession` is what the request has proven to hold: a bound token is good for
   * nobody else, and without it only plain bearer tokens are good. Never throws.
   * Cost: one signature the first time, one look-up per key, revocation kind and audience after that.
   */
  verify(token: string, audiences?: readonly string[], possession?: Possession): VerifiedToken | Refusal
  /** How many verified tokens are remembered now. */
  readonly cached: number
}

/**
 * Builds the one verifier that the gateway, /validate, introspection and the SDK share.
 * Spec: RFC 9068 section 4, RFC 8725 section 3.
 * It remembers, under the whole token, what the token says and which key signed it: never a decision, never a refusal,
 * nothing whose signature was not good. Key, expiry, audience and revocation are looked at on every use.
 */
export const createAccessTokenVerifier = (options: AccessTokenVerifierOptions): AccessTokenVerifier =>
  new CachingVerifier(options)

interface Remembered {
  /** The whole token, in its letters. */
  readonly text: string
  readonly token: VerifiedToken
  /** Absent for a sealed token: its key is never taken away. */
  readonly key: VerificationKey | undefined
}

/** What a use of a token is checked against. */
interface TokenUse {
  readonly now: Seconds
  readonly audiences: readonly string[] | undefined
  readonly possession: Possession
}

const maxRememberedHeaders = 64

/**
 * Under what a token is looked for: the end of it, which for a signed one is of its signature. To find out where a text
 * belongs its letters have to be counted up, and a token has seven hundred. What is found is compared as a whole.
 */
const endOf = (token: string): string => token.slice(-48)

class CachingVerifier implements AccessTokenVerifier {
  readonly #issuer: string
  readonly #types: ReadonlySet<string>
  readonly #keys: KeySource
  readonly #revocations: RevocationSource
  readonly #clock: Clock
  readonly #openSealed: AccessTokenVerifierOptions['openSealed']
  readonly #tolerance: number
  readonly #cache: LRUCache<string, Remembered>
  /** Headers of tokens that turned out good: a key's tokens all begin with the same one. */
  readonly #headers = new Map<string, TokenHeader>()

  constructor(options: AccessTokenVerifierOptions) {
    this.#issuer = options.issuer
    this.#types = new Set(options.types.map(normalizeType))
    this.#keys = options.keys
    this.#revocations = options.revocations
    this.#clock = options.clock
    this.#openSealed = options.openSealed
    this.#tolerance = options.tolerance ?? clockTolerance
    this.#cache = new LRUCache({ max: options.cacheSize ?? 10_000 })
  }

  get cached(): number {
    return this.#cache.size
  }

  verify(token: string, audiences?: readonly string[], possession?: Possession): VerifiedToken | Refusal {
    if (!this.#revocations.current) return refuse('not_ready')
    if (typeof token !== 'string' || token.length > maxTokenLength) return refuse('malformed')
    const now = this.#clock.now()
    const end = endOf(token)
    const known = this.#cache.get(end)
    if (known !== undefined && known.text === token) {
      // A key that was taken away or exchanged takes what it verified with it.
      if (known.key === undefined || this.#isStill(known.key)) {
        if (now >= known.token.claims.exp) this.#cache.delete(end)
        return this.#checkUse(known.token, now, audiences, possession) ?? known.token
      }
      this.#cache.delete(end)
    }
    return this.#verifyUnknown(token, { now, audiences, possession })
  }

  /** Cheap refusals come first: a token of the wrong shape, type, key or time costs no signature. */
  #verifyUnknown(token: string, use: TokenUse): VerifiedToken | Refusal {
    const parts = parseCompactToken(token)
    if (!parts) return this.#verifySealed(token, use)
    const header = this.#headers.get(parts.headerPart) ?? parseTokenHeader(parts.headerPart)
    if (!header) return refuse('malformed')
    if (!this.#types.has(header.typ)) return refuse('wrong_type')
    const key = this.#keys.find(header.kid)
    if (!key) return refuse('unknown_key')
    if (header.alg !== key.alg) return refuse('bad_signature')
    const payload = parseJsonPart(parts.payloadPart)
    if (!payload) return refuse('malformed')
    if (!isTime(payload.exp)) return refuse('bad_claims')
    if (use.now >= payload.exp) return refuse('expired')
    if (!isSignatureGood(key, token, parts)) return refuse('bad_signature')
    const verified = this.#verifyClaims(token, payload, header, key, use)
    if (!('refused' in verified)) this.#rememberHeader(parts.headerPart, header)
    return verified
  }

  /** A sealed token opens nowhere but where it was made: what comes out counts like what a signature covers. */
  #verifySealed(token: string, use: TokenUse): VerifiedToken | Refusal {
    const opened = this.#openSealed?.(token)
    if (opened === undefined) return refuse('malformed')
    if (!this.#types.has(accessTokenType)) return refuse('wrong_type')
    const header = { typ: accessTokenType, kid: opened.kid }
    return this.#verifyClaims(token, opened.claims, header, undefined, use)
  }

  #verifyClaims(
    token: string,
    payload: JsonObject,
    header: Pick<TokenHeader, 'typ' | 'kid'>,
    key: VerificationKey | undefined,
    { now, audiences, possession }: TokenUse,
  ): VerifiedToken | Refusal {
    const checked = parseClaims(payload, this.#issuer)
    if (typeof checked === 'string') return refuse(checked)
    const latest = now + this.#tolerance
    if (checked.claims.iat > latest || (isTime(payload.nbf) && payload.nbf > latest)) return refuse('not_yet_valid')
    const { claims, audiences: addressed, scopes, roles } = checked
    const verified: VerifiedToken = Object.freeze({
      claims,
      typ: header.typ,
      kid: header.kid,
      audiences: addressed,
      scopes,
      roles,
      memo: {},
    })
    const refusal = this.#checkUse(verified, now, audiences, possession)
    if (refusal) return refusal
    this.#cache.set(endOf(token), { text: token, token: verified, key })
    return verified
  }

  #isStill(known: VerificationKey): boolean {
    const key = this.#keys.find(known.kid)
    return key !== undefined && isSameKey(key, known)
  }

  /** What must hold at each use, however often the token has been seen. */
  #checkUse(
    token: VerifiedToken,
    now: Seconds,
    audiences: readonly string[] | undefined,
    possession: Possession,
  ): Refusal | undefined {
    if (now >= token.claims.exp) return refuse('expired')
    if (audiences !== undefined && !isAddressedTo(token.audiences, audiences)) return refuse('wrong_audience')
    const { cnf } = token.claims
    if (!isPossessed(cnf, possession)) return refuse('sender_constraint')
    if (!isForRequest(cnf, possession)) return refuse('wrong_request')
    if (this.#revocations.isRevoked(token)) return refuse('revoked')
    return undefined
  }

  #rememberHeader(part: string, header: TokenHeader): void {
    if (this.#headers.has(part)) return
    if (this.#headers.size >= maxRememberedHeaders) this.#headers.clear()
    this.#headers.set(part, header)
  }
}

function isSignatureGood(key: VerificationKey, token: string, parts: CompactToken): boolean {
  const signed = Buffer.from(token.slice(0, parts.signedLength), 'latin1')
  return isSignedBy(key, signed, Buffer.from(parts.signaturePart, 'base64url'))
}

function isAddressedTo(own: readonly string[], accepted: readonly string[]): boolean {
  for (const audience of own) if (accepted.includes(audience)) return true
  return false
}

const refusals = new Map<RefusalReason, Refusal>()

/** The refusal for a reason: one frozen object each, so that a flood of bad tokens allocates nothing here. */
function refuse(reason: RefusalReason): Refusal {
  let refusal = refusals.get(reason)
  if (!refusal) {
    refusal = Object.freeze({ refused: reason })
    refusals.set(reason, refusal)
  }
  return refusal
}
