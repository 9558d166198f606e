import { hash } from 'node:crypto'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'

/** Seconds for which somebody can be away to sign in, and still finds a form kept (30 minutes). */
export const detourLifetime = 1800

/** Forms that were sent without a session, until their senders have signed in. */
export interface KeptForms {
  /** Keeps what was sent; the answer is what brings it back. Cost: one statement. */
  keep(host: string, body: string): Promise<string>
  /** Takes it back, once; absent where it has been taken, or has expired. Cost: one statement. */
  consume(host: string, id: string): Promise<string | undefined>
}

const hashId = (id: string): string => hash('sha256', id, 'base64url')

/** What people type may be anything: it is sealed, for its own place. */
const placeOf = (host: string, id: string): string => `kept_forms.sealed:${host}:${hashId(id)}`

export const createKeptForms = ({
  store,
  clock,
  ring,
}: {
  readonly store: Pick<Store, 'keptForms'>
  readonly clock: Clock
  readonly ring: KeyRing
}): KeptForms => ({
  async keep(host, body) {
    const id = randomToken(32)
    const sealed = sealUnder(ring, body, placeOf(host, id))
    await store.keptForms.insert({ hash: hashId(id), sealed, expires_at: seconds(clock.now() + detourLifetime) })
    return id
  },
  async consume(host, id) {
    const row = await store.keptForms.consume(hashId(id), clock.now())
    return row && unsealUnder(ring, row.sealed, placeOf(host, id))
  },
})
