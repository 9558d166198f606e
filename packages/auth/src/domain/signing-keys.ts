import type { JsonWebKey } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { KeySource, VerificationKey } from '@gatehouse/guard/access-token'
import type { SigningKeyRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { KeyRing, KeyRings } from './key-rings.ts'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import {
  buildSigningKeyRow,
  type LoadedKey,
  type MakeKeyPair,
  makeKeyPair,
  openSigningKeyRow,
  type SigningAlg,
  type SigningKey,
  signingAlgs,
} from './make-signing-key.ts'
import { giveHint, type Hint } from './revocations.ts'

/** Seconds that a key is published before it signs, so that everybody who caches the JWKS has it by then. */
export const publicationLead = 600

/** What `keys list` shows of a key. */
export interface SigningKeySummary {
  readonly kid: string
  readonly alg: SigningAlg
  readonly state: 'next' | 'current' | 'previous'
  readonly created_at: Seconds
  readonly signs_from: Seconds
  readonly signs_until: Seconds | null
  readonly expires_at: Seconds | null
}

/** Which key takes over, and when. */
export interface Rotation {
  readonly kid: string
  readonly alg: SigningAlg
  readonly signs_from: Seconds
}

/**
 * The signing keys: in memory for use, in the store for keeps. Each algorithm has a current and a next key and a schedule
 * of its own. As a `KeySource` they are those of access tokens, ES256, and no other.
 */
export interface SigningKeys extends KeySource {
  /** The key that signs at this moment. Cost: none. */
  current(alg?: SigningAlg): SigningKey
  /** Published keys of every algorithm: for an ID token that comes back as a hint, never for an access token. */
  readonly all: KeySource
  /** The public keys as a JWK set: of each algorithm the next one, the current one, and those whose tokens still live. */
  jwks(): { readonly keys: readonly JsonWebKey[] }
  /** Reads the keys anew: what another process or the command line changed. */
  reload(): Promise<void>
  /** Makes what is missing (a first key, a next key) and lets the next one take over on schedule. */
  maintain(): Promise<void>
  /** Lets the next key of each algorithm take over as soon as it has been published long enough; says when. */
  rotate(): Promise<readonly Rotation[]>
  /**
   * Takes a key out of use at once, whatever it signed: the caller revokes its tokens by `kid`, in `alongside`, so that
   * both happen or neither does. `not_found` for an unknown or expired kid.
   */
  withdraw(kid: string, alongside: (tables: Tables) => Promise<void>): Promise<void>
  /** By algorithm, then in the order in which they sign. */
  list(): readonly SigningKeySummary[]
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly rings: KeyRings
  /** Seconds between two scheduled rotations. */
  readonly rotateEvery: () => Seconds
  readonly hint: Hint
  /** Where new keys come from; {@link makeKeyPair} unless said otherwise. */
  readonly makeKeyPair?: MakeKeyPair | undefined
}

/**
 * Opens the signing keys and makes the first two of each algorithm where there are none.
 * Cost: one read; at the first start also the making of keys, of which RSA takes some 0.3 s.
 */
export async function openSigningKeys(dependencies: Dependencies): Promise<SigningKeys> {
  const keys = new StoredSigningKeys(dependencies)
  await keys.reload()
  await keys.maintain()
  return keys
}

/** Hands out a row for a new key. */
type CreateKey = (alg: SigningAlg, signsFrom: Seconds) => Promise<SigningKeyRow>

class StoredSigningKeys implements SigningKeys {
  readonly #store: Store
  readonly #clock: Clock
  readonly #ring: KeyRing
  readonly #rotateEvery: () => Seconds
  readonly #hint: Hint
  readonly #makeKeyPair: MakeKeyPair
  #byKid = new Map<string, LoadedKey>()
  #byAlg = new Map<SigningAlg, readonly LoadedKey[]>()
  readonly #reads = { begun: 0, inUse: 0 }
  #published:
    | { readonly at: Seconds; readonly of: object; readonly set: { readonly keys: readonly JsonWebKey[] } }
    | undefined

  constructor(dependencies: Dependencies) {
    this.#hint = dependencies.hint
    this.#store = dependencies.store
    this.#clock = dependencies.clock
    this.#ring = dependencies.rings['signing-key']
    this.#rotateEvery = dependencies.rotateEvery
    this.#makeKeyPair = dependencies.makeKeyPair ?? makeKeyPair
  }

  readonly all: KeySource = { find: (kid) => this.#byKid.get(kid)?.verification }

  find(kid: string): VerificationKey | undefined {
    const key = this.#byKid.get(kid)?.verification
    return key?.alg === accessTokenAlg ? key : undefined
  }

  current(alg: SigningAlg = accessTokenAlg): SigningKey {
    const now = this.#clock.now()
    const keys = this.#of(alg)
    for (let index = keys.length - 1; index >= 0; index -= 1) {
      const key = keys[index]
      if (key && key.row.signs_from <= now && (key.row.signs_until === null || key.row.signs_until > now))
        return key.signing
    }
    // A clock that was set back to before the first key: better that key than no tokens until the clock has caught up.
    const first = keys.find(({ row }) => row.signs_until === null)
    if (first) return first.signing
    throw new GatehouseError('temporarily_unavailable', {
      cause: new Error(`no ${alg} signing key is in use`),
      retryAfter: 5,
    })
  }

  jwks(): { keys: readonly JsonWebKey[] } {
    const now = this.#clock.now()
    const known = this.#published
    // The same object for as long as it says the same, so that it need not be written anew for everybody who asks.
    if (known && known.at === now && known.of === this.#byAlg) return known.set
    const keys = this.#inOrder().flatMap(({ row, publicJwk }) => (isPublished(row, now) ? [publicJwk] : []))
    this.#published = { at: now, of: this.#byAlg, set: { keys } }
    return this.#published.set
  }

  async reload(): Promise<void> {
    const turn = ++this.#reads.begun
    const rows = await this.#store.signingKeys.list()
    // What was read before something newer is in use would bring back a key that has been taken out since.
    if (turn < this.#reads.inUse) return
    this.#reads.inUse = turn
    const loaded = rows
      .filter((row) => isPublished(row, this.#clock.now()))
      .map((row) => {
        const known = this.#byKid.get(row.kid)
        return known ? { ...known, row } : openSigningKeyRow(this.#ring, row)
      })
    loaded.sort((a, b) => a.row.signs_from - b.row.signs_from)
    this.#byAlg = new Map(signingAlgs.map((alg) => [alg, loaded.filter(({ row }) => row.alg === alg)]))
    this.#byKid = new Map(loaded.map((key) => [key.row.kid, key]))
  }

  async maintain(): Promise<void> {
    const now = this.#clock.now()
    const lacks = signingAlgs.map((alg) => ({ alg, ...lacking(this.#of(alg), now) }))
    if (lacks.every(({ current, next, replaced }) => !current && !next && !replaced)) return
    const wanted = lacks.flatMap(({ alg, current, next }) => [...(current ? [alg] : []), ...(next ? [alg] : [])])
    await this.#change(wanted, async (tables, rows, create) => {
      for (const alg of signingAlgs) await this.#maintainOne(alg, tables, ofAlg(rows, alg), create)
    })
  }

  async #maintainOne(
    alg: SigningAlg,
    tables: Tables,
    rows: readonly SigningKeyRow[],
    create: CreateKey,
  ): Promise<void> {
    const now = this.#clock.now()
    const live = rows.filter((row) => row.signs_until === null)
    const started = live.filter((row) => row.signs_from <= now).sort((a, b) => b.signs_from - a.signs_from)
    const [current, ...replaced] = started
    for (const row of replaced) {
      await tables.signingKeys.setTimes({ kid: row.kid, ...retireAt(current?.signs_from ?? now) })
    }
    if (!current) await tables.signingKeys.insert(await create(alg, now))
    if (live.length === started.length) {
      const from = seconds(Math.max(now + publicationLead, (current?.signs_from ?? now) + this.#rotateEvery()))
      await tables.signingKeys.insert(await create(alg, from))
    }
  }

  async rotate(): Promise<readonly Rotation[]> {
    await this.maintain()
    const rotated = await this.#change([], async (tables, rows) => {
      const now = this.#clock.now()
      const rotations: Rotation[] = []
      for (const alg of signingAlgs) {
        const next = ofAlg(rows, alg).find((row) => row.signs_until === null && row.signs_from > now)
        if (!next) throw new GatehouseError('server_error', { cause: new Error(`there is no next ${alg} key`) })
        const signsFrom = seconds(Math.min(next.signs_from, Math.max(now, next.created_at + publicationLead)))
        await tables.signingKeys.setTimes({ kid: next.kid, signs_from: signsFrom })
        rotations.push({ kid: next.kid, alg, signs_from: signsFrom })
      }
      return rotations
    })
    await this.maintain()
    return rotated
  }

  async withdraw(kid: string, alongside: (tables: Tables) => Promise<void>): Promise<void> {
    await this.#change([], async (tables, rows, create) => {
      const now = this.#clock.now()
      const row = rows.find((candidate) => candidate.kid === kid && isPublished(candidate, now))
      if (!row) throw new GatehouseError('not_found', { description: 'There is no such signing key' })
      await tables.signingKeys.setTimes({
        kid,
        signs_until: seconds(Math.min(row.signs_until ?? now, now)),
        expires_at: now,
      })
      await alongside(tables)
      const live = ofAlg(rows, row.alg).filter((other) => other.kid !== kid && other.signs_until === null)
      if (live.some((other) => other.signs_from <= now)) return
      const [next] = live
      // An emergency: the next key signs at once, published long enough or not.
      if (next) await tables.signingKeys.setTimes({ kid: next.kid, signs_from: now })
      else await tables.signingKeys.insert(await create(row.alg, now))
    })
    await this.maintain()
  }

  list(): readonly SigningKeySummary[] {
    const now = this.#clock.now()
    return this.#inOrder().map(({ row }) => ({
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

  #of(alg: SigningAlg): readonly LoadedKey[] {
    return this.#byAlg.get(alg) ?? []
  }

  #inOrder(): readonly LoadedKey[] {
    return signingAlgs.flatMap((alg) => this.#of(alg))
  }

  /**
   * Reads (which takes the keys’ lock), decides and writes, so that two processes do not both make a next key; then
   * reloads. The keys that will be `wanted` are made before: nothing waits on the lock for an RSA key.
   */
  async #change<T>(
    wanted: readonly SigningAlg[],
    decide: (tables: Tables, rows: readonly SigningKeyRow[], create: CreateKey) => Promise<T>,
  ): Promise<T> {
    const made = await Promise.all(wanted.map(async (alg) => ({ alg, pair: await this.#makeKeyPair(alg) })))
    const create: CreateKey = async (alg, signsFrom) => {
      const index = made.findIndex((spare) => spare.alg === alg)
      const pair = made.splice(index, index === -1 ? 0 : 1)[0]?.pair ?? (await this.#makeKeyPair(alg))
      return buildSigningKeyRow(this.#ring, pair, { alg, now: this.#clock.now(), signsFrom })
    }
    const result = await this.#store.transaction(async (tables) =>
      decide(tables, await tables.signingKeys.list(), create),
    )
    await this.reload()
    await giveHint(this.#hint, 'signing-keys')
    return result
  }
}

const accessTokenAlg: SigningAlg = 'ES256'

const ofAlg = (rows: readonly SigningKeyRow[], alg: SigningAlg): readonly SigningKeyRow[] =>
  rows.filter((row) => row.alg === alg)

/** Whether there is no key that signs, no key that will, or one that another has overtaken. */
function lacking(keys: readonly LoadedKey[], now: Seconds): { current: boolean; next: boolean; replaced: boolean } {
  const live = keys.filter(({ row }) => row.signs_until === null)
  const started = live.filter(({ row }) => row.signs_from <= now).length
  return { current: started === 0, next: live.length === started, replaced: started > 1 }
}

const isPublished = (row: SigningKeyRow, now: Seconds): boolean => row.expires_at === null || row.expires_at > now

/** A key that stops signing stays published until the last token that it can have signed has expired. */
const retireAt = (moment: Seconds): { signs_until: Seconds; expires_at: Seconds } => ({
  signs_until: moment,
  expires_at: seconds(moment + longestAccessTokenLifetime + clockTolerance),
})
