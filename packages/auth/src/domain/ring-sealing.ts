import type { KeyRing } from './key-rings.ts'
import { seal, unseal } from './sealing.ts'

/** Seals under the current key of a ring: the key's id, a dot, and what {@link seal} makes. */
export const sealUnder = (ring: KeyRing, plaintext: string, place: string): string =>
  `${ring.current.id}.${seal(ring.current.key, Buffer.from(plaintext), place)}`

/** Opens what {@link sealUnder} made; `undefined` for another place, a changed value, or a key that is gone. */
export function unsealUnder(ring: KeyRing, sealed: string, place: string): string | undefined {
  const [id = '', text = ''] = sealed.split('.', 2)
  const key = ring.find(id)
  return key && unseal(key.key, text, place)?.toString('utf8')
}
