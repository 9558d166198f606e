import { hash } from 'node:crypto'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'

/** What a challenge is for, and whose: signed for one place it counts in no other. */
export interface ChallengePlace {
  readonly purpose: 'sign_in' | 'factor' | 'register'
  /** The flow or the token that goes on with it, and the user where that is known; absent = whoever holds the challenge. */
  readonly holder?: string
}

/** What authenticators sign. Spec: WebAuthn Level 3 section 13.4.3. */
export interface PasskeyChallenges {
  /** 32 random bytes as base64url, good for five minutes and one use. Cost: one or two statements. */
  issue(place: ChallengePlace): Promise<string>
  /** Uses it up, whatever comes of it: of any number of callers, one gets true. */
  consume(place: ChallengePlace, challenge: string): Promise<boolean>
}

/** Seconds for which a challenge can be answered. */
export const challengeLifetime = 300
/** Challenges that one holder can have open at a time for one purpose: a page that asks without end fills nothing. */
const challengeLimit = 5

const hashChallenge = (challenge: string): string => hash('sha256', `passkey\n${challenge}`, 'base64url')

const holderHash = ({ purpose, holder }: ChallengePlace, id_hash: string): string =>
  hash('sha256', `passkey\n${purpose}\n${holder ?? id_hash}`, 'base64url')

/** They are flows whose only browser is the place that they were issued for. */
export function createPasskeyChallenges({
  store,
  clock,
}: {
  readonly store: Store
  readonly clock: Clock
}): PasskeyChallenges {
  return {
    async issue(place) {
      const challenge = randomToken(32)
      const id_hash = hashChallenge(challenge)
      const browser_hash = holderHash(place, id_hash)
      const now = clock.now()
      await store.flows.insert({
        ...{ id_hash, kind: 'passkey', browser_hash, client_id: null, session_id: null, provider_session: null },
        ...{ parameters: '{}', user_id: null, proven: '' },
        ...{ created_at: now, expires_at: seconds(now + challengeLifetime) },
      })
      if (place.holder !== undefined) await store.flows.removeAllBut({ browser_hash, keep: challengeLimit })
      return challenge
    },

    async consume(place, challenge) {
      const id_hash = hashChallenge(challenge)
      const row = await store.flows.find({ id_hash, browser_hash: holderHash(place, id_hash), now: clock.now() })
      return row !== undefined && (await store.flows.consume(id_hash))
    },
  }
}
