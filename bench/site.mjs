import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../scripts/prepare.mjs'
import { diskFolder } from './machine.mjs'
import { findFreePort, onEnd, run, startServer } from './processes.mjs'
import { issuer } from './requests.mjs'
import { processTree } from './usage.mjs'

/** One per run: two runs at a time shall not take each other's program away. */
const copy = join(root, `.cache/bench/program-${process.pid}`)
const program = join(copy, 'dist/gatehouse.mjs')
const secret = () => randomBytes(32).toString('base64url')

/** The client that the bench is. */
export const client = { id: 'bench', secret: secret() }
/** Clients of the same secret whose ID tokens are signed with RS256, and one that proves itself by a key. */
export const rsaClientId = 'bench-rs256'
export const keyClientId = 'bench-key'
/** Where codes go; nobody listens there. */
export const redirectUri = 'https://app.example.com/callback'
/** The pair of the client that proves itself by a key. */
export const assertionKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
/** @returns {object} its public half */
export const assertionJwk = () => ({
  ...assertionKeys.publicKey.export({ format: 'jwk' }),
  kid: 'bench',
  alg: 'ES256',
  use: 'sig',
})
/** The password of every user of the bench. */
export const password = 'orange-teapot-behind-the-harbour'
/**
 * How many users there are: enough that few sign in at a time, and that none comes to the hundred sessions from which on each
 * sign-in ends an older one.
 */
export const userCount = 150
/** @param {number} index */
export const userName = (index) => `user-${index % userCount}`

/** Stems of the gateway's routes; every one leads to the same upstream. */
export const stems = ['orders', 'items', 'carts', 'prices', 'stock', 'returns', 'shops', 'offers', 'labels', 'reports']

/** Copies the built program, so that a build meanwhile does not change what is measured; removed at the end. */
export function copyProgram() {
  onEnd(async () => rmSync(copy, { recursive: true, force: true }))
  const filter = (path) => !path.includes('/dist/types')
  cpSync(join(root, 'packages/gatehouse/dist'), join(copy, 'dist'), { recursive: true, filter })
  cpSync(join(root, 'packages/gatehouse/package.json'), join(copy, 'package.json'))
}

/** A folder of its own, removed at the end. @param {string} name */
export function makeFolder(name) {
  const folder = mkdtempSync(join(diskFolder, `gatehouse-bench-${name}-`))
  onEnd(async () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * A Gatehouse in production mode with everything on that is on by default: its store, audit, metrics, limits.
 * @typedef {object} Site
 * @property {string} folder
 * @property {(name?: string, flags?: readonly string[]) => Promise<Server>} start
 * @typedef {import('./processes.mjs').Running & { port: number, name: string, pids: () => readonly number[] }} Server
 */

/**
 * Prepares a database with users.
 * @param {{ database: string, upstreamPort: number, databasePids?: () => readonly number[], users?: number, more?: string, services?: string,
 *   moreEnv?: Record<string, string> }} options
 *   `databasePids`: processes whose time counts as Gatehouse's; `more`: further configuration; `services`: further services
 * @returns {Promise<Site>}
 */
export async function prepareSite({
  database,
  upstreamPort,
  databasePids = () => [],
  users = userCount,
  more = '',
  services = '',
  moreEnv = {},
}) {
  const folder = makeFolder('site')
  const port = await findFreePort()
  const env = { BENCH_MASTER_KEY: randomBytes(32).toString('base64'), BENCH_SECRET: client.secret, ...moreEnv }
  const routes = stems.map((stem) => `      - { path: /${stem}/**, require: { scopes: [orders:read] } }`)
  writeFileSync(
    join(folder, 'gatehouse.yaml'),
    `issuer: ${issuer}
listen: 127.0.0.1:${port}
database: ${database}
master_key: \${BENCH_MASTER_KEY}
tokens: { access_token_lifetime: 2h }
services:
  orders:
    upstream: http://127.0.0.1:${upstreamPort}
    routes:
${routes.join('\n')}
${services}clients:
  ${client.id}:
    secret: "\${BENCH_SECRET}"
    scopes: [orders:read]
    grant_types: [client_credentials, authorization_code, refresh_token]
    redirect_uris: ["${redirectUri}"]
    id_token_signed_response_alg: ES256
    consent: skip
  ${rsaClientId}:
    secret: "\${BENCH_SECRET}"
    scopes: [orders:read]
    redirect_uris: ["${redirectUri}"]
    consent: skip
  ${keyClientId}:
    scopes: [orders:read]
    grant_types: [client_credentials]
    jwks: { keys: [${JSON.stringify(assertionJwk())}] }
${more}`,
  )
  const options = { cwd: folder, env }
  const command = (args) => run(process.execPath, [program, ...args], { ...options, input: `${password}\n` })
  await command(['migrate'])
  const names = Array.from({ length: users }, (_, index) => userName(index))
  // Two at a time: each is a process of its own.
  const addAll = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await command(['user', 'add', name, '--scope', 'orders:read'])
    }
  }
  await Promise.all([addAll(), addAll()])
  return {
    folder,
    async start(name = 'Gatehouse', flags = []) {
      const server = await startServer(port, process.execPath, [...flags, program, 'serve'], options)
      return { ...server, name, pids: () => [...processTree(server.pid), ...databasePids()] }
    },
  }
}
