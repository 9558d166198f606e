import { Pool } from 'undici'
import { basic, issuerHost } from './requests.mjs'
import { client, password, userName } from './site.mjs'

/** Requests of the bench itself that are under way at a time. */
const atATime = 16

/**
 * Makes so many requests and collects what is picked from their answers.
 * @param {{ port: number }} server
 * @param {number} count
 * @param {(index: number) => { path: string, headers: Record<string, string>, body?: string, method?: string }} build
 * @param {(answer: any) => string} pick
 */
async function collect({ port }, count, build, pick) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: atATime })
  const picked = []
  let next = 0
  const work = async () => {
    while (next < count) {
      const { path, headers, body, method = 'POST' } = build(next)
      next += 1
      const answer = await pool.request({ path, method, headers: { host: issuerHost, ...headers }, body })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${text}`)
      picked.push(pick(JSON.parse(text)))
    }
  }
  try {
    await Promise.all(Array.from({ length: atATime }, work))
  } finally {
    await pool.close()
  }
  return picked
}

const formHeaders = { 'content-type': 'application/x-www-form-urlencoded', ...basic(client.id, client.secret) }

/**
 * Access tokens by client_credentials.
 * @param {{ port: number }} server
 * @param {number} count
 * @param {{ path?: string, more?: string }} [options]
 */
export const issueTokens = (server, count, { path = '/oauth/token', more = '' } = {}) =>
  collect(
    server,
    count,
    () => ({ path, headers: formHeaders, body: `grant_type=client_credentials&scope=orders:read${more}` }),
    ({ access_token }) => access_token,
  )

/** Refresh tokens by signing in. @param {{ port: number }} server @param {number} count */
export const signIn = (server, count) =>
  collect(
    server,
    count,
    (index) => ({
      path: '/login',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: userName(index), password }),
    }),
    ({ refresh_token }) => refresh_token,
  )

/** The public keys that a server signs with. @param {{ port: number }} server @returns {Promise<readonly any[]>} */
export async function fetchKeys(server) {
  const [text] = await collect(
    server,
    1,
    () => ({ path: '/.well-known/jwks.json', headers: {}, method: 'GET' }),
    ({ keys }) => JSON.stringify(keys),
  )
  return JSON.parse(text)
}

/** The key among these that signed a token. @param {readonly any[]} keys @param {string} token */
export function findSigner(keys, token) {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString())
  return keys.find((key) => key.kid === kid)
}
