import type { JsonObject } from '@gatehouse/core/json'

/** What a sign-in by redirect needs when the browser is back. */
export interface RedirectMemory {
  readonly nonce?: string | undefined
  readonly verifier?: string | undefined
  /** When it began, if somebody has to prove anew who they are: seconds. */
  readonly freshSince?: number | undefined
}

/** Reads what was remembered. */
export function readRedirectMemory({ nonce, verifier, freshSince }: JsonObject): RedirectMemory {
  return {
    ...(typeof nonce === 'string' ? { nonce } : {}),
    ...(typeof verifier === 'string' ? { verifier } : {}),
    ...(typeof freshSince === 'number' ? { freshSince } : {}),
  }
}
