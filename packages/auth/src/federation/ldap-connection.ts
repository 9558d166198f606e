import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { Client, type Entry, type SearchOptions } from 'ldapts'
import { AnswerReader, awaited, Disconnection, MalformedAnswer } from './ldap-answers.ts'
import type { LdapServer } from './ldap-settings.ts'

/** A moment of `performance.now()` after which nothing is waited for any more. */
export type Deadline = number

/** The connection is of no use any more, or never was. Holds nothing that was sent. */
export class ConnectionLost extends Error {
  /**
   * `untrusted`: its certificate; `endless`: it answered more than is read; `malformed`: what it answered is no answer; `busy`: all there
   * may be are in use.
   */
  readonly why: 'unreachable' | 'untrusted' | 'timeout' | 'endless' | 'malformed' | 'closed' | 'busy'

  constructor(why: ConnectionLost['why'], cause?: unknown) {
    super(`the connection to the directory is lost: ${why}`, { cause })
    this.name = 'ConnectionLost'
    this.why = why
  }
}

/** One connection to one server; one thing at a time is done on it. */
export interface LdapConnection {
  readonly server: LdapServer
  /** The protocol and the certificate of the way there, where it has them. */
  readonly secure: TLSSocket | undefined
  readonly isOpen: boolean
  /** Throws the library's ResultCodeError for a no, {@link ConnectionLost} for no answer. */
  bind(dn: string, password: string, deadline: Deadline): Promise<void>
  /** Entries alone: where the server refers to another one, nobody goes there. Throws as `bind` does. */
  search(base: string, options: SearchOptions, deadline: Deadline): Promise<readonly Entry[]>
  close(): void
}

/** The most bytes that are read for one answer. */
const limitBytes = 1_000_000
const startTls = '1.3.6.1.4.1.1466.20037'

/**
 * Connects, and protects the way before anything is said. Throws {@link ConnectionLost}.
 * Cost: the handshakes of TCP and TLS. Threats: a server that is not the one that is meant; one that answers without end.
 */
export async function openConnection(
  server: LdapServer,
  { authorities, deadline }: { readonly authorities: string | undefined; readonly deadline: Deadline },
): Promise<LdapConnection> {
  const plain = connect({ host: server.host, port: server.port, keepAlive: true, noDelay: true })
  plain.on('error', ignore)
  const opened = async (): Promise<Socket> => {
    await eventOf(plain, 'connect')
    if (server.security === 'none') return plain
    if (server.security === 'starttls') await askForTls(plain, server)
    const secure = connectTls({
      socket: plain,
      host: server.host,
      ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
      ...(authorities === undefined ? {} : { ca: authorities }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    })
    secure.on('error', ignore)
    await eventOf(secure, 'secureConnect')
    return secure
  }
  const socket = await before(deadline, opened(), () => plain.destroy())
  return new Connection(server, socket)
}

/**
 * Says StartTLS (RFC 4511 section 4.14) with a client that is thrown away: what somebody on the way puts behind the answer,
 * still in clear, would otherwise lie with the reader of what comes encrypted and be taken for the beginning of it.
 * Threat: an answer injected before the encryption, such as that a password is right.
 */
async function askForTls(socket: Socket, { host }: LdapServer): Promise<void> {
  const answers = new Answers(socket)
  const client = new Client({ url: 'ldap://directory', createConnection: once(socket) })
  answers.await(awaited.extended)
  try {
    await client.exop(startTls)
  } catch (cause) {
    throw new ConnectionLost('unreachable', new Error(`${host} does not take StartTLS`, { cause }))
  }
  socket.removeAllListeners('data')
}

class Connection implements LdapConnection {
  readonly server: LdapServer
  readonly secure: TLSSocket | undefined
  readonly #socket: Socket
  readonly #answers: Answers
  readonly #client: Client

  constructor(server: LdapServer, socket: Socket) {
    this.server = server
    this.#socket = socket
    this.secure = server.security === 'none' ? undefined : (socket as TLSSocket) // see openConnection
    this.#answers = new Answers(socket)
    // Over the one socket that has been opened: the library's way of connecting anew would go around what protects it.
    this.#client = new Client({ url: 'ldap://directory', createConnection: once(socket) })
    socket.unref()
  }

  get isOpen(): boolean {
    return this.#socket.readyState === 'open'
  }

  async bind(dn: string, password: string, deadline: Deadline): Promise<void> {
    // The library takes some words for mechanisms of SASL; none of them is a name of an entry.
    if (dn !== '' && !dn.includes('=')) throw new ConnectionLost('closed')
    await this.#exchange(awaited.bind, deadline, () => this.#client.bind(dn, password))
  }

  async search(base: string, options: SearchOptions, deadline: Deadline): Promise<readonly Entry[]> {
    const timeLimit = Math.max(1, Math.ceil((deadline - performance.now()) / 1000))
    const asked: SearchOptions = { derefAliases: 'never', timeLimit, ...options }
    return (await this.#exchange(awaited.search, deadline, () => this.#client.search(base, asked))).searchEntries
  }

  close(): void {
    this.#socket.destroy()
  }

  async #exchange<T>(expected: readonly number[], deadline: Deadline, ask: () => Promise<T>): Promise<T> {
    if (!this.isOpen) throw new ConnectionLost('closed')
    this.#answers.await(expected)
    this.#socket.ref()
    try {
      return await before(deadline, ask(), () => this.#socket.destroy())
    } catch (error) {
      if (this.#answers.fault !== undefined) throw this.#answers.fault
      if (this.isOpen || error instanceof ConnectionLost) throw error
      throw new ConnectionLost('closed', error)
    } finally {
      this.#socket.unref()
    }
  }
}

const ignore = (): void => {}

/**
 * What comes over a socket, as the library hears it: one whole answer at a time, of those that are waited for, and never more than is
 * read. Anything else ends the connection before the library has seen it.
 */
class Answers {
  /** What was wrong; absent while nothing is. */
  fault: ConnectionLost | undefined = undefined
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  #expected: readonly number[] = []
  #bytesBefore = 0

  constructor(socket: Socket) {
    this.#socket = socket
    const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean
    socket.emit = (event: string | symbol, ...values: unknown[]): boolean => {
      const [chunk] = values
      if (event !== 'data' || !Buffer.isBuffer(chunk)) return emit(event, ...values)
      for (const message of this.#read(chunk)) if (!socket.destroyed) emit('data', message)
      return true
    }
  }

  /** From now on these are waited for. */
  await(expected: readonly number[]): void {
    this.#expected = expected
    this.#bytesBefore = this.#socket.bytesRead
  }

  #read(chunk: Buffer): readonly Buffer[] {
    if (this.#socket.bytesRead - this.#bytesBefore > limitBytes) return this.#end('endless')
    try {
      return this.#reader.read(chunk, this.#expected)
    } catch (error) {
      if (error instanceof Disconnection) return this.#end('closed', error)
      if (!(error instanceof MalformedAnswer)) throw error
      return this.#end('malformed', error)
    }
  }

  #end(why: ConnectionLost['why'], cause?: unknown): readonly Buffer[] {
    this.fault ??= new ConnectionLost(why, cause)
    this.#socket.destroy()
    return []
  }
}

/** Hands the library a socket that is open, and never another. */
const once = (socket: Socket): typeof connect => {
  let isUsed = false
  return (): Socket => {
    if (isUsed) throw new ConnectionLost('closed')
    isUsed = true
    return socket
  }
}

const eventOf = (socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('error', (cause: NodeJS.ErrnoException) => reject(new ConnectionLost(whyOf(cause), cause)))
    socket.once('close', () => reject(new ConnectionLost('unreachable')))
  })

/** Codes of OpenSSL's verification and of the name's check are words with `CERT` or `ALTNAME`, or say what was self-signed. */
const whyOf = ({ code = '' }: NodeJS.ErrnoException): 'untrusted' | 'unreachable' =>
  /CERT|ALTNAME|UNABLE_TO|CRL/.test(code) ? 'untrusted' : 'unreachable'

/** What comes of a promise, or {@link ConnectionLost} at the deadline, when `give up` is called as well. */
async function before<T>(deadline: Deadline, promise: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConnectionLost('timeout')), Math.max(0, deadline - performance.now()))
  })
  try {
    return await Promise.race([promise, expired])
  } catch (error) {
    if (error instanceof ConnectionLost) giveUp()
    throw error
  } finally {
    clearTimeout(timer)
    promise.catch(ignore)
  }
}
