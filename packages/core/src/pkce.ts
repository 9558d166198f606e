import { hash, timingSafeEqual } from 'node:crypto'

/** The only challenge method. Spec: RFC 7636 section 4.2; `plain` would give the verifier away. */
export const challengeMethod = 'S256'

/** Whether a text can be an S256 challenge: 32 bytes as base64url, in their one spelling. */
export const isCodeChallenge = (challenge: string): boolean =>
  /^[\w-]{43}$/.test(challenge) && Buffer.from(challenge, 'base64url').toString('base64url') === challenge

/** Whether a text can be a verifier: 43 to 128 unreserved characters. Spec: RFC 7636 section 4.1. */
export const isCodeVerifier = (verifier: string): boolean => /^[\w.~-]{43,128}$/.test(verifier)

/** Whether a verifier is the one that a challenge was made from. Constant time. Spec: RFC 7636 section 4.6. */
export function matchesChallenge(verifier: string, challenge: string): boolean {
  if (!isCodeVerifier(verifier) || !isCodeChallenge(challenge)) return false
  return timingSafeEqual(hash('sha256', verifier, 'buffer'), Buffer.from(challenge, 'base64url'))
}

/** The challenge for a verifier. Spec: RFC 7636 section 4.2. */
export const challengeOf = (verifier: string): string => hash('sha256', verifier, 'base64url')
