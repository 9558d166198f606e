import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { type KeyRings, openKeyRings } from '../domain/key-rings.ts'
import { openSigningKeys, type SigningKeys } from '../domain/signing-keys.ts'
import { reuseKeyPairs } from './reused-key-pairs.ts'

/** Rings and signing keys on a store in memory, for tests of what signs and seals and needs no service around it. */
export interface OpenedKeys {
  readonly clock: ManualClock
  readonly store: Store
  readonly rings: KeyRings
  readonly keys: SigningKeys
}

export async function openKeys(): Promise<OpenedKeys> {
  const clock = new ManualClock()
  const store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  const rings = await openKeyRings({ store, clock }, { key: Buffer.alloc(32, 1) })
  const keys = await openSigningKeys({
    store,
    clock,
    rings,
    rotateEvery: () => seconds(7_776_000),
    hint: async () => {},
    makeKeyPair: reuseKeyPairs(),
  })
  return { clock, store, rings, keys }
}
