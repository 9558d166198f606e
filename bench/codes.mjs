import { createHash, randomBytes } from 'node:crypto'
import { Pool } from 'undici'
import { issuerHost } from './requests.mjs'
import { password, redirectUri, userName } from './site.mjs'

const atATime = 16

/** The verifier of every code: what it costs to check is the same for all. */
export const verifier = randomBytes(32).toString('base64url')
export const challenge = createHash('sha256').update(verifier).digest('base64url')

const formHeaders = { 'content-type': 'application/x-www-form-urlencoded' }

/** @param {string} clientId */
export const authorizationQuery = (clientId) =>
  new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid offline_access orders:read',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }).toString()

/** Codes of one sign-in: a session keeps so many grants of a client, and ends older ones for newer ones. */
const codesOfBrowser = 50
let browsers = 0

/**
 * So many codes, made by browsers that have signed in for them.
 * @param {{ port: number }} server
 * @param {string} clientId one that asks nobody for consent
 * @param {number} count
 * @returns {Promise<readonly string[]>}
 */
export async function makeCodes(server, clientId, count) {
  const codes = []
  while (codes.length < count) {
    const browser = await openBrowser(server, clientId, browsers++)
    codes.push(...(await browser.makeCodes(Math.min(codesOfBrowser, count - codes.length))))
    await browser.close()
  }
  return codes
}

/**
 * A browser that has signed in at Gatehouse, and can make codes.
 * @param {{ port: number }} server
 * @param {string} clientId one that asks nobody for consent
 * @param {number} [index] which user signs in
 */
export async function openBrowser({ port }, clientId, index = 0) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: atATime })
  const cookies = new Map()
  const send = async (path, { method = 'GET', headers = {}, body } = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await pool.request({ path, method, headers: { host: issuerHost, cookie, ...headers }, body })
    for (const header of [answer.headers['set-cookie'] ?? []].flat()) {
      const [pair] = header.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    const text = await answer.body.text()
    return { status: answer.statusCode, location: answer.headers.location, text }
  }
  const path = `/oauth/authorize?${authorizationQuery(clientId)}`
  const { location } = await send(path)
  const page = await send(location)
  const flow = /name="flow" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const body = new URLSearchParams({ flow, username: userName(index), password }).toString()
  const signedIn = await send('/login/password', { method: 'POST', headers: formHeaders, body })
  if (signedIn.status !== 303) throw new Error(`sign-in was answered ${signedIn.status}: ${signedIn.text}`)
  return {
    /** @param {string} path @returns {Promise<{ status: number, location?: string, text: string }>} */
    get: (path) => send(path),
    /** @param {number} count @returns {Promise<readonly string[]>} */
    async makeCodes(count) {
      const codes = []
      let next = 0
      const work = async () => {
        while (next < count) {
          next += 1
          const answer = await send(path)
          const code = new URL(answer.location ?? 'https://none.example').searchParams.get('code')
          if (code === null) throw new Error(`no code: ${answer.status} ${answer.location}`)
          codes.push(code)
        }
      }
      await Promise.all(Array.from({ length: atATime }, work))
      return codes
    },
    close: () => pool.close(),
  }
}
