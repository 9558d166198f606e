import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import { openStore, type Store } from '../store.ts'
import { startPostgres, type TestPostgres } from './postgres.ts'

/** Every way in which a store can be kept. */
export const databaseKinds = ['SQLite in memory', 'a SQLite file', 'Postgres'] as const
/** See {@link databaseKinds}. */
export type DatabaseKind = (typeof databaseKinds)[number]

/** An open store and what it stands on. */
export interface OpenedStore {
  readonly url: string
  readonly clock: ManualClock
  readonly store: Store
}

/** Makes databases of every kind; Postgres is started when it is first asked for. */
export class TestDatabases {
  readonly #stores: Store[] = []
  #folder: Promise<string> | undefined
  #postgres: Promise<TestPostgres> | undefined
  #files = 0

  postgres(): Promise<TestPostgres> {
    this.#postgres ??= startPostgres()
    return this.#postgres
  }

  /** The URL of an empty database. */
  async newUrl(kind: DatabaseKind): Promise<string> {
    if (kind === 'SQLite in memory') return ':memory:'
    if (kind === 'Postgres') return (await this.postgres()).newDatabase()
    this.#folder ??= mkdtemp(join(tmpdir(), 'gatehouse-store-'))
    this.#files += 1
    return join(await this.#folder, `${this.#files}.db`)
  }

  /** Opens a store, closed by `stop`. */
  async open(url: string, clock = new ManualClock()): Promise<OpenedStore> {
    const store = await openStore({ url, clock })
    this.#stores.push(store)
    return { url, clock, store }
  }

  /** Opens a store on a new, migrated database. */
  async openNew(kind: DatabaseKind): Promise<OpenedStore> {
    const opened = await this.open(await this.newUrl(kind))
    await opened.store.migrate()
    return opened
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close().catch(() => {})))
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true })
    if (this.#postgres) await (await this.#postgres).stop()
  }
}

/** What a suite is handed: a migrated store, and a second one on the same database as another process would have. */
export type OpenForSuite = () => OpenedStore & { readonly second: Store }
