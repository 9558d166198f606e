import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, run, startServer } from '../../bench/processes.mjs'
import { makeFolder } from '../../bench/site.mjs'
import { root } from '../../scripts/prepare.mjs'
import { host } from './host.mjs'

const program = join(root, `.cache/bench/program-${process.pid}/dist/gatehouse.mjs`)

/**
 * Starts a Gatehouse in production mode with a database of its own.
 * @param {string} more services, providers and the like, as YAML
 * @param {{ files?: Record<string, string>, users?: Record<string, string> }} [options] files beside the configuration; users
 *   and their passwords
 */
export async function startGatehouse(more, { files = {}, users = {} } = {}) {
  if (!existsSync(program)) throw new Error('there is no program: run `npm run build` first')
  const folder = makeFolder('fault')
  const port = await findFreePort()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  writeFileSync(
    join(folder, 'gatehouse.yaml'),
    `issuer: https://${host}\nlisten: 127.0.0.1:${port}\ndatabase: ./gatehouse.db\nmaster_key: \${MASTER_KEY}\n${more}`,
  )
  const options = { cwd: folder, env: { MASTER_KEY: randomBytes(32).toString('base64') } }
  await run(process.execPath, [program, 'migrate'], options)
  for (const [name, password] of Object.entries(users)) {
    await run(process.execPath, [program, 'user', 'add', name], { ...options, input: `${password}\n` })
  }
  const server = await startServer(port, process.execPath, [program, 'serve'], options)
  return { ...server, folder }
}
