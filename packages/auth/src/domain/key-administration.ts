import type { Revocation } from '@gatehouse/core/contracts'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { recordEvent } from './audit.ts'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import type { Revocations } from './revocations.ts'
import type { Rotation, SigningKeys } from './signing-keys.ts'
import type { Actor } from './users.ts'

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly keys: SigningKeys
  readonly revocations: Revocations
}

/** Lets the next signing key of each algorithm take over; see domain/signing-keys `rotate`. */
export async function rotateSigningKeys(
  { store, clock, keys }: Omit<Dependencies, 'revocations'>,
  by: Actor,
): Promise<readonly Rotation[]> {
  const rotated = await keys.rotate()
  for (const { kid, alg, signs_from } of rotated) {
    await recordEvent(store, clock, {
      type: 'key_rotated',
      result: 'ok',
      target: kid,
      detail: { alg, signs_from },
      ...by,
    })
  }
  return rotated
}

/**
 * An emergency: the key signs no more, leaves the key set, and every token that it signed is refused everywhere.
 * The next key signs at once. Error: `not_found`.
 */
export async function revokeSigningKey(
  { clock, keys, revocations }: Omit<Dependencies, 'store'>,
  kid: string,
  by: Actor,
): Promise<void> {
  let entries: readonly Revocation[] = []
  await keys.withdraw(kid, async (tables) => {
    await recordEvent(tables, clock, { type: 'key_revoked', result: 'ok', target: kid, ...by })
    entries = await revocations.write(tables, [
      {
        kind: 'kid',
        value: kid,
        issued_before: null,
        expires_at: seconds(clock.now() + longestAccessTokenLifetime + clockTolerance),
      },
    ])
  })
  await revocations.announce(entries)
}
