import type { Clock } from '@gatehouse/core/time'
import { LRUCache } from 'lru-cache'
import { type DpopProof, identifyProof } from './dpop.ts'

/** Remembers the proofs that this process has seen. */
export interface ProofMemory {
  /** Whether this is the first use of a proof here. */
  consume(proof: DpopProof): boolean
}

/** A proof takes about 200 bytes for a minute. */
const maxProofs = 100_000

/**
 * A memory of the proofs of the last minute. It is this process's own: another process, and one that starts anew, does not
 * know them. Past 100,000 proofs a minute the oldest are forgotten early.
 */
export function createProofMemory(clock: Clock): ProofMemory {
  const seen = new LRUCache<string, number>({ max: maxProofs })
  return {
    consume(proof) {
      const { hash, expiresAt } = identifyProof(proof)
      const until = seen.get(hash)
      if (until !== undefined && clock.now() < until) return false
      seen.set(hash, expiresAt)
      return true
    },
  }
}
