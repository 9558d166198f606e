import type { Clock } from '@gatehouse/core/time'
import { ConnectionLost, type Deadline, type LdapConnection, openConnection } from './ldap-connection.ts'
import type { LdapServer } from './ldap-settings.ts'

/** How long a server that failed is left alone, in seconds. */
const restSeconds = 30
/** The longest that one server is waited for to connect, in milliseconds, so that there is time left for the next. */
const connectMs = 2000

/** What is done on a new connection before anything else. */
type Prepare = (connection: LdapConnection, deadline: Deadline) => Promise<void>

/** The servers of one directory, of which the first that answers is taken. */
export class LdapServers {
  readonly #servers: readonly LdapServer[]
  readonly #authorities: string | undefined
  readonly #clock: Clock
  readonly #restingUntil = new Map<LdapServer, number>()

  constructor(parts: {
    readonly servers: readonly LdapServer[]
    readonly authorities: string | undefined
    readonly clock: Clock
  }) {
    this.#servers = parts.servers
    this.#authorities = parts.authorities
    this.#clock = parts.clock
  }

  /**
   * Connects to the first server that can be had, in order; those that failed lately only where there is no other.
   * `prepare` is done on the new connection and is part of what a server may fail at. Throws what the last one failed with.
   */
  async connect(deadline: Deadline, prepare: Prepare): Promise<LdapConnection> {
    const now = this.#clock.now()
    const isResting = (server: LdapServer): boolean => (this.#restingUntil.get(server) ?? 0) > now
    const rested = this.#servers.filter((server) => !isResting(server))
    let failure: unknown
    for (const server of rested.length > 0 ? rested : this.#servers) {
      if (performance.now() >= deadline) break
      try {
        const connection = await this.#open(server, deadline, prepare)
        this.#restingUntil.delete(server)
        return connection
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error
        failure = error
        this.rest(server)
      }
    }
    throw failure ?? new ConnectionLost('timeout')
  }

  /** Leaves a server alone for a while. */
  rest(server: LdapServer): void {
    this.#restingUntil.set(server, this.#clock.now() + restSeconds)
  }

  async #open(server: LdapServer, deadline: Deadline, prepare: Prepare): Promise<LdapConnection> {
    const soon = Math.min(deadline, performance.now() + connectMs)
    const connection = await openConnection(server, { authorities: this.#authorities, deadline: soon })
    try {
      await prepare(connection, soon)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }
}
