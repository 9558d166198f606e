import { type MakeKeyPair, makeKeyPair, type SigningAlg } from '../domain/make-signing-key.ts'

const made = new Map<SigningAlg, ReturnType<MakeKeyPair>[]>()

/**
 * Key pairs that the tests of one process use again and again, two of each algorithm in turn: making an RSA pair takes
 * longer than most tests. Not for tests in which a third pair has to be another one.
 */
export function reuseKeyPairs(): MakeKeyPair {
  const taken = new Map<SigningAlg, number>()
  return (alg) => {
    const pairs = made.get(alg) ?? [makeKeyPair(alg), makeKeyPair(alg)]
    made.set(alg, pairs)
    const count = taken.get(alg) ?? 0
    taken.set(alg, count + 1)
    return pairs[count % 2] ?? makeKeyPair(alg)
  }
}
