import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { KeySource, VerificationKey } from './access-token.ts'
import type { Discovery } from './discovery.ts'
import { fetchJson } from './fetch-json.ts'
import { parseKeySet } from './jwk.ts'
import { isSameKey } from './signature.ts'

/** How long a key set is fresh, in seconds: what Cache-Control says, within these bounds. */
const freshness = { least: 60, usual: 300, most: 86_400 }
/** For how many seconds after the last good fetch the keys are still used while the issuer is away. */
const maxAge = 86_400
/** How many seconds lie between two fetches that unknown key ids ask for. */
const unknownKeyPause = 30

/** The issuer's keys, fetched and kept. */
export interface RemoteKeys extends KeySource {
  /**
   * Nothing where keys are at hand (a stale set is renewed behind the caller's back); otherwise a promise of the first
   * fetch. It rejects with `temporarily_unavailable` while the issuer is away and no keys younger than 24 h are known.
   */
  ready(): Promise<void> | undefined
  /**
   * Asks the issuer again because a key id was unknown: at most once in 30 s, however many ask. Whether it is worth
   * looking the key up again.
   */
  refetch(): Promise<boolean>
}

/** Where the keys come from: a key set's URL, or the issuer's metadata, which names it. */
export interface RemoteKeysOptions {
  readonly jwksUri?: string
  readonly discovery: Discovery
  readonly fetch: typeof fetch
  readonly clock: Clock
}

/** Builds the key source of one issuer; nothing is fetched before it is first asked. Spec: RFC 7517 section 5. */
export const createRemoteKeys = (options: RemoteKeysOptions): RemoteKeys => new FetchedKeys(options)

class FetchedKeys implements RemoteKeys {
  readonly #options: RemoteKeysOptions
  #keys: ReadonlyMap<string, VerificationKey> = new Map()
  #fetchedAt: number | undefined
  #freshUntil = 0
  #failures = 0
  #retryAt = 0
  #refetchAllowedAt = 0
  #lastFailure: unknown
  #fetching: Promise<void> | undefined

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  find(kid: string): VerificationKey | undefined {
    return this.#keys.get(kid)
  }

  ready(): Promise<void> | undefined {
    const now = this.#options.clock.now()
    if (this.#fetchedAt !== undefined && now < this.#freshUntil) return undefined
    if (this.#fetchedAt !== undefined && now - this.#fetchedAt < maxAge) {
      if (now >= this.#retryAt) this.#fetch().catch(() => {})
      return undefined
    }
    this.#keys = new Map()
    if (!this.#fetching && now < this.#retryAt) return Promise.reject(this.#lastFailure)
    return this.#fetch()
  }

  async refetch(): Promise<boolean> {
    const now = this.#options.clock.now()
    if (!this.#fetching) {
      if (now < this.#refetchAllowedAt) return false
      this.#refetchAllowedAt = now + unknownKeyPause
    }
    return this.#fetch().then(
      () => true,
      () => false,
    )
  }

  /** One fetch at a time: whoever comes while it runs gets the same one. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#load().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #load(): Promise<void> {
    const { clock, discovery, fetch } = this.#options
    try {
      const uri = this.#options.jwksUri ?? (await discovery.get()).jwksUri
      const answer = await fetchJson(fetch, uri)
      const keys = parseKeySet(answer.body)
      if (keys.size === 0)
        throw new GatehouseError('temporarily_unavailable', { cause: new Error(`${uri}: no usable key`) })
      this.#keys = keepUnchanged(keys, this.#keys)
      this.#failures = 0
      this.#retryAt = 0
      this.#fetchedAt = clock.now()
      const asked = answer.maxAge ?? freshness.usual
      this.#freshUntil = this.#fetchedAt + Math.min(Math.max(asked, freshness.least), freshness.most)
    } catch (error) {
      discovery.forget()
      this.#lastFailure = error
      this.#retryAt = clock.now() + Math.min(2 ** this.#failures, 30)
      this.#failures += 1
      throw error
    }
  }
}

/** A key that is still the same stays the same object, so that tokens verified with it need not be verified again. */
function keepUnchanged(
  keys: ReadonlyMap<string, VerificationKey>,
  before: ReadonlyMap<string, VerificationKey>,
): ReadonlyMap<string, VerificationKey> {
  return new Map(
    [...keys].map(([kid, key]) => {
      const old = before.get(kid)
      return [kid, old && isSameKey(old, key) ? old : key]
    }),
  )
}
