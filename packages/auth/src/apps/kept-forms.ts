import { hash } from 'node:crypto'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'

/** Seconds for which somebody can be away to sign in, and still finds a form kept (30 minutes). */
export const detourLifetime = 1800

/** A form as it was sent. */
export interface KeptForm {
  /** Path and query that it was sent to. */
  readonly target: string
  /** Its Content-Type. */
  readonly type: string
  /** One character for each byte. */
  readonly body: string
  /** Hash of the cookie of the browser that has sent it. */
  readonly browser: string
  /** Who alone may send it, by id; null = nobody was known when it was sent. */
  readonly sender: string | null
  /** Whether its sender has to be asked: it was sent without a session. */
  readonly asks: boolean
}

/** Forms that were sent without a session, until their senders have signed in and they are sent again. */
export interface KeptForms {
  /** Keeps what was sent; the answer is what brings it back. Cost: one statement. */
  keep(host: string, form: KeptForm): Promise<string>
  /** Looks at it; absent where it has been taken, or has expired. Cost: one statement. */
  find(host: string, id: string): Promise<KeptForm | undefined>
  /** Takes it away, once; absent as above. Cost: one statement. */
  take(host: string, id: string): Promise<KeptForm | undefined>
  /** Keeps one that was taken again, under its id, for as long as one that comes now. Cost: one statement. */
  putBack(host: string, id: string, form: KeptForm): Promise<void>
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
}): KeptForms => {
  const open = (host: string, id: string, row: { readonly sealed: string } | undefined): KeptForm | undefined => {
    const text = row && unsealUnder(ring, row.sealed, placeOf(host, id))
    if (text === undefined) return undefined
    const form = JSON.parse(text) as KeptForm // what opens was sealed by `keep` below
    return { ...form, body: Buffer.from(form.body, 'base64').toString('latin1') }
  }
  const insert = (host: string, id: string, form: KeptForm): Promise<void> => {
    // As the text that it is, a byte that JSON escapes would take six.
    const body = Buffer.from(form.body, 'latin1').toString('base64')
    const sealed = sealUnder(ring, JSON.stringify({ ...form, body }), placeOf(host, id))
    return store.keptForms.insert({ hash: hashId(id), sealed, expires_at: seconds(clock.now() + detourLifetime) })
  }
  return {
    async keep(host, form) {
      const id = randomToken(32)
      await insert(host, id, form)
      return id
    },
    find: async (host, id) => open(host, id, await store.keptForms.find(hashId(id), clock.now())),
    take: async (host, id) => open(host, id, await store.keptForms.consume(hashId(id), clock.now())),
    putBack: insert,
  }
}
