import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { KeySource, VerificationKey } from '@gatehouse/guard/access-token'
import type { SigningKeyRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { KeyRings } from './key-rings.ts'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import { giveHint, type Hint } from './revocations.ts'
import { seal, unseal } from './sealing.ts'

/** Seconds that a key is published before it signs, so that everybody who caches the JWKS has it by then. */
export const publicationLead = 600

/** The key that signs now. */
export interface SigningKey {
  readonly kid: string
  readonly alg: 'ES256'
  readonly privateKey: KeyObject
}

/** What `keys list` shows of a key. */
export interface SigningKeySummary {
  readonly kid: string
  readonly alg: string
  readonly state: 'next' | 'current' | 'previous'
  readonly created_at: Seconds
  readonly signs_from: Seconds
  readonly signs_until: Seconds | null
  readonly expires_at: Seconds | null
}

/** The signing keys: in memory for use, in the store for keeps. */
export interface SigningKeys extends KeySource {
  /** The key that signs at this moment. Cost: none. */
  current(): SigningKey
  /** The public keys as a JWK set: the next one, the current one, and those whose tokens still live. */
  jwks(): { readonly keys: readonly JsonWebKey[] }
  /** Reads the keys anew: what another process or the command line changed. */
  reload(): Promise<void>
  /** Makes what is missing (a first key, a next key) and lets the next one take over on schedule. */
  maintain(): Promise<void>
  /** Lets the next key take over as soon as it has been published long enough; says when. */
  rotate(): Promise<{ readonly kid: string; readonly signs_from: Seconds }>
  /**
   * Takes a key out of use at once, whatever it signed: the caller revokes its tokens by `kid`, in `alongside`, so that
   * both happen or neither does. `not_found` for an unknown or expired kid.
   */
  withdraw(kid: string, alongside: (tables: Tables) => Promise<void>): Promise<void>
  list(): readonly SigningKeySummary[]
}

interface LoadedKey {
  readonly row: SigningKeyRow
  readonly publicJwk: JsonWebKey
  readonly verification: VerificationKey
  readonly signing: SigningKey
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly rings: KeyRings
  /** Seconds between two scheduled rotations. */
  readonly rotateEvery: () => Seconds
  readonly hint: Hint
}

/** Opens the signing keys and makes the first two where there are none. Cost: one read; key generation at the first start. */
export async function openSigningKeys(dependencies: Dependencies): Promise<SigningKeys> {
  const keys = new StoredSigningKeys(dependencies)
  await keys.reload()
  await keys.maintain()
  return keys
}

class StoredSigningKeys implements SigningKeys {
  readonly #store: Store
  readonly #clock: Clock
  readonly #rings: KeyRings
  readonly #rotateEvery: () => Seconds
  readonly #hint: Hint
  #byKid = new Map<string, LoadedKey>()
  #inOrder: readonly LoadedKey[] = []

  constructor({ store, clock, rings, rotateEvery, hint }: Dependencies) {
    this.#hint = hint
    this.#store = store
    this.#clock = clock
    this.#rings = rings
    this.#rotateEvery = rotateEvery
  }

  current(): SigningKey {
    const now = this.#clock.now()
    for (let index = this.#inOrder.length - 1; index >= 0; index -= 1) {
      const key = this.#inOrder[index]
      if (key && key.row.signs_from <= now && (key.row.signs_until === null || key.row.signs_until > now))
        return key.signing
    }
    // A clock that was set back to before the first key: better that key than no tokens until the clock has caught up.
    const first = this.#inOrder.find(({ row }) => row.signs_until === null)
    if (first) return first.signing
    throw new GatehouseError('temporarily_unavailable', { cause: new Error('no signing key is in use'), retryAfter: 5 })
  }

  find(kid: string): VerificationKey | undefined {
    return this.#byKid.get(kid)?.verification
  }

  jwks(): { keys: readonly JsonWebKey[] } {
    const now = this.#clock.now()
    return { keys: this.#inOrder.filter(({ row }) => isPublished(row, now)).map(({ publicJwk }) => publicJwk) }
  }

  async reload(): Promise<void> {
    const rows = await this.#store.signingKeys.list()
    this.#take(rows)
  }

  #take(rows: readonly SigningKeyRow[]): void {
    const now = this.#clock.now()
    const loaded = rows
      .filter((row) => isPublished(row, now))
      .map((row) => (this.#byKid.get(row.kid)?.row === row ? (this.#byKid.get(row.kid) as LoadedKey) : this.#load(row)))
    loaded.sort((a, b) => a.row.signs_from - b.row.signs_from)
    this.#inOrder = loaded
    this.#byKid = new Map(loaded.map((key) => [key.row.kid, key]))
  }

  #load(row: SigningKeyRow): LoadedKey {
    const known = this.#byKid.get(row.kid)
    if (known) return { ...known, row }
    const publicJwk = JSON.parse(row.public_jwk) as JsonWebKey // written by #create below
    const [ringKeyId = '', sealed = ''] = row.sealed_private_key.split('.', 2)
    const ringKey = this.#rings['signing-key'].find(ringKeyId)
    const der = ringKey && unseal(ringKey.key, sealed, placeOf(row.kid))
    if (!der) throw new GatehouseError('server_error', { cause: new Error(`signing key ${row.kid} cannot be opened`) })
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return {
      row,
      publicJwk,
      verification: { kid: row.kid, alg: row.alg, key: createPublicKey({ key: publicJwk, format: 'jwk' }) },
      signing: { kid: row.kid, alg: row.alg, privateKey },
    }
  }

  async maintain(): Promise<void> {
    if (this.#isComplete()) return
    await this.#change(async (tables, rows) => {
      const now = this.#clock.now()
      const live = rows.filter((row) => row.signs_until === null)
      const started = live.filter((row) => row.signs_from <= now).sort((a, b) => b.signs_from - a.signs_from)
      const [current, ...replaced] = started
      for (const row of replaced) {
        await tables.signingKeys.setTimes({ kid: row.kid, ...retireAt(current?.signs_from ?? now) })
      }
      if (!current) await tables.signingKeys.insert(this.#create(now))
      if (live.length === started.length) {
        const from = seconds(Math.max(now + publicationLead, (current?.signs_from ?? now) + this.#rotateEvery()))
        await tables.signingKeys.insert(this.#create(from))
      }
    })
  }

  /** One current key that nothing has overtaken, and one next key. */
  #isComplete(): boolean {
    const now = this.#clock.now()
    const live = this.#inOrder.filter(({ row }) => row.signs_until === null)
    return live.length === 2 && live.filter(({ row }) => row.signs_from <= now).length === 1
  }

  async rotate(): Promise<{ kid: string; signs_from: Seconds }> {
    await this.maintain()
    return this.#change(async (tables, rows) => {
      const now = this.#clock.now()
      const next = rows.find((row) => row.signs_until === null && row.signs_from > now)
      if (!next) throw new GatehouseError('server_error', { cause: new Error('there is no next key after maintain()') })
      const signsFrom = seconds(Math.min(next.signs_from, Math.max(now, next.created_at + publicationLead)))
      await tables.signingKeys.setTimes({ kid: next.kid, signs_from: signsFrom })
      return { kid: next.kid, signs_from: signsFrom }
    }).then(async (rotated) => {
      await this.maintain()
      return rotated
    })
  }

  async withdraw(kid: string, alongside: (tables: Tables) => Promise<void>): Promise<void> {
    await this.#change(async (tables, rows) => {
      const now = this.#clock.now()
      const row = rows.find((candidate) => candidate.kid === kid && isPublished(candidate, now))
      if (!row) throw new GatehouseError('not_found', { description: 'There is no such signing key' })
      await tables.signingKeys.setTimes({
        kid,
        signs_until: seconds(Math.min(row.signs_until ?? now, now)),
        expires_at: now,
      })
      await alongside(tables)
      const live = rows.filter((other) => other.kid !== kid && other.signs_until === null)
      if (live.some((other) => other.signs_from <= now)) return
      const [next] = live
      // An emergency: the next key signs at once, published long enough or not.
      if (next) await tables.signingKeys.setTimes({ kid: next.kid, signs_from: now })
      else await tables.signingKeys.insert(this.#create(now))
    })
    await this.maintain()
  }

  list(): readonly SigningKeySummary[] {
    const now = this.#clock.now()
    return this.#inOrder.map(({ row }) => ({
      kid: row.kid,
      alg: row.alg,
      state:
        row.signs_from > now ? 'next' : row.signs_until !== null && row.signs_until <= now ? 'previous' : 'current',
      created_at: row.created_at,
      signs_from: row.signs_from,
      signs_until: row.signs_until,
      expires_at: row.expires_at,
    }))
  }

  /** Reads (which takes the keys’ lock), decides and writes, so that two processes do not both make a next key; then reloads. */
  async #change<T>(decide: (tables: Tables, rows: readonly SigningKeyRow[]) => Promise<T>): Promise<T> {
    const result = await this.#store.transaction(async (tables) => {
      return decide(tables, await tables.signingKeys.list())
    })
    await this.reload()
    await giveHint(this.#hint, 'signing-keys')
    return result
  }

  #create(signsFrom: Seconds): SigningKeyRow {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const kid = randomToken(12)
    const ringKey = this.#rings['signing-key'].current
    const der = privateKey.export({ format: 'der', type: 'pkcs8' })
    return {
      kid,
      alg: 'ES256',
      public_jwk: JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }),
      sealed_private_key: `${ringKey.id}.${seal(ringKey.key, der, placeOf(kid))}`,
      created_at: this.#clock.now(),
      signs_from: signsFrom,
      signs_until: null,
      expires_at: null,
    }
  }
}

const placeOf = (kid: string): string => `signing_keys.sealed_private_key:${kid}`

const isPublished = (row: SigningKeyRow, now: Seconds): boolean => row.expires_at === null || row.expires_at > now

/** A key that stops signing stays published until the last token that it can have signed has expired. */
const retireAt = (moment: Seconds): { signs_until: Seconds; expires_at: Seconds } => ({
  signs_until: moment,
  expires_at: seconds(moment + longestAccessTokenLifetime + 60),
})
