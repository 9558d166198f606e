import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basic, issuer, type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'
import { createGateway, type Gateway } from '@gatehouse/gateway/gateway'
import { buildRouteTable } from '@gatehouse/gateway/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/**
 * Forged, altered and mistaken tokens at every door that takes an access token: /validate, introspection, logout and the
 * gateway. None of them may be let in, and none may be an error of the server.
 */
let started: StartedAuth
let gateway: Gateway
let servers: Server[]
let gatewayUrl: string
let connections = 0
let trap: string
let passed = 0

beforeAll(async () => {
  started = await startAuth()
  const listen = async (server: Server): Promise<string> => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const upstream = createServer((_request, response) => {
    passed += 1
    response.end('{}')
  })
  const trapServer = createServer((_request, response) => response.end('{"keys":[]}')).on('connection', () => {
    connections += 1
  })
  trap = await listen(trapServer)
  const upstreamUrl = await listen(upstream)
  const service = (name: string) => ({
    name,
    audience: `${issuer}/${name}`,
    upstream: [upstreamUrl],
    routes: [{ path: `/${name}/**`, require: 'token' as const }],
  })
  const table = buildRouteTable({
    issuerHost: 'auth.example.com',
    audience: issuer,
    services: [service('orders'), service('other')],
  })
  gateway = createGateway(table, {
    clock: started.clock,
    verify: (token, audiences) => started.auth.verifier.verify(token, audiences),
    issueIdentity: (token, service) => started.auth.accessTokens.issueIdentity(token, service),
    log: () => {},
  })
  const door = createServer((request, response) => gateway.handle(request, response))
  gatewayUrl = await listen(door)
  servers = [upstream, trapServer, door]
})
afterAll(async () => {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  await gateway.close()
  await started.close()
})

const callGateway = async (token: string, path = '/orders'): Promise<number> => {
  const { request } = await import('node:http')
  return new Promise((done, fail) => {
    const sent = request(
      gatewayUrl + path,
      { headers: { host: 'auth.example.com', authorization: `Bearer ${token}` } },
      (response) => {
        response.resume().on('end', () => done(response.statusCode ?? 0))
      },
    )
    sent.on('error', fail).end()
  })
}

/** What every door says of a token. */
async function presentEverywhere(token: string): Promise<Record<string, unknown>> {
  const validation = (await (await started.postJson('/validate', { token })).json()) as { valid: boolean }
  const introspection = (await (
    await started.postForm('/oauth/introspect', { token }, basic('service:orders', 'orders-secret'))
  ).json()) as { active?: boolean }
  // A header cannot carry everything; what it cannot carry cannot be presented.
  const sendable = /^[\x21-\x7e]{1,12000}$/.test(token)
  const logout = sendable ? (await started.postJson('/logout', {}, { authorization: `Bearer ${token}` })).status : 401
  const proxied = sendable ? await callGateway(token) : 401
  return {
    valid: validation.valid,
    active: introspection.active ?? false,
    logout,
    proxied: proxied === 400 || proxied === 431 ? 401 : proxied,
  }
}
const refusedEverywhere = { valid: false, active: false, logout: 401, proxied: 401 }

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const ownKey = (): { key: KeyObject; kid: string } => {
  const { privateKey, kid } = started.auth.keys.current()
  return { key: privateKey, kid }
}
const claims = (): Record<string, unknown> => {
  const now = started.clock.now()
  return {
    iss: issuer,
    sub: 'usr_forged',
    aud: issuer,
    iat: now,
    exp: now + 300,
    jti: 'j',
    client_id: 'first-party',
    scope: 'orders:read',
    sid: 's',
    gid: 'g',
  }
}

interface Forgery {
  readonly header?: Record<string, unknown>
  /** The header's or payload's text, where it is not to be what the objects say. */
  readonly headerText?: string
  readonly payload?: unknown
  readonly payloadText?: string
  /** With Gatehouse's own key: what then refuses is the check that the test is about. */
  readonly own?: boolean
  readonly mac?: string | Buffer
  readonly signature?: string
}

const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function forge({ header = {}, headerText, payload, payloadText, own = false, mac, signature }: Forgery): string {
  const { key, kid } = ownKey()
  const head = encode(headerText ?? { alg: 'ES256', typ: 'at+jwt', kid, ...header })
  const signed = `${head}.${encode(payloadText ?? payload ?? claims())}`
  if (signature !== undefined) return `${signed}.${signature}`
  const bytes =
    mac === undefined
      ? sign('sha256', Buffer.from(signed), { key: own ? key : stranger.privateKey, dsaEncoding: 'ieee-p1363' })
      : createHmac('sha256', mac).update(signed).digest()
  return `${signed}.${bytes.toString('base64url')}`
}

const publicJwk = (): Record<string, unknown> => started.auth.keys.jwks().keys[0] as Record<string, unknown>
const publicPem = (): string => createPublicKey(ownKey().key).export({ format: 'pem', type: 'spki' }).toString()

const forgeries: Record<string, () => Forgery> = {
  'J1 alg none, no signature': () => ({ header: { alg: 'none' }, signature: '' }),
  'J1 alg None': () => ({ header: { alg: 'None' }, signature: 'AA' }),
  'J1 alg NONE': () => ({ header: { alg: 'NONE' }, signature: 'AA' }),
  'J1 alg nOnE': () => ({ header: { alg: 'nOnE' }, signature: 'AA' }),
  'J1 no alg': () => ({ header: { alg: undefined } }),
  'J2 HS256 with the PEM as secret': () => ({ header: { alg: 'HS256' }, mac: publicPem() }),
  'J2 HS256 with the JWK as secret': () => ({ header: { alg: 'HS256' }, mac: JSON.stringify(publicJwk()) }),
  'J2 HS256 under alg ES256': () => ({ mac: publicPem() }),
  'J3 an alg that the key is not for': () => ({ header: { alg: 'RS256' }, own: true }),
  'J3 a longer relative of the alg': () => ({ header: { alg: 'ES384' }, own: true }),
  'J4 an embedded jwk': () => ({ header: { jwk: stranger.publicKey.export({ format: 'jwk' }) } }),
  'J4 an embedded jwk with its kid': () => ({
    header: { kid: 'mine', jwk: { ...stranger.publicKey.export({ format: 'jwk' }), kid: 'mine' } },
  }),
  'J4 an x5c': () => ({ header: { x5c: ['MIIB'] } }),
  'J5 a jku': () => ({ header: { jku: `${trap}/jwks`, kid: 'far' } }),
  'J5 an x5u': () => ({ header: { x5u: `${trap}/cert`, kid: 'far' } }),
  'J6 a kid that is a path': () => ({ header: { kid: '../../../dev/null' }, mac: '' }),
  'J6 a kid that is SQL': () => ({ header: { kid: "x' OR '1'='1" } }),
  'J6 a kid of 40 kB': () => ({ header: { kid: 'x'.repeat(40_000) } }),
  'J6 a kid of an array': () => ({ header: { kid: [ownKey().kid] }, own: true }),
  'J6 a kid of an inherited name': () => ({ header: { kid: '__proto__' } }),
  'J7 an unknown crit': () => ({ header: { crit: ['exp'], exp: 1 }, own: true }),
  'J7 an empty crit': () => ({ header: { crit: [] }, own: true }),
  'J8 iss as a list': () => ({ payload: { ...claims(), iss: [issuer, 'https://evil.example'] }, own: true }),
  'J8 another iss': () => ({ payload: { ...claims(), iss: `${issuer}/` }, own: true }),
  'J8 aud as an object': () => ({ payload: { ...claims(), aud: { [issuer]: true } }, own: true }),
  'J8 aud as a number': () => ({ payload: { ...claims(), aud: 7 }, own: true }),
  'J9 a payload that is a list': () => ({ payload: [claims()], own: true }),
  'J9 a payload that is a text': () => ({ payloadText: '"text"', own: true }),
  'J9 a payload that is null': () => ({ payloadText: 'null', own: true }),
  'J9 an empty payload': () => ({ payload: {}, own: true }),
  'J15 an ID token': () => ({ header: { typ: 'JWT' }, own: true }),
  'J15 a token without a type': () => ({ header: { typ: undefined }, own: true }),
  'J15 an identity token of a service': () => ({ header: { typ: 'gatehouse-identity+jwt' }, own: true }),
  'J15 a logout token': () => ({ header: { typ: 'logout+jwt' }, own: true }),
  'J15 an introspection answer': () => ({ header: { typ: 'token-introspection+jwt' }, own: true }),
  'J15 a client assertion': () => ({ header: { typ: 'client-authentication+jwt' }, own: true }),
  'J15 a DPoP proof': () => ({ header: { typ: 'dpop+jwt' }, own: true }),
  'J17 exp twice': () => ({
    payloadText: JSON.stringify(claims()).replace('{', `{"exp":${started.clock.now() + 9999},`),
    own: true,
  }),
  'J17 sub twice, the second escaped': () => ({
    payloadText: JSON.stringify(claims()).replace('{', '{"\\u0073ub":"usr_admin",'),
    own: true,
  }),
  'J17 exp as text': () => ({ payload: { ...claims(), exp: '9e99' }, own: true }),
  'J17 exp as 9e99': () => ({ payloadText: JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":9e99'), own: true }),
  'J17 exp negative': () => ({ payload: { ...claims(), exp: -1 }, own: true }),
  'J17 exp with a fraction': () => ({ payload: { ...claims(), exp: started.clock.now() + 300.5 }, own: true }),
  'J17 exp null': () => ({ payload: { ...claims(), exp: null }, own: true }),
  'J17 no exp': () => ({ payload: { ...claims(), exp: undefined }, own: true }),
  'J17 a very long number': () => ({
    payloadText: JSON.stringify(claims()).replace(/"exp":\d+/, `"exp":${'9'.repeat(400)}`),
    own: true,
  }),
  'J17 no sub': () => ({ payload: { ...claims(), sub: undefined }, own: true }),
  'J17 sub as an object': () => ({ payload: { ...claims(), sub: { toString: 'usr_admin' } }, own: true }),
  'J17 expired': () => ({ payload: { ...claims(), exp: started.clock.now() }, own: true }),
  'J17 issued tomorrow': () => ({
    payload: { ...claims(), iat: started.clock.now() + 86_400, exp: started.clock.now() + 90_000 },
    own: true,
  }),
  'J18 signature of zeros': () => ({ signature: Buffer.alloc(64).toString('base64url') }),
  'J18 signature of 63 bytes': () => ({ signature: Buffer.alloc(63, 1).toString('base64url') }),
  'J20 a key that is not published': () => ({ header: { kid: 'not-yet' } }),
  'a header that is a list': () => ({ headerText: '[]' }),
  'a header that is no JSON': () => ({ headerText: '{' }),
  'a header with alg twice': () => ({
    headerText: `{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"${ownKey().kid}"}`,
    own: true,
  }),
}

describe('a forged token is refused at every door', () => {
  for (const [name, forgery] of Object.entries(forgeries)) {
    it(name, async () => {
      const before = passed
      expect(await presentEverywhere(forge(forgery()))).toEqual(refusedEverywhere)
      expect(passed).toBe(before)
    })
  }

  it('J5 and no connection was made to where it pointed', () => {
    expect(connections).toBe(0)
  })

  it('and the forgery itself works: without the fault the token is good', async () => {
    expect(await presentEverywhere(forge({ own: true }))).toMatchObject({ valid: true, active: true, proxied: 200 })
  })
})

describe('J18 another spelling of a good token', () => {
  const spellings: Record<string, (token: string) => string> = {
    padding: (token) => `${token}==`,
    'a space behind': (token) => `${token} `,
    'a line feed behind': (token) => `${token}\n`,
    'one part more': (token) => `${token}.`,
    'a dot in front': (token) => `.${token}`,
    'another last character': (token) =>
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : String.fromCharCode(token.charCodeAt(token.length - 1) + 1)}`,
    'the other alphabet': (token) =>
      token
        .replaceAll('_', '/')
        .replaceAll('-', '+')
        .replace(/\.([^.]*)$/, (_, last: string) => `.+${last.slice(1)}`),
    'a white space inside': (token) => `${token.slice(0, 20)} ${token.slice(20)}`,
    'no signature': (token) => `${token.split('.').slice(0, 2).join('.')}.`,
    'two parts': (token) => token.split('.').slice(0, 2).join('.'),
    'upper case': (token) => token.toUpperCase(),
  }
  for (const [name, spell] of Object.entries(spellings)) {
    it(`is refused: ${name}`, async () => {
      const { access_token } = await started.signIn()
      const { valid, active } = await presentEverywhere(spell(access_token))
      expect([valid, active]).toEqual([false, false])
    })
  }
})

describe('J15 what is not an access token', () => {
  it('is none anywhere: refresh token, identity token, client assertion', async () => {
    const { refresh_token, access_token } = await started.signIn()
    const verified = started.auth.verifier.verify(access_token)
    if ('refused' in verified) throw new Error('the token is good')
    const identity = started.auth.accessTokens.issueIdentity(verified, { audience: `${issuer}/orders` })
    expect(await presentEverywhere(refresh_token)).toEqual(refusedEverywhere)
    expect(await presentEverywhere(identity)).toEqual(refusedEverywhere)
    const refused = await started.postJson('/token/refresh', { refresh_token: access_token })
    expect(refused.status).toBe(400)
  })
})

describe('J16 a token for another audience', () => {
  it('opens its own service and no other, however alike the names', async () => {
    const forOrders = await started.signIn({ audience: `${issuer}/orders` })
    expect(await callGateway(forOrders.access_token)).toBe(200)
    expect(await callGateway(forOrders.access_token, '/other')).toBe(401)
    for (const aud of [
      `${issuer}/order`,
      `${issuer}/orders/`,
      `${issuer}/orders2`,
      'orders',
      [`${issuer}/ordersx`, 'x'],
      `${issuer} ${issuer}/orders`,
    ]) {
      expect(await callGateway(forge({ own: true, payload: { ...claims(), aud } })), JSON.stringify(aud)).toBe(401)
    }
  })
})

describe('J10 what is remembered of a token', () => {
  it('is what it says and not what was decided: another route, audience or second decides anew', async () => {
    const { access_token } = await started.signIn({ audience: `${issuer}/orders` })
    expect([
      await callGateway(access_token),
      await callGateway(access_token, '/other'),
      await callGateway(access_token),
    ]).toEqual([200, 401, 200])
  })

  it('J19 and the same answer comes a hundred times', async () => {
    const { access_token } = await started.signIn()
    const good = new Set<number>()
    const bad = new Set<number>()
    const changed = access_token.slice(0, -2) + (access_token.endsWith('AA') ? 'BA' : 'AA')
    for (let count = 0; count < 100; count += 1) {
      good.add(await callGateway(access_token))
      bad.add(await callGateway(changed))
    }
    expect([[...good], [...bad]]).toEqual([[200], [401]])
  })
})
