import { randomBytes } from 'node:crypto'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { DataKeyRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { seal, unseal } from './sealing.ts'

/** What a ring's keys are for. One purpose, one ring: a value sealed for one opens under no other. */
export type RingPurpose =
  | 'refresh-token'
  | 'signing-key'
  /** Opaque access tokens. */
  | 'access-token'
  /** Client secrets that a MAC needs in clear. */
  | 'client-secret'
  | 'dpop-nonce'
  /** Secrets of second factors. */
  | 'factor'
  /** What an authorization request carries. */
  | 'authorization'
  /** Mails that are under way, and what is proven by them. */
  | 'mail'
  /** What is under way at outside providers, and what they gave. */
  | 'federation'
  /** Names of users for one sector alone; its one key stays for ever. */
  | 'pairwise-subject'

/** Every purpose. */
export const purposes: readonly RingPurpose[] = [
  'refresh-token',
  'signing-key',
  'access-token',
  'client-secret',
  'dpop-nonce',
  'factor',
  'authorization',
  'mail',
  'federation',
  'pairwise-subject',
]

/** A data key: 256 random bits and the id under which rows name it. */
export interface DataKey {
  readonly id: string
  readonly key: Buffer
}

/** The data keys of one purpose. */
export interface KeyRing {
  /** The key for new values. */
  readonly current: DataKey
  /** The key that a row names; absent for an id that is not on the ring. */
  find(id: string): DataKey | undefined
}

/** All rings, opened. */
export type KeyRings = Readonly<Record<RingPurpose, KeyRing>>

/** Thrown at start when a data key opens under no master key that was given: nothing has been touched. */
export class WrongMasterKeyError extends Error {
  constructor() {
    super(
      'the master key does not open the keys in this database: give the one that it was made with, or master_key_previous beside the new one',
    )
    this.name = 'WrongMasterKeyError'
  }
}

/**
 * Opens the rings, and makes the first key of each that is empty. Cost: one read, and one transaction at the very first start.
 * A data key that only `previous` opens is wrapped anew under `master`.
 * Throws {@link WrongMasterKeyError}.
 */
export async function openKeyRings(
  { store, clock }: { readonly store: Pick<Store, 'dataKeys' | 'transaction'>; readonly clock: Clock },
  master: { readonly key: Buffer; readonly previous?: Buffer | undefined },
): Promise<KeyRings> {
  const rows = await store.dataKeys.list()
  // First of all, so that a wrong master key is found out before anything is written under it.
  const opened = openRows(rows, master)
  for (const { row, key, isPrevious } of opened) {
    if (isPrevious)
      await store.dataKeys.rewrap({ ...row, wrapped_key: seal(master.key, key, placeOf(row.purpose, row.id)) })
  }
  const all =
    purposesWithout(rows).length === 0 ? opened : openRows(await makeFirstKeys(store, clock, master.key), master)
  const ringOf = (purpose: RingPurpose): KeyRing => {
    const keys = all
      .filter(({ row }) => row.purpose === purpose)
      .sort((a, b) => b.row.created_at - a.row.created_at || (a.row.id < b.row.id ? -1 : 1))
      .map(({ row, key }) => ({ id: row.id, key }))
    const [current] = keys
    if (!current) throw new WrongMasterKeyError()
    const byId = new Map(keys.map((key) => [key.id, key]))
    return { current, find: (id) => byId.get(id) }
  }
  return {
    'refresh-token': ringOf('refresh-token'),
    'signing-key': ringOf('signing-key'),
    'access-token': ringOf('access-token'),
    'client-secret': ringOf('client-secret'),
    'dpop-nonce': ringOf('dpop-nonce'),
    factor: ringOf('factor'),
    authorization: ringOf('authorization'),
    mail: ringOf('mail'),
    federation: ringOf('federation'),
    'pairwise-subject': ringOf('pairwise-subject'),
  }
}

interface OpenedRow {
  readonly row: DataKeyRow
  readonly key: Buffer
  /** Whether only the previous master key opens it. */
  readonly isPrevious: boolean
}

function openRows(
  rows: readonly DataKeyRow[],
  master: { readonly key: Buffer; readonly previous?: Buffer | undefined },
): readonly OpenedRow[] {
  return rows.map((row) => {
    const place = placeOf(row.purpose, row.id)
    const key = unseal(master.key, row.wrapped_key, place)
    if (key) return { row, key, isPrevious: false }
    const before = master.previous && unseal(master.previous, row.wrapped_key, place)
    if (!before) throw new WrongMasterKeyError()
    return { row, key: before, isPrevious: true }
  })
}

const purposesWithout = (rows: readonly DataKeyRow[]): readonly RingPurpose[] =>
  purposes.filter((purpose) => !rows.some((row) => row.purpose === purpose))

/**
 * Makes what is still missing once nobody else can: two processes that start on an empty database must have the same
 * rings, or neither could read what the other has sealed.
 */
function makeFirstKeys(
  store: Pick<Store, 'transaction'>,
  clock: Clock,
  master: Buffer,
): Promise<readonly DataKeyRow[]> {
  return store.transaction(async (tables) => {
    // In a transaction this takes the lock of the keys, which is all that it is read for.
    await tables.signingKeys.list()
    for (const purpose of purposesWithout(await tables.dataKeys.list())) {
      const id = randomToken(6)
      const wrapped_key = seal(master, randomBytes(32), placeOf(purpose, id))
      await tables.dataKeys.insert({ id, purpose, wrapped_key, created_at: clock.now() })
    }
    return tables.dataKeys.list()
  })
}

const placeOf = (purpose: string, id: string): string => `data_keys.wrapped_key:${purpose}:${id}`

/**
 * Reads a master key: 32 bytes as base64, base64url or hexadecimal. `undefined` for anything else.
 */
export function parseMasterKey(text: string): Buffer | undefined {
  const trimmed = text.trim()
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex')
  if (!/^[\w+/-]{43}=?$/.test(trimmed)) return undefined
  const bytes = Buffer.from(trimmed, 'base64url')
  return bytes.length === 32 ? bytes : undefined
}
