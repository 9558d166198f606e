import type { Seconds } from '@gatehouse/core/brand'
import {
  type RevocationEntry,
  type RevocationKind,
  type RevocationSource,
  revocationKinds,
  type VerifiedToken,
} from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'

/** Everything that is revoked and could still matter, in memory. Whoever fills it says whether it can be relied on. */
export interface RevocationSet extends RevocationSource {
  /** Takes in entries of the feed, in any order and also more than once. */
  add(entries: readonly RevocationEntry[]): void
  /** What is revoked now, one entry a value. What is added while it is walked through may be left out. */
  entries(): IterableIterator<RevocationEntry>
  /** Drops the entries that have no effect any more, by a `RemovalClock`. Cost: nothing until the first of them is due, then one walk. */
  removeExpired(now: Seconds): void
  /** From now on the answers can be relied on: everything up to this moment has been added. */
  markCurrent(): void
  /** From now on they cannot: the feed has been out of reach for too long. */
  markLost(): void
  /** How many values are revoked. */
  readonly size: number
}

/**
 * An empty set that is not current yet.
 * Several entries for one value count as one, the strictest of them: without `issued_before` if any is, otherwise with
 * the greatest, and until the last of them expires. The set stays bounded because every entry expires.
 */
export const createRevocationSet = (): RevocationSet => new InMemoryRevocations()

/** One revoked value. */
interface Mark {
  /** Tokens issued at this second or before are revoked; Infinity = all. */
  issuedBefore: number
  expiresAt: number
}

class InMemoryRevocations implements RevocationSet {
  readonly #marks: Readonly<Record<RevocationKind, Map<string, Mark>>> = {
    jti: new Map(),
    sid: new Map(),
    gid: new Map(),
    client: new Map(),
    sub: new Map(),
    kid: new Map(),
  }
  #current = false
  #size = 0
  /** No entry expires before this. */
  #firstExpiry = Number.POSITIVE_INFINITY

  get current(): boolean {
    return this.#current
  }

  get size(): number {
    return this.#size
  }

  markCurrent(): void {
    this.#current = true
  }

  markLost(): void {
    this.#current = false
  }

  add(entries: readonly RevocationEntry[]): void {
    for (const entry of entries) {
      const marks = this.#marks[entry.kind]
      const issuedBefore = entry.issued_before ?? Number.POSITIVE_INFINITY
      const mark = marks.get(entry.value)
      if (mark) {
        mark.issuedBefore = Math.max(mark.issuedBefore, issuedBefore)
        mark.expiresAt = Math.max(mark.expiresAt, entry.expires_at)
      } else {
        marks.set(entry.value, { issuedBefore, expiresAt: entry.expires_at })
        this.#size += 1
      }
      this.#firstExpiry = Math.min(this.#firstExpiry, entry.expires_at)
    }
  }

  *entries(): IterableIterator<RevocationEntry> {
    for (const kind of revocationKinds) {
      for (const [value, { issuedBefore, expiresAt }] of this.#marks[kind]) {
        const issued_before = issuedBefore === Number.POSITIVE_INFINITY ? null : seconds(issuedBefore)
        yield { kind, value, issued_before, expires_at: seconds(expiresAt) }
      }
    }
  }

  removeExpired(now: Seconds): void {
    if (now < this.#firstExpiry) return
    let next = Number.POSITIVE_INFINITY
    for (const marks of Object.values(this.#marks)) {
      for (const [value, mark] of marks) {
        if (mark.expiresAt > now) next = Math.min(next, mark.expiresAt)
        else if (marks.delete(value)) this.#size -= 1
      }
    }
    this.#firstExpiry = next
  }

  isRevoked({ claims, kid }: Pick<VerifiedToken, 'claims' | 'kid'>): boolean {
    if (this.#size === 0) return false
    const { iat } = claims
    return (
      isMarked(this.#marks.kid, kid, iat) ||
      isMarked(this.#marks.jti, claims.jti, iat) ||
      isMarked(this.#marks.sid, claims.sid, iat) ||
      isMarked(this.#marks.gid, claims.gid, iat) ||
      isMarked(this.#marks.client, claims.client_id, iat) ||
      isMarked(this.#marks.sub, claims.sub, iat) ||
      this.#isMadeFromRevoked(claims.origins, iat)
    )
  }

  /** What was made from a token ends with it. */
  #isMadeFromRevoked(origins: readonly string[] | undefined, iat: number): boolean {
    const { jti } = this.#marks
    if (origins === undefined || jti.size === 0) return false
    for (const origin of origins) if (isMarked(jti, origin, iat)) return true
    return false
  }
}

function isMarked(marks: ReadonlyMap<string, Mark>, value: string | undefined, issuedAt: number): boolean {
  if (value === undefined || marks.size === 0) return false
  const mark = marks.get(value)
  return mark !== undefined && issuedAt <= mark.issuedBefore
}
