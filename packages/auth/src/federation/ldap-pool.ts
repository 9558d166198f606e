import { ConnectionLost, type Deadline, type LdapConnection } from './ldap-connection.ts'

/** How long a connection may lie idle, and how old it may become, in milliseconds. */
const idleMs = 60_000
const ageMs = 600_000
/** How long before the deadline a connection is of no use any more, in milliseconds: a server would seem silent that is well. */
const enoughMs = 1500
/** The most that may wait for a connection, for each that there may be. */
const waitingPerConnection = 50

interface Kept {
  readonly connection: LdapConnection
  readonly openedAt: number
  idleAt: number
}

interface Waiting {
  readonly go: () => void
  readonly giveUp: (error: Error) => void
}

interface LdapPoolOptions {
  readonly open: (deadline: Deadline) => Promise<LdapConnection>
  /** The most connections. */
  readonly size: number
  /** Told of a connection on which nothing was answered in time. */
  readonly onSilent: (connection: LdapConnection) => void
}

/** Connections that are used again, each by one at a time, and no more of them than there may be. */
export class LdapPool {
  readonly #open: (deadline: Deadline) => Promise<LdapConnection>
  readonly #size: number
  readonly #onSilent: (connection: LdapConnection) => void
  readonly #idle: Kept[] = []
  readonly #busy = new Set<LdapConnection>()
  readonly #waiting: Waiting[] = []
  readonly #sweeper: NodeJS.Timeout
  #taken = 0
  #isClosed = false

  constructor({ open, size, onSilent }: LdapPoolOptions) {
    this.#open = open
    this.#size = size
    this.#onSilent = onSilent
    this.#sweeper = setInterval(() => this.#sweep(), idleMs / 2).unref()
  }

  /**
   * Does something on a connection; once more on a new one where a kept one turns out to be dead, as when a server has ended
   * what lay idle. Throws what `work` throws, and ConnectionLost where there is none to be had by the deadline.
   */
  async run<T>(deadline: Deadline, work: (connection: LdapConnection) => Promise<T>): Promise<T> {
    await this.#takePlace(deadline)
    try {
      for (let kept = this.#takeIdle(); kept !== undefined; kept = this.#takeIdle()) {
        try {
          return await this.#use(kept, work)
        } catch (error) {
          if (!(error instanceof ConnectionLost) || error.why !== 'closed') throw error
        }
      }
      const connection = await this.#open(deadline)
      return await this.#use({ connection, openedAt: performance.now(), idleAt: 0 }, work)
    } finally {
      this.#taken -= 1
      this.#waiting.shift()?.go()
    }
  }

  /** Ends all connections; what is under way fails. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#sweeper)
    for (const { connection } of this.#idle.splice(0)) connection.close()
    for (const connection of this.#busy) connection.close()
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(new ConnectionLost('closed'))
  }

  async #use<T>(kept: Kept, work: (connection: LdapConnection) => Promise<T>): Promise<T> {
    const { connection, openedAt } = kept
    this.#busy.add(connection)
    try {
      return await work(connection)
    } catch (error) {
      if (error instanceof ConnectionLost && error.why === 'timeout') this.#onSilent(connection)
      throw error
    } finally {
      this.#busy.delete(connection)
      const now = performance.now()
      if (connection.isOpen && !this.#isClosed && now - openedAt < ageMs) {
        kept.idleAt = now
        this.#idle.push(kept)
      } else connection.close()
    }
  }

  #takeIdle(): Kept | undefined {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (kept.connection.isOpen && performance.now() - kept.idleAt < idleMs) return kept
      kept.connection.close()
    }
    return undefined
  }

  async #takePlace(deadline: Deadline): Promise<void> {
    if (this.#isClosed) throw new ConnectionLost('closed')
    if (this.#taken >= this.#size) await this.#wait(deadline)
    this.#taken += 1
  }

  #wait(deadline: Deadline): Promise<void> {
    if (this.#waiting.length >= this.#size * waitingPerConnection) throw new ConnectionLost('busy')
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        go: () => {
          clearTimeout(timer)
          resolve()
        },
        giveUp: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      const expire = (): void => {
        const place = this.#waiting.indexOf(waiting)
        if (place >= 0) this.#waiting.splice(place, 1)
        reject(new ConnectionLost('busy'))
      }
      const timer = setTimeout(expire, Math.max(0, deadline - enoughMs - performance.now()))
      this.#waiting.push(waiting)
    })
  }

  #sweep(): void {
    const now = performance.now()
    for (const kept of this.#idle.splice(0)) {
      if (kept.connection.isOpen && now - kept.idleAt < idleMs) this.#idle.push(kept)
      else kept.connection.close()
    }
  }
}
