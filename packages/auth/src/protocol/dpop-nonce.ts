import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import type { KeyRing } from '../domain/key-rings.ts'

/** The nonces that DPoP proofs carry. */
export interface DpopNonces {
  /** The nonce to hand out now. Cost: a look-up; one MAC each five minutes. */
  current(): string
  /** Whether a nonce was given out by a process of this deployment, and not too long ago. */
  isGood(nonce: string): boolean
  /**
   * Whether a proof may carry this nonce, or none. One that is there although none was asked for must still be ours, since
   * it may be what its maker relies on.
   */
  isAcceptable(nonce: string | undefined, isRequired: boolean): boolean
}

/** Seconds for which one nonce is handed out. */
const windowSeconds = 300

/**
 * Nonces without memory: a MAC over the number of the five-minute window, under a key that every process of the deployment
 * has, so that each knows the others' and a restart forgets none. That of the present window and of the one before are
 * good; so is that of the next, since another node's clock may be ahead. Spec: RFC 9449 sections 8 and 9.
 * Stops: proofs that were made in advance by whoever could use the key for a while.
 */
export function createDpopNonces({ clock, ring }: { readonly clock: Clock; readonly ring: KeyRing }): DpopNonces {
  const keyId = ring.current.id
  let known: { readonly window: number; readonly nonces: readonly string[] } | undefined
  const build = (id: string, key: Buffer, window: number): string =>
    `${id}.${createHmac('sha256', key).update(`dpop-nonce ${window}`).digest('base64url').slice(0, 22)}`
  const ofWindow = (window: number, id = keyId, key = ring.current.key): readonly string[] =>
    [window, window - 1, window + 1].map((number) => build(id, key, number))

  const now = (): readonly string[] => {
    const window = Math.floor(clock.now() / windowSeconds)
    if (known?.window !== window) known = { window, nonces: ofWindow(window) }
    return known.nonces
  }
  const isGood = (nonce: string): boolean => {
    const id = nonce.split('.', 1)[0] ?? ''
    if (id === keyId) return isAmong(now(), nonce)
    // The ring has a newer key since, or another process has opened it with one.
    const other = ring.find(id)
    return other !== undefined && isAmong(ofWindow(Math.floor(clock.now() / windowSeconds), id, other.key), nonce)
  }
  return {
    current: () => now()[0] ?? '',
    isGood,
    isAcceptable: (nonce, isRequired) => (nonce === undefined ? !isRequired : isGood(nonce)),
  }
}

function isAmong(nonces: readonly string[], presented: string): boolean {
  const bytes = Buffer.from(presented)
  return nonces.some((nonce) => nonce.length === bytes.length && timingSafeEqual(Buffer.from(nonce), bytes))
}
