import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { CompactEncrypt, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from '../rfc/client-keys.ts'
import { basic, issuer, type Provider, redirectUri, startProvider, web } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'

/**
 * Forged JWTs wherever a client, and not Gatehouse, is the one who signs: client assertions, request objects, DPoP proofs,
 * and hints. Forged access tokens are in token-forgery.test.ts and packages/guard.
 */
const keys = createClientKeys()
const stranger = createClientKeys()
let provider: Provider
let trap: Server
let trapUrl: string
let connections = 0
let requests = 0

beforeAll(async () => {
  trap = createServer((_, response) => {
    requests += 1
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(stranger.jwks))
  }).on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
  trapUrl = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`
  const byKey = { authMethod: 'private_key_jwt', secret: undefined, secretEitherWay: false } as const
  provider = await startProvider({}, [
    { ...web, ...byKey, id: 'keyed', jwks: keys.jwks },
    {
      ...web,
      ...byKey,
      id: 'remote',
      metadata: { ...web.metadata, jwks_uri: `${trapUrl}/keys` },
    },
  ])
})
afterAll(async () => {
  trap.close().closeAllConnections()
  await provider.close()
})

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const publicKey = (): KeyObject => createPublicKey(keys.privateKey)

/** What a client signs: at which place it is good, and with which claims. */
interface Signed {
  readonly claims: () => Record<string, unknown>
  readonly present: (token: string) => Promise<{ readonly status: number; readonly accepted: boolean }>
}

let number = 0
const signedThings: Record<string, Signed> = {
  'a client assertion': {
    claims: () => {
      number += 1
      const now = provider.clock.now()
      return { iss: 'keyed', sub: 'keyed', aud: issuer, iat: now, exp: now + 60, jti: `jose-${number}` }
    },
    async present(client_assertion) {
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      const form = { grant_type: 'client_credentials', client_assertion, client_assertion_type }
      const { status, body } = await provider.token(form, {})
      if (status !== 200) expect([status, body.error]).toEqual([401, 'invalid_client'])
      return { status, accepted: status === 200 }
    },
  },
  'a request object': {
    claims: () => ({ iss: 'keyed', aud: issuer, ...provider.parameters({ client_id: 'keyed' }) }),
    async present(request) {
      const form = new URLSearchParams({ client_id: 'keyed', redirect_uri: redirectUri, request })
      const page = await provider.browser.post('/oauth/authorize', Object.fromEntries(form))
      const answer = await provider.goOn(page)
      if (!answer.callback.has('code')) expect(answer.callback.get('error')).toBe('invalid_request_object')
      return { status: answer.status, accepted: answer.callback.has('code') }
    },
  },
}

interface Forgery {
  readonly header?: Record<string, unknown>
  readonly headerText?: string
  readonly payloadText?: (good: string) => string
  readonly claims?: Record<string, unknown>
  readonly by?: KeyObject
  readonly mac?: string | Buffer
  readonly signature?: string
}

function forge(claims: Record<string, unknown>, forgery: Forgery): string {
  const { header = {}, headerText, payloadText, by, mac, signature } = forgery
  const head = encode(headerText ?? { alg: 'ES256', kid: 'client-key', ...header })
  const text = JSON.stringify({ ...claims, ...forgery.claims })
  const signed = `${head}.${encode(payloadText ? payloadText(text) : text)}`
  if (signature !== undefined) return `${signed}.${signature}`
  if (mac !== undefined) return `${signed}.${createHmac('sha256', mac).update(signed).digest('base64url')}`
  const key = by ?? keys.privateKey
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const pem = (): string => publicKey().export({ format: 'pem', type: 'spki' }).toString()
const strangersJwk = (): object => createPublicKey(stranger.privateKey).export({ format: 'jwk' })
const forgeries: Record<string, () => Forgery> = {
  'alg none': () => ({ header: { alg: 'none' }, signature: '' }),
  'alg None': () => ({ header: { alg: 'None' }, signature: 'AA' }),
  'alg NONE': () => ({ header: { alg: 'NONE' }, signature: '' }),
  'alg nOnE': () => ({ header: { alg: 'nOnE' }, signature: '' }),
  'no alg': () => ({ header: { alg: undefined } }),
  'alg as a list': () => ({ header: { alg: ['ES256'] } }),
  'a good alg and an empty signature': () => ({ signature: '' }),
  'HS256 with the PEM': () => ({ header: { alg: 'HS256' }, mac: pem() }),
  'HS256 with the PEM after a space': () => ({ header: { alg: 'HS256' }, mac: ` ${pem()}` }),
  'HS256 with the DER': () => ({ header: { alg: 'HS256' }, mac: publicKey().export({ format: 'der', type: 'spki' }) }),
  'HS256 with the JWK': () => ({ header: { alg: 'HS256' }, mac: JSON.stringify(keys.jwks.keys[0]) }),
  'HS256 with nothing': () => ({ header: { alg: 'HS256' }, mac: '' }),
  'a MAC under alg ES256': () => ({ mac: pem() }),
  'an alg that the key is not for': () => ({ header: { alg: 'RS256' } }),
  'a relative of the alg': () => ({ header: { alg: 'ES384' } }),
  'another key': () => ({ by: stranger.privateKey }),
  'another key that it brings along': () => ({ by: stranger.privateKey, header: { jwk: strangersJwk() } }),
  'another key that it brings along, without kid': () => ({
    by: stranger.privateKey,
    header: { jwk: strangersJwk(), kid: undefined },
  }),
  'a certificate that it brings along': () => ({ by: stranger.privateKey, header: { x5c: ['MIIB'] } }),
  'an address of keys': () => ({ by: stranger.privateKey, header: { jku: `${trapUrl}/jku` } }),
  'an address of certificates': () => ({ by: stranger.privateKey, header: { x5u: `${trapUrl}/x5u` } }),
  'a kid that is a path': () => ({ header: { kid: '../../../dev/null' }, mac: '' }),
  'a kid that is SQL': () => ({ header: { kid: "x' OR '1'='1" } }),
  'a kid of 7 kB': () => ({ header: { kid: 'x'.repeat(5000) } }),
  'a kid as a list': () => ({ header: { kid: ['client-key'] } }),
  'a kid of an inherited name': () => ({ header: { kid: '__proto__' } }),
  'an unknown crit': () => ({ header: { crit: ['x'], x: 1 } }),
  'an empty crit': () => ({ header: { crit: [] } }),
  'unencoded payload': () => ({ header: { b64: false, crit: ['b64'] } }),
  'iss as a list': () => ({ claims: { iss: ['keyed', 'web'] } }),
  'aud as an object': () => ({ claims: { aud: { [issuer]: true } } }),
  'aud as a number': () => ({ claims: { aud: 7 } }),
  'aud that begins alike': () => ({ claims: { aud: `${issuer}.evil.test` } }),
  'aud that holds it': () => ({ claims: { aud: `https://evil.test/?${issuer}` } }),
  'a payload that is a list': () => ({ payloadText: (good) => `[${good}]` }),
  'a payload that is a text': () => ({ payloadText: () => '"keyed"' }),
  'a payload that is null': () => ({ payloadText: () => 'null' }),
  'a member twice': () => ({ payloadText: (good) => good.replace('{', '{"iss":"keyed",') }),
  'a member twice, once escaped': () => ({ payloadText: (good) => good.replace('{', '{"\\u0069ss":"web",') }),
  'a header member twice': () => ({ headerText: '{"alg":"none","alg":"ES256","kid":"client-key"}' }),
  'exp as text': () => ({ claims: { exp: '9e99' } }),
  'exp as 9e99': () => ({ claims: { exp: 111 }, payloadText: (good) => good.replace('"exp":111', '"exp":9e99') }),
  'exp of 400 digits': () => ({
    claims: { exp: 111 },
    payloadText: (good) => good.replace('"exp":111', `"exp":${'9'.repeat(400)}`),
  }),
  'exp negative': () => ({ claims: { exp: -1 } }),
  'exp with a fraction': () => ({ claims: { exp: provider.clock.now() + 60.5 } }),
  'exp as null': () => ({ claims: { exp: null } }),
  'exp that is over': () => ({ claims: { exp: provider.clock.now() } }),
  'iat of the future': () => ({ claims: { iat: provider.clock.now() + 61 } }),
  'nbf of the future': () => ({ claims: { nbf: provider.clock.now() + 61 } }),
  'a prototype': () => ({ payloadText: (good) => good.replace('{', '{"__proto__":{"iss":"keyed"},') }),
  'a signature of zeros': () => ({ signature: Buffer.alloc(64).toString('base64url') }),
  'a signature of 63 bytes': () => ({ signature: Buffer.alloc(63, 1).toString('base64url') }),
  'the type of an access token': () => ({ header: { typ: 'at+jwt' } }),
  'the type of a DPoP proof': () => ({ header: { typ: 'dpop+jwt' } }),
  'the type of a logout token': () => ({ header: { typ: 'logout+jwt' } }),
  'the type of an introspection answer': () => ({ header: { typ: 'token-introspection+jwt' } }),
}

for (const [thing, { claims, present }] of Object.entries(signedThings)) {
  describe(`${thing} that is forged`, () => {
    it.each(Object.keys(forgeries))('is refused: %s', async (name) => {
      const token = forge(claims(), forgeries[name]?.() ?? {})
      const { accepted } = await refusing(provider, () => present(token))
      expect(accepted).toBe(false)
    })

    it('and the forgery itself works: without the fault it is good', async () => {
      expect((await present(forge(claims(), {}))).accepted).toBe(true)
    })

    it.each<readonly [string, (token: string) => string]>([
      ['padding', (token) => `${token}=`],
      ['a dot behind', (token) => `${token}.`],
      ['a dot in front', (token) => `.${token}`],
      ['a line feed behind', (token) => `${token}\n`],
      ['a space within', (token) => `${token.slice(0, 9)} ${token.slice(9)}`],
      ['another last character', (token) => `${token.slice(0, -1)}${token.endsWith('B') ? 'C' : 'B'}`],
      ['no signature', (token) => token.replace(/[^.]+$/, '')],
      ['two parts', (token) => token.split('.').slice(0, 2).join('.')],
      ['the other alphabet', (token) => `${token.slice(0, -3)}+/+`],
    ])('is refused in another spelling: %s', async (_, spell) => {
      const { accepted } = await refusing(provider, () => present(spell(forge(claims(), {}))))
      expect(accepted).toBe(false)
    })
  })
}

it('nobody was asked for keys that a token named', () => {
  expect(connections).toBe(0)
})

describe('an encrypted token', () => {
  const wrap = (header: Record<string, unknown>, content = 'c'.repeat(200)): string =>
    [encode(header), encode('k'.repeat(64)), encode('i'.repeat(12)), encode(content), encode('t'.repeat(16))].join('.')

  const encrypted: Record<string, () => string | Promise<string>> = {
    'that unpacks to a gigabyte': () =>
      wrap(
        { alg: 'dir', enc: 'A256GCM', zip: 'DEF' },
        deflateRawSync(Buffer.alloc(2_000_000)).toString('latin1').slice(0, 4000),
      ),
    'with millions of rounds of a password hash': () =>
      wrap({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 2_147_483_647, p2s: 'AAAA' }),
    'with an algorithm of old': () => wrap({ alg: 'RSA1_5', enc: 'A128CBC-HS256' }),
    'around an unsigned one': async () => {
      const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const inner = `${encode({ alg: 'none' })}.${encode({ iss: 'keyed', sub: 'keyed', aud: issuer })}.`
      return new CompactEncrypt(Buffer.from(inner)).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' }).encrypt(key)
    },
  }

  it.each(Object.keys(encrypted))('%s is refused everywhere, without being opened', async (name) => {
    const token = (await encrypted[name]?.()) ?? ''
    const startedAt = performance.now()
    for (const { present } of Object.values(signedThings))
      expect((await refusing(provider, () => present(token))).accepted).toBe(false)
    expect((await refusing(provider, () => provider.userinfo(token))).status).toBe(401)
    expect(await provider.introspect(token)).toEqual({ active: false })
    const proof = { ...basic('web', 'web-secret'), dpop: token }
    expect((await provider.token({ grant_type: 'client_credentials' }, proof)).body.error).toBe('invalid_dpop_proof')
    // Generous: what is looked for is work that a stranger can order, not a slow machine.
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})

describe('keys behind an address', () => {
  const assertionWith = async (kid: string, by = stranger): Promise<string> =>
    new SignJWT({ iss: 'remote', sub: 'remote', aud: issuer, jti: kid, exp: provider.clock.now() + 60 })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(by.privateKey)
  const present = async (client_assertion: string) =>
    provider.token(
      {
        grant_type: 'client_credentials',
        client_assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      {},
    )

  it('are asked for once in a while, however many unknown names a flood of tokens has', async () => {
    expect((await present(await assertionWith('client-key'))).status).toBe(200)
    const before = requests
    for (let count = 0; count < 50; count += 1) {
      const answer = await refusing(provider, async () => present(await assertionWith(`unknown-${count}`)))
      expect(answer.status).toBe(401)
    }
    expect(requests - before).toBeLessThanOrEqual(1)
  })
})
