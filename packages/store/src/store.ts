import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@gatehouse/core/time'
import type { Connection, HintChannel, OnMessage, OnWaiting } from './database.ts'
import { removeExpired } from './expire.ts'
import { findMigrationState, migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import { openSqlite } from './sqlite/open-sqlite.ts'
import { WorkerThread } from './sqlite/worker-thread.ts'
import { type Audit, createAudit } from './tables/audit.ts'
import { type AuthorizationCodes, createAuthorizationCodes } from './tables/authorization-codes.ts'
import { type Clients, createClients } from './tables/clients.ts'
import { type Consents, createConsents } from './tables/consents.ts'
import { createDataKeys, type DataKeys } from './tables/data-keys.ts'
import { createDecoupledRequests, type DecoupledRequests } from './tables/decoupled-requests.ts'
import { createFactors, type Factors } from './tables/factors.ts'
import { createFamiliarAddresses, type FamiliarAddresses } from './tables/familiar-addresses.ts'
import { createFlows, type Flows } from './tables/flows.ts'
import { createGrants, type Grants } from './tables/grants.ts'
import { createInitialAccessTokens, type InitialAccessTokens } from './tables/initial-access-tokens.ts'
import { createKeptForms, type KeptForms } from './tables/kept-forms.ts'
import { createLinkedIdentities, type LinkedIdentities } from './tables/linked-identities.ts'
import { createLogoutDeliveries, type LogoutDeliveries } from './tables/logout-deliveries.ts'
import { createMailedProofs, type MailedProofs } from './tables/mailed-proofs.ts'
import { createMails, type Mails } from './tables/mails.ts'
import { createMemberships, type Memberships } from './tables/memberships.ts'
import { createOrganisationInvitations, type OrganisationInvitations } from './tables/organisation-invitations.ts'
import { createOrganisations, type Organisations } from './tables/organisations.ts'
import { createProviderSessions, type ProviderSessions } from './tables/provider-sessions.ts'
import { createProviderSignIns, type ProviderSignIns } from './tables/provider-sign-ins.ts'
import { createProviderTokens, type ProviderTokens } from './tables/provider-tokens.ts'
import { createPushedRequests, type PushedRequests } from './tables/pushed-requests.ts'
import { createRecoveryCodes, type RecoveryCodes } from './tables/recovery-codes.ts'
import { createRefusals, type Refusals } from './tables/refusals.ts'
import { createRememberedDevices, type RememberedDevices } from './tables/remembered-devices.ts'
import { createRevocations, type Revocations } from './tables/revocations.ts'
import { createSessionClients, type SessionClients } from './tables/session-clients.ts'
import { createSessions, type Sessions } from './tables/sessions.ts'
import { createSetupTokens, type SetupTokens } from './tables/setup-tokens.ts'
import { createSignInFailures, type SignInFailures } from './tables/sign-in-failures.ts'
import { createSigningKeys, type SigningKeys } from './tables/signing-keys.ts'
import { createUsedIdentifiers, type UsedIdentifiers } from './tables/used-identifiers.ts'
import { createUsers, type Users } from './tables/users.ts'
import type { Writes } from './write-watch.ts'

/** What a store is opened with. */
export interface StoreOptions {
  /** `postgres://…`, or the path of a SQLite file, or `:memory:`. */
  readonly url: string
  readonly clock: Clock
  /** What was started for it before. */
  readonly prepared?: PreparedStore | undefined
  /**
   * Whether whoever asks just now may be kept waiting ten seconds for a connection to Postgres, as a command and a start may,
   * where a request is refused within one. Left out: never.
   */
  readonly isPatient?: (() => boolean) | undefined
}

/** What a store on SQLite needs, before it is known where the database lies. */
export interface PreparedStore {
  readonly thread: WorkerThread
}

/**
 * Starts what a store on SQLite needs, for whoever still has to read where the database lies: {@link openStore} takes it over,
 * and ends it where it is not needed. Cost: a thread, some 30 ms of another processor.
 */
export const prepareStore = (): PreparedStore => ({ thread: WorkerThread.start() })

/** The queries of every table. */
export interface Tables {
  readonly users: Users
  readonly sessions: Sessions
  readonly grants: Grants
  readonly clients: Clients
  readonly signingKeys: SigningKeys
  readonly dataKeys: DataKeys
  readonly revocations: Revocations
  readonly audit: Audit
  readonly usedIdentifiers: UsedIdentifiers
  readonly signInFailures: SignInFailures
  readonly familiarAddresses: FamiliarAddresses
  readonly setupTokens: SetupTokens
  readonly authorizationCodes: AuthorizationCodes
  readonly flows: Flows
  readonly pushedRequests: PushedRequests
  readonly consents: Consents
  readonly sessionClients: SessionClients
  readonly decoupledRequests: DecoupledRequests
  readonly logoutDeliveries: LogoutDeliveries
  readonly mails: Mails
  readonly mailedProofs: MailedProofs
  readonly initialAccessTokens: InitialAccessTokens
  readonly keptForms: KeptForms
  readonly factors: Factors
  readonly recoveryCodes: RecoveryCodes
  readonly rememberedDevices: RememberedDevices
  readonly organisations: Organisations
  readonly memberships: Memberships
  readonly organisationInvitations: OrganisationInvitations
  readonly providerSignIns: ProviderSignIns
  readonly linkedIdentities: LinkedIdentities
  readonly providerSessions: ProviderSessions
  readonly providerTokens: ProviderTokens
  readonly refusals: Refusals
}

/**
 * A database that has been opened. Everything rejects with temporarily_unavailable while the database is away, full or
 * locked for longer than 2 s, and is then not done, unless the connection broke before the answer to a commit.
 */
export interface Store extends Tables {
  readonly dialect: 'sqlite' | 'postgres'
  /** Runs what has not been run yet, one process at a time; the names of what was run now. */
  migrate(onWaiting?: OnWaiting): Promise<readonly string[]>
  /** The names of what `migrate` would run. */
  pendingMigrations(): Promise<readonly string[]>
  /** Names that the database has and this program does not know: a newer one migrated it. Worth a line in the log. */
  unknownMigrations(): Promise<readonly string[]>
  /**
   * Runs everything on the tables that it is handed in one transaction (BEGIN IMMEDIATE on SQLite), rolled back when it
   * rejects or any statement of it fails. On SQLite all other statements wait meanwhile: wait inside for these tables only,
   * never for the store's own, a hash or the network. Issue together what belongs together: one tick is one message.
   */
  transaction<T>(run: (tables: Tables) => Promise<T>): Promise<T>
  /** Rejects within 1 s when the database is away. */
  ping(): Promise<void>
  /** What became of the last writes of this process. */
  readonly writes: Writes
  /** Writes a row that nobody needs, to find out whether that can be done. */
  tryWriting(): Promise<void>
  /** Calls for each hint and each message of another process, until the returned function is called. SQLite: never. */
  listen(onHint: (channel: string) => void, onMessage?: OnMessage): Promise<() => Promise<void>>
  /** Tells the other processes to look again. SQLite: tells nobody. */
  notify(channel: HintChannel): Promise<void>
  /**
   * Says to all processes, this one too, what stands in no table: who does not listen just then never hears of it. Each
   * message is ASCII and shorter than 8000 bytes. SQLite: tells nobody. Cost: one round trip, which waits for no disk.
   */
  broadcast(messages: readonly string[]): Promise<void>
  /** Removes at most `limit` expired rows of each table (500 unless told) and returns how many rows went. */
  removeExpired(limit?: number): Promise<number>
  /** Answers what was asked before, and closes. */
  close(): Promise<void>
}

/** Loaded when it is used: a start on SQLite need not wait for the driver. */
const openOnPostgres = async (options: StoreOptions) =>
  (await import('./postgres/open-postgres.ts')).openPostgres(options)

/** Opens a store, and does not migrate it. A SQLite file is made if it is not there; Postgres is connected to at first use. */
export async function openStore({ url, clock, prepared, isPatient }: StoreOptions): Promise<Store> {
  const isPostgres = /^postgres(ql)?:\/\//.test(url)
  if (isPostgres) await prepared?.thread.close()
  const database = isPostgres
    ? await openOnPostgres({ url, clock, isPatient })
    : await openSqlite({ url, clock, thread: prepared?.thread })
  const { connection } = database
  return {
    ...createTables(connection),
    dialect: connection.dialect.name,
    migrate: (onWaiting) => migrate(database, migrations, onWaiting),
    pendingMigrations: async () =>
      (await findMigrationState(connection, migrations)).pending.map((migration) => migration.name),
    unknownMigrations: async () => (await findMigrationState(connection, migrations)).unknown,
    transaction: (run) => connection.transaction((inner) => run(TransactionTables.over(inner))),
    ping: () => database.ping(),
    writes: database.writes,
    tryWriting: async () => {
      const row = { kind: 'write_test', hash: randomBytes(32).toString('base64url'), expires_at: clock.now() }
      await createUsedIdentifiers(connection).consume(row)
    },
    listen: (onHint, onMessage = () => {}) => database.listen(onHint, onMessage),
    notify: (channel) => database.notify(channel),
    broadcast: (messages) => database.broadcast(messages),
    removeExpired: (limit) => removeExpired(connection, limit),
    close: async () => {
      // What was asked for in this very tick is still on its way through the query builder.
      await setImmediate()
      await database.close()
    },
  }
}

/** What builds the queries of each table. */
const builders: { readonly [Name in keyof Tables]: (connection: Connection) => Tables[Name] } = {
  users: createUsers,
  sessions: createSessions,
  grants: createGrants,
  clients: createClients,
  signingKeys: createSigningKeys,
  dataKeys: createDataKeys,
  revocations: createRevocations,
  audit: createAudit,
  usedIdentifiers: createUsedIdentifiers,
  signInFailures: createSignInFailures,
  familiarAddresses: createFamiliarAddresses,
  setupTokens: createSetupTokens,
  authorizationCodes: createAuthorizationCodes,
  flows: createFlows,
  pushedRequests: createPushedRequests,
  consents: createConsents,
  sessionClients: createSessionClients,
  decoupledRequests: createDecoupledRequests,
  logoutDeliveries: createLogoutDeliveries,
  mails: createMails,
  mailedProofs: createMailedProofs,
  initialAccessTokens: createInitialAccessTokens,
  keptForms: createKeptForms,
  factors: createFactors,
  recoveryCodes: createRecoveryCodes,
  rememberedDevices: createRememberedDevices,
  organisations: createOrganisations,
  memberships: createMemberships,
  organisationInvitations: createOrganisationInvitations,
  providerSignIns: createProviderSignIns,
  linkedIdentities: createLinkedIdentities,
  providerSessions: createProviderSessions,
  providerTokens: createProviderTokens,
  refusals: createRefusals,
}

/** In the compiler's eyes the keys of an object are any text. */
const tableNames = Object.keys(builders) as readonly (keyof Tables)[]

/** Builds the queries of every table over the database. */
const createTables = (connection: Connection): Tables =>
  // One for each name, by the builder of that name.
  Object.fromEntries(tableNames.map((name) => [name, builders[name](connection)])) as unknown as Tables

/**
 * The tables in one transaction. Each is built when it is first asked for, since a transaction asks for a few of thirty-four.
 */
class TransactionTables {
  readonly #connection: Connection
  readonly #built: Partial<Record<keyof Tables, Tables[keyof Tables]>> = {}

  constructor(connection: Connection) {
    this.#connection = connection
  }

  static {
    for (const name of tableNames) {
      Object.defineProperty(TransactionTables.prototype, name, {
        get(this: TransactionTables) {
          this.#built[name] ??= builders[name](this.#connection)
          return this.#built[name]
        },
      })
    }
  }

  /** What has the properties above has all of them. */
  static over(connection: Connection): Tables {
    return new TransactionTables(connection) as unknown as Tables
  }
}
