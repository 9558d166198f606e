import { hash } from 'node:crypto'
import type { JsonObject } from '@gatehouse/core/json'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'

/** What somebody was sent to a provider for. */
export type Errand =
  | {
      readonly kind: 'sign_in'
      readonly flow: string
      /** Whether nobody comes in who has not proven anew who they are. */
      readonly isFresh?: boolean
    }
  /** To link an identity to the account of this session. */
  | { readonly kind: 'link'; readonly flow: string; readonly session: string }
  /** To sign out there too, and to go on to an address. */
  | { readonly kind: 'sign_out'; readonly goesOnTo: string }

/** What came back to a provider's address here. */
export interface CameBack {
  readonly errand: Errand
  readonly memory: JsonObject
  /** What was posted, as a form; undefined = it is in the query. */
  readonly posted: string | undefined
}

/**
 * Sign-ins that are under way at providers. Each is one browser's and one provider's, and good once: what comes back without
 * all of that is refused before anything is asked of anybody.
 * Spec: RFC 9700 sections 4.4.2 and 4.7. Threat: mix-up, login CSRF, replay of a callback.
 */
export interface PendingSignIns {
  /** The `state` of a new one. */
  newState(): string
  /** Cost: one statement. */
  begin(pending: PendingSignIn): Promise<void>
  /** Keeps what was posted until the browser comes for it; false where nothing is waited for, or something is kept already. */
  keepPosted(back: { readonly provider: string; readonly state: string; readonly form: string }): Promise<boolean>
  /** Takes it away; undefined where it is another browser's, another provider's, too old, or has come back already. */
  consume(back: {
    readonly provider: string
    readonly state: string
    readonly browser: string
  }): Promise<CameBack | undefined>
}

/** Somebody who is sent to a provider. */
export interface PendingSignIn {
  readonly provider: string
  readonly state: string
  /** The value of the browser's cookie. */
  readonly browser: string
  readonly errand: Errand
  readonly memory: JsonObject
}

/** Seconds that people may take there. */
const lifetime = 600
const stateFormat = /^[\w-]{43}$/

const digest = (text: string): string => hash('sha256', text, 'base64url')
const placeOf = (column: 'sealed' | 'answer', stateHash: string): string => `provider_sign_ins.${column}:${stateHash}`

export function createPendingSignIns({
  store,
  clock,
  ring,
}: {
  readonly store: Pick<Store, 'providerSignIns'>
  readonly clock: Clock
  readonly ring: KeyRing
}): PendingSignIns {
  return {
    newState: () => randomToken(32),

    async begin({ provider, state, browser, errand, memory }) {
      const state_hash = digest(state)
      const now = clock.now()
      await store.providerSignIns.insert({
        ...{ state_hash, provider, browser_hash: digest(browser), answer: null },
        sealed: sealUnder(ring, JSON.stringify({ errand, memory }), placeOf('sealed', state_hash)),
        created_at: now,
        expires_at: seconds(now + lifetime),
      })
    },

    async keepPosted({ provider, state, form }) {
      if (!stateFormat.test(state)) return false
      const state_hash = digest(state)
      const answer = sealUnder(ring, form, placeOf('answer', state_hash))
      return store.providerSignIns.putAnswer({ state_hash, provider, now: clock.now(), answer })
    },

    async consume({ provider, state, browser }) {
      if (!stateFormat.test(state)) return undefined
      const state_hash = digest(state)
      const asked = { state_hash, provider, browser_hash: digest(browser), now: clock.now() }
      const row = await store.providerSignIns.consume(asked)
      const sealed = row && unsealUnder(ring, row.sealed, placeOf('sealed', state_hash))
      if (sealed === undefined) return undefined
      // Only `begin` above makes what opens here.
      const { errand, memory } = JSON.parse(sealed) as Omit<CameBack, 'posted'>
      const posted = row?.answer == null ? undefined : unsealUnder(ring, row.answer, placeOf('answer', state_hash))
      return { errand, memory, posted }
    },
  }
}

/** The parameter by which a sign-in is known again: OAuth's, or SAML's. */
export const stateOf = (parameters: URLSearchParams): string | undefined =>
  parameters.get('state') ?? parameters.get('RelayState') ?? undefined
