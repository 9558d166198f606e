import { CompactSign } from 'jose'
import { afterEach, expect, it } from 'vitest'
import { issuer, type StartedAuth, startAuth } from '../../testing/start-auth.ts'

const now = 'the-secret-from-now-on-Zt5uYvB2cMhE7gPs'
const before = 'the-secret-from-before-Qm7x2Lr9vTz4WcKp'
const never = 'a-secret-that-never-was-Hj8Nb3ED93nfXqW0'

let started: StartedAuth
afterEach(() => started.close())

const outcomesOf = (prove: (secret: string) => Promise<Response>): Promise<readonly number[]> =>
  Promise.all([now, before, never].map(async (secret) => (await prove(secret)).status))

it('is one by which a client of the file signs, too', async () => {
  started = await startAuth({
    clients: [{ id: 'robot', authMethod: 'client_secret_jwt', secret: now, previousSecret: before }],
  })
  const prove = async (secret: string): Promise<Response> => {
    const at = started.clock.now()
    const claims = { iss: 'robot', sub: 'robot', aud: issuer, iat: at, exp: at + 60, jti: secret }
    const assertion = await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(secret))
    return started.postForm('/oauth/token', {
      ...{ grant_type: 'client_credentials', client_id: 'robot', client_assertion: assertion },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
  }
  expect(await outcomesOf(prove)).toEqual([200, 200, 401])
})

it('is one by which a client of the file and a service name themselves, too', async () => {
  started = await startAuth({
    clients: [{ id: 'robot', secret: now, previousSecret: before }],
    settings: {
      services: [{ name: 's', audience: `${issuer}/s`, clientSecret: now, previousClientSecret: before }],
    },
  })
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${secret}`).toString('base64')}`,
  })
  const asClient = (secret: string) =>
    started.postForm('/oauth/token', { grant_type: 'client_credentials' }, basic('robot', secret))
  const asService = (secret: string) =>
    started.postForm('/oauth/introspect', { token: 'x' }, basic('service:s', secret))
  expect(await outcomesOf(asClient)).toEqual([200, 200, 401])
  expect(await outcomesOf(asService)).toEqual([200, 200, 401])
})
