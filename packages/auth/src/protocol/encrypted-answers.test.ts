import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { compactDecrypt } from 'jose'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { newPkce, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'
const pkce = newPkce()
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** The client's key set: away until it is there. */
let isThere = false
const keySet = createServer((_request, response) => {
  response.writeHead(isThere ? 200 : 503, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'enc', alg: 'ECDH-ES', kid: 'k' }] }),
  )
})
let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  isThere = false
  await new Promise<void>((resolve) => keySet.listen(0, '127.0.0.1', resolve))
  started = await startAuth({
    clients: [
      {
        id: 'spa',
        authMethod: 'none',
        secret: undefined,
        grantTypes: ['authorization_code', 'refresh_token'],
        metadata: {
          redirect_uris: [redirectUri],
          jwks_uri: `http://127.0.0.1:${(keySet.address() as AddressInfo).port}/keys`,
          id_token_encrypted_response_alg: 'ECDH-ES',
        },
      },
    ],
  })
  browser = new TestBrowser(started.url, issuer)
})
afterEach(async () => {
  await started.close()
  keySet.closeAllConnections()
  await new Promise((resolve) => keySet.close(resolve))
})

async function askForCode(scope: string): Promise<string> {
  const query = new URLSearchParams({
    client_id: 'spa',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
  })
  let page = await browser.signIn(await browser.get(`/oauth/authorize?${query}`), 'alice', goodPassword)
  if (page.has('allow')) page = await browser.submit(page, { decision: 'allow' })
  return page.callback.get('code') ?? ''
}

const redeem = (code: string): Promise<Response> =>
  started.postForm('/oauth/token', {
    grant_type: 'authorization_code',
    client_id: 'spa',
    code,
    redirect_uri: redirectUri,
    code_verifier: pkce.verifier,
  })

it('asks for no key where no ID token is', async () => {
  const answered = await redeem(await askForCode('offline_access'))
  const { refresh_token } = (await answered.json()) as Record<string, string>
  const refresh = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: refresh_token ?? '' }
  expect([answered.status, (await started.postForm('/oauth/token', refresh)).status]).toEqual([200, 200])
})

it('uses up no code for an answer that cannot be encrypted, and says why', async () => {
  const code = await askForCode('openid offline_access')
  const refused = await redeem(code)
  expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toMatchObject([
    503,
    '5',
    { error: 'temporarily_unavailable', error_description: expect.stringContaining('jwks_uri') },
  ])
  isThere = true
  started.clock.advance(5)
  const answered = (await (await redeem(code)).json()) as Record<string, string>
  const { plaintext } = await compactDecrypt(answered.id_token ?? '', privateKey)
  expect(Buffer.from(plaintext).toString()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
})
