import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seconds } from '@gatehouse/core/time'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { CompactSign } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseClientKeys } from '../../domain/client-keys.ts'
import { noPermissions } from '../../domain/clients.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuers.ts'
import { basic, claimsOf, issuer, type StartedAuth, startAuth } from '../../testing/start-auth.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer' as const
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'c1' }] }
const published = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jwks))
})
let jwksUri = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => published.listen(0, '127.0.0.1', resolve))
  jwksUri = `http://127.0.0.1:${(published.address() as AddressInfo).port}/` // TCP
})
afterAll(() => new Promise((resolve) => published.close(resolve)))

const cluster = 'https://kubernetes.default.svc'
const trusted: TrustedIssuer = {
  id: 'cluster',
  issuer: cluster,
  audience: issuer,
  keys: parseClientKeys(jwks),
  jwksUri: undefined,
  longestLifetime: seconds(3600),
  reusable: false,
  workloads: [
    { subject: 'system:serviceaccount:shop:*', claims: {}, client: 'shop' },
    { subject: 'system:serviceaccount:both:web', claims: {}, client: 'shop' },
    { subject: 'system:serviceaccount:both:web', claims: {}, client: 'reports' },
    { subject: 'repo:acme/shop', claims: { ref: 'refs/heads/main' }, client: 'shop' },
    { subject: 'ghost', claims: {}, client: 'nobody' },
    { subject: 'no-grant', claims: {}, client: 'desk-app' },
    { subject: 'bank', claims: {}, client: 'bank' },
  ],
}
const shop = { id: 'shop', authMethod: 'none', secret: undefined, grantTypes: [grantType] } as const

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth({
    settings: {
      trustedIssuers: [
        trusted,
        { ...trusted, id: 'ci', issuer: 'https://ci.example', keys: [], jwksUri },
        { ...trusted, id: 'gone', issuer: 'https://gone.example', keys: [], jwksUri: 'http://127.0.0.1:1/' },
        { ...trusted, id: 'again', issuer: 'https://again.example', reusable: true },
      ],
    },
    clients: [
      shop,
      {
        id: 'bank',
        authMethod: 'private_key_jwt',
        secret: undefined,
        jwks,
        grantTypes: [grantType],
        permissions: { ...noPermissions, profile: 'fapi2' },
      },
      {
        id: 'broker',
        secret: 'x-secret',
        grantTypes: ['urn:ietf:params:oauth:grant-type:token-exchange', grantType],
        scopes: ['orders:read'],
        permissions: { ...noPermissions, tokenExchange: { audiences: new Set(['*']), impersonation: false } },
      },
    ],
  })
})
afterEach(() => started.close())

let number = 0
const subject = 'system:serviceaccount:shop:web'
const build = (claims: object = {}, header: object = {}, key: KeyObject = pair.privateKey): Promise<string> => {
  number += 1
  const now = started.clock.now()
  const all = { iss: cluster, sub: subject, aud: [issuer], iat: now, exp: now + 600, jti: `j${number}`, ...claims }
  return new CompactSign(Buffer.from(JSON.stringify(all)))
    .setProtectedHeader({ alg: 'ES256', kid: 'c1', ...header })
    .sign(key)
}
type Form = Record<string, string>
const present = async (assertion: string, form: Form = {}, headers: Form = {}) => {
  const response = await started.postForm('/oauth/token', { grant_type: grantType, assertion, ...form }, headers)
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
const errorOf = async (...parameters: Parameters<typeof present>): Promise<string | undefined> =>
  (await present(...parameters)).body.error
/** What the log says of the last refusal. */
const why = (): string => String((started.refusals.at(-1)?.cause as Error | undefined)?.message)

describe('a workload without a secret (RFC 7523 section 2.1)', () => {
  it('acts as the client that is named for its subject', async () => {
    for (const form of [{}, { client_id: 'shop' }]) {
      const { status, body } = await present(await build(), form)
      expect(status).toBe(200)
      expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'orders:read inventory:read' })
      expect(body).not.toHaveProperty('refresh_token')
      expect(claimsOf(body.access_token ?? '')).toMatchObject({ sub: 'shop', client_id: 'shop', aud: issuer })
    }
  })

  it('is told by keys that its platform publishes', async () => {
    expect((await present(await build({ iss: 'https://ci.example' }))).status).toBe(200)
    expect(await errorOf(await build({ iss: 'https://gone.example' }))).toBe('invalid_grant')
    expect(why()).toMatch('cannot be fetched')
  })

  it('gets what is asked for of what its client may have', async () => {
    const { body } = await present(await build(), {
      scope: 'orders:read admin',
      resource: 'https://auth.example.com/orders',
    })
    expect(claimsOf(body.access_token ?? '')).toMatchObject({
      scope: 'orders:read',
      aud: 'https://auth.example.com/orders',
    })
    expect(await errorOf(await build(), { scope: 'admin' })).toBe('invalid_scope')
    expect(await errorOf(await build(), { audience: 'https://other.example' })).toBe('invalid_target')
  })

  it('is told by further claims where the configuration asks for them', async () => {
    const sub = 'repo:acme/shop'
    expect((await present(await build({ sub, ref: 'refs/heads/main' }))).status).toBe(200)
    for (const ref of [undefined, 'refs/heads/x', ['refs/heads/main']]) {
      expect(await errorOf(await build({ sub, ref }))).toBe('invalid_grant')
    }
  })

  it('says as which client, where it could be several', async () => {
    const sub = 'system:serviceaccount:both:web'
    expect(await errorOf(await build({ sub }))).toBe('invalid_grant')
    expect((await present(await build({ sub }), { client_id: 'shop' })).status).toBe(200)
    // Named for the subject, but without this grant type.
    expect(await errorOf(await build({ sub }), { client_id: 'reports' })).toBe('unauthorized_client')
    expect(await errorOf(await build({ sub: 'no-grant' }))).toBe('unauthorized_client')
  })

  it('shows each assertion once, also fifty times at once; a refused request uses none up', async () => {
    const assertion = await build()
    expect(await errorOf(assertion, { scope: 'admin' })).toBe('invalid_scope')
    const prover = createTestProver()
    const proof = prover.proof({ htu: `${issuer}/oauth/token`, htm: 'POST', iat: started.clock.now() })
    expect(await errorOf(assertion, {}, { dpop: proof })).toBe('use_dpop_nonce')
    const nonce = started.auth.dpop.nonces.current()
    const used = prover.proof({ htu: `${issuer}/oauth/token`, htm: 'POST', iat: started.clock.now(), nonce })
    expect((await present(await build(), {}, { dpop: used })).status).toBe(200)
    expect(await errorOf(assertion, {}, { dpop: used })).toBe('invalid_dpop_proof')
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => present(assertion)))
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(outcomes.filter(({ body }) => body.error === 'invalid_grant')).toHaveLength(49)
    // Another issuer’s identifiers are its own.
    for (const iss of [cluster, 'https://ci.example']) {
      expect((await present(await build({ iss, jti: 'the same' }))).status).toBe(200)
    }
    const nameless = await build({ jti: undefined })
    expect((await present(nameless)).status).toBe(200)
    expect(await errorOf(nameless)).toBe('invalid_grant')
  })

  it('shows it again where its platform’s may be', async () => {
    const assertion = await build({ iss: 'https://again.example' })
    expect((await present(assertion)).status).toBe(200)
    expect((await present(assertion)).status).toBe(200)
  })

  it('is not told by the assertion where the client proves itself otherwise, or must', async () => {
    expect(await errorOf(await build(), {}, basic('broker', 'wrong'))).toBe('invalid_client')
    // Another client's assertion.
    expect(await errorOf(await build(), {}, basic('broker', 'x-secret'))).toBe('invalid_grant')
    expect(await errorOf(await build({ sub: 'bank' }))).toBe('invalid_client')
  })

  const bad: Record<string, [fault: RegExp, claims: () => object, header?: object, key?: KeyObject]> = {
    'another key': [/bad signature/, () => ({}), {}, other.privateKey],
    'an unknown kid': [/no key/, () => ({}), { kid: 'c2' }],
    'an extension that is not understood': [/crit/, () => ({}), { crit: ['b64'], b64: true }],
    'another type of token': [/typ/, () => ({}), { typ: 'at+jwt' }],
    'an unknown issuer': [/nobody trusts/, () => ({ iss: 'https://evil.example' })],
    'a list as issuer': [/nobody trusts/, () => ({ iss: [cluster] })],
    'another audience': [/somebody else/, () => ({ aud: 'https://other.example' })],
    'no audience': [/somebody else/, () => ({ aud: undefined })],
    'no exp': [/exp/, () => ({ exp: undefined })],
    'an exp that has passed': [/expired/, () => ({ exp: started.clock.now() })],
    'an exp too far ahead': [/longer/, () => ({ exp: started.clock.now() + 3611 })],
    'an nbf ahead': [/future/, () => ({ nbf: started.clock.now() + 11 })],
    'an iat ahead': [/future/, () => ({ iat: started.clock.now() + 11 })],
    'no subject': [/sub/, () => ({ sub: undefined })],
    'a subject that nobody named': [/no client/, () => ({ sub: 'system:serviceaccount:evil:web' })],
    'a longer namespace': [/no client/, () => ({ sub: 'system:serviceaccount:shop2:web' })],
    'nothing behind the beginning': [/no client/, () => ({ sub: 'system:serviceaccount:shop:' })],
    'a longer subject': [/no client/, () => ({ sub: 'repo:acme/shop2', ref: 'refs/heads/main' })],
    'a subject whose client is gone': [/no client/, () => ({ sub: 'ghost' })],
  }
  it.each(Object.entries(bad))('is refused with %s', async (_, [fault, claims, header, key]) => {
    expect(await errorOf(await build(claims(), header, key))).toBe('invalid_grant')
    expect(why()).toMatch(fault)
  })

  it('is refused by the claims before the signature is checked', async () => {
    const forged = await build({ exp: started.clock.now() - 1 }, {}, other.privateKey)
    expect(await errorOf(forged)).toBe('invalid_grant')
    expect(why()).toMatch('expired')
  })

  it('says by how much its times are wrong, if it was signed by whom it names', async () => {
    const claims = { nbf: started.clock.now() + 45 }
    const told = 'The assertion does not count: its nbf is 45 s in the future: do the clocks differ?'
    expect((await present(await build(claims))).body.error_description).toBe(told)
    const forged = await present(await build(claims, {}, other.privateKey))
    expect(forged.body.error_description).not.toMatch('clocks')
  })

  it('is refused without a signature, by a MAC, as another client, and without an assertion', async () => {
    const [, payload] = (await build()).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    expect(await errorOf(`${none}.${payload}.`)).toBe('invalid_grant')
    const mac = await new CompactSign(Buffer.from(payload ?? '', 'base64url'))
      .setProtectedHeader({ alg: 'HS256', kid: 'c1' })
      .sign(Buffer.from(JSON.stringify(jwks.keys[0])))
    expect(await errorOf(mac)).toBe('invalid_grant')
    expect(await errorOf(await build(), { client_id: 'reports' })).toBe('invalid_grant')
    expect(await errorOf('')).toBe('invalid_request')
    const { access_token } = await started.signIn()
    expect(await errorOf(access_token)).toBe('invalid_grant')
  })
})

describe('an assertion as a subject token (RFC 8693 section 2.1)', () => {
  const exchange = async (subject_token: string) => {
    const response = await started.postForm(
      '/oauth/token',
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        subject_token,
      },
      basic('broker', 'x-secret'),
    )
    return { status: response.status, body: (await response.json()) as Record<string, string> }
  }

  it('stands for the client that its subject acts as, once, and for no longer than it is valid', async () => {
    const assertion = await build({ exp: started.clock.now() + 30 })
    const { status, body } = await exchange(assertion)
    expect(status).toBe(200)
    expect(body).toMatchObject({ scope: 'orders:read', expires_in: 30 })
    expect(claimsOf(body.access_token ?? '')).toMatchObject({
      sub: 'shop',
      client_id: 'broker',
      act: { sub: 'broker' },
    })
    expect((await exchange(assertion)).body.error).toBe('invalid_request')
    expect((await exchange(await build({}, {}, other.privateKey))).body.error).toBe('invalid_request')
    const { access_token } = await started.signIn()
    expect((await exchange(access_token)).body.error).toBe('invalid_request')
  })
})
