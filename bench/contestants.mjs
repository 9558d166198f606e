import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, startServer } from './processes.mjs'

const folder = join(dirname(fileURLToPath(import.meta.url)), 'servers')

/**
 * Starts a server of servers/ on a free port.
 * @param {string} name what the report calls it
 * @param {string} script a file there
 * @param {readonly string[]} args what follows the port
 * @returns {Promise<import('./site.mjs').Server>}
 */
export async function startScript(name, script, args = []) {
  const port = await findFreePort()
  const server = await startServer(port, process.execPath, [join(folder, script), String(port), ...args], {
    env: { NODE_ENV: 'production' },
  })
  return { ...server, name, pids: () => [server.pid] }
}
