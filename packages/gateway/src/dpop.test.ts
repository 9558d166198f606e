import { createPublicKey } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { ManualClock } from '@gatehouse/core/time'
import { type DpopProof, identifyProof } from '@gatehouse/guard/dpop'
import { isPossessed } from '@gatehouse/guard/possession'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { buildThumbprint } from '@gatehouse/guard/thumbprint'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { DpopProofs } from './authenticate/dpop-proof.ts'
import { send } from './fixtures/client.ts'
import { startGateway, type TestGateway } from './fixtures/gateway-server.ts'
import { buildToken, verifyKnown } from './fixtures/tokens.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'

const prover = createTestProver()
const jkt = buildThumbprint(createPublicKey(prover.privateKey)) ?? ''
const tokens = new Map([
  ['key-bound', buildToken({ cnf: { jkt } })],
  ['bound-to-other', buildToken({ cnf: { jkt: 'other' } })],
  ['certificate-bound', buildToken({ cnf: { 'x5t#S256': 'cert-1' } })],
  ['bound-to-both', buildToken({ cnf: { jkt, 'x5t#S256': 'cert-1' } })],
])

let upstream: TestUpstream
let test: TestGateway
let shown: string | undefined
let nonce = 'nonce-2'
let used: Set<string>
let consume: DpopProofs['consume']

const rememberUse = async (proof: DpopProof): Promise<boolean> => {
  const { hash } = identifyProof(proof)
  const isFirst = !used.has(hash)
  used.add(hash)
  return isFirst
}

beforeAll(async () => {
  upstream = await startUpstream()
  const routes = [
    { path: '/open', require: 'nothing' },
    { path: '/optional', require: 'optional' },
    { path: '/scoped', require: { scopes: ['admin'] } },
    { path: '/**', require: 'token' },
  ] as const
  test = await startGateway([{ name: 's', audience: 'https://auth.test/s', upstream: [upstream.origin], routes }], {
    dependencies: {
      verify(token, audiences, possession) {
        const known = tokens.get(token)
        if (known === undefined) return verifyKnown(token, audiences, possession)
        return isPossessed(known.claims.cnf, possession) ? known : { refused: 'sender_constraint' }
      },
      dpop: {
        scheme: 'http',
        isNonceAcceptable: (given) => given === 'nonce-1' || given === 'nonce-2',
        currentNonce: () => nonce,
        consume: (proof) => consume(proof),
      },
      findCertificateThumbprint: () => shown,
      hiddenHeaders: ['Client-Proof'],
    },
  })
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})
beforeEach(() => {
  used = new Set()
  consume = rememberUse
  nonce = 'nonce-2'
  shown = undefined
  upstream.received.length = 0
})

const now = new ManualClock().now()
const proofFor = (token: string, path = '/a', claims = {}): string =>
  prover.proofFor(token, { htm: 'GET', htu: `http://auth.test${path}`, iat: now, nonce: 'nonce-2', ...claims })
const ask = (
  token: string,
  options: { path?: string; proof?: string | string[] | undefined; scheme?: string; method?: string } = {},
) => {
  const { path = '/a', scheme = 'DPoP', method = 'GET' } = options
  const proof = 'proof' in options ? options.proof : proofFor(token, path)
  const headers = { authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { dpop: proof }) }
  return send(test.port, path, { method, headers })
}

describe('a token bound to a key', () => {
  it('is let through with its proof, and neither goes further', async () => {
    const answer = await ask('key-bound')
    expect(answer.status).toBe(200)
    expect(answer.headers['dpop-nonce']).toBeUndefined()
    expect(upstream.received[0]?.headers.authorization).toBe('Bearer identity-of-usr_0123456789abcdefghijkl-for-s')
    expect(upstream.received[0]?.headers).not.toHaveProperty('dpop')
  })

  it('may be presented in any case of the scheme, for any spelling of the path', async () => {
    expect((await ask('key-bound', { scheme: 'dpop' })).status).toBe(200)
    expect((await ask('key-bound', { path: '/%7ejoe/x?y=1', proof: proofFor('key-bound', '/~joe/x') })).status).toBe(
      200,
    )
    expect((await ask('key-bound', { path: '/~joe/x?y=1', proof: proofFor('key-bound', '/%7Ejoe/x#z') })).status).toBe(
      200,
    )
  })

  it('is refused as a bearer token, with a proof or without', async () => {
    for (const proof of [undefined, proofFor('key-bound')]) {
      const answer = await ask('key-bound', { scheme: 'Bearer', proof })
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="auth.test", error="invalid_token"/)
    }
    expect(test.log.at(-1)?.reason).toContain('sender_constraint')
  })

  it.each<[string, string, Parameters<typeof ask>[1] | (() => Parameters<typeof ask>[1])]>([
    ['without a proof', 'invalid_dpop_proof', { proof: undefined }],
    ['with a proof for another token', 'invalid_dpop_proof', () => ({ proof: proofFor('other') })],
    [
      'with a proof for no token',
      'invalid_dpop_proof',
      () => ({ proof: proofFor('key-bound', '/a', { ath: undefined }) }),
    ],
    ['with a proof for another path', 'invalid_dpop_proof', () => ({ proof: proofFor('key-bound', '/b') })],
    ['with a proof for another method', 'invalid_dpop_proof', () => ({ method: 'POST' })],
    [
      'with a proof for another host',
      'invalid_dpop_proof',
      () => ({ proof: proofFor('key-bound', '/a', { htu: 'http://other.test/a' }) }),
    ],
    [
      'with a proof for https',
      'invalid_dpop_proof',
      () => ({ proof: proofFor('key-bound', '/a', { htu: 'https://auth.test/a' }) }),
    ],
    ['with an old proof', 'invalid_dpop_proof', () => ({ proof: proofFor('key-bound', '/a', { iat: now - 301 }) })],
    [
      'with an old proof without a nonce',
      'use_dpop_nonce',
      () => ({ proof: proofFor('key-bound', '/a', { iat: now - 61, nonce: undefined }) }),
    ],
    ['with two proofs', 'invalid_dpop_proof', () => ({ proof: [proofFor('key-bound'), proofFor('key-bound')] })],
    [
      'with a key that it does not know',
      'invalid_token',
      () => ({
        proof: createTestProver().proofFor('key-bound', {
          htm: 'GET',
          htu: 'http://auth.test/a',
          iat: now,
          nonce: 'nonce-2',
        }),
      }),
    ],
    [
      'with a proof without nonce',
      'use_dpop_nonce',
      () => ({ proof: proofFor('key-bound', '/a', { nonce: undefined }) }),
    ],
    [
      'with a proof with an old nonce',
      'use_dpop_nonce',
      () => ({ proof: proofFor('key-bound', '/a', { nonce: 'nonce-0' }) }),
    ],
  ])('is refused %s: %s', async (_, code, options) => {
    const answer = await ask('key-bound', typeof options === 'function' ? options() : options)
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.body).error).toBe(code)
    expect(answer.headers['www-authenticate']).toMatch(
      new RegExp(`^DPoP realm="auth.test", error="${code}", .*algs="ES256 `),
    )
    expect(answer.headers['dpop-nonce']).toBe(code === 'use_dpop_nonce' ? 'nonce-2' : undefined)
    expect(upstream.received).toHaveLength(0)
    expect(used.size).toBe(0)
  })

  it('is told of a newer nonce along the way', async () => {
    const answer = await ask('key-bound', { proof: proofFor('key-bound', '/a', { nonce: 'nonce-1' }) })
    expect([answer.status, answer.headers['dpop-nonce']]).toEqual([200, 'nonce-2'])
  })

  it('is refused where the proof was used before: of twenty at once one is let through', async () => {
    const proof = proofFor('key-bound')
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('key-bound', { proof })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
    expect(upstream.received).toHaveLength(1)
    expect(test.log.at(-1)?.reason).toContain('replayed')
  })

  it('does not use its proof up where the rule is not satisfied', async () => {
    const answer = await ask('key-bound', { path: '/scoped' })
    expect([answer.status, used.size]).toEqual([403, 0])
    expect(answer.headers['www-authenticate']).toMatch(
      /^DPoP realm="auth.test", error="insufficient_scope".*scope="admin"/,
    )
  })

  it('is let through by nobody while uses cannot be written down', async () => {
    consume = () => Promise.reject(new GatehouseError('temporarily_unavailable'))
    expect(await ask('key-bound')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    consume = () => Promise.reject(new Error('the disk is gone'))
    const answer = await ask('key-bound')
    expect([answer.status, answer.body.includes('disk')]).toEqual([500, false])
    expect(upstream.received).toHaveLength(0)
  })

  it('keeps its body while the proof is being used up', async () => {
    const body = Buffer.alloc(300_000, 'x')
    consume = async (proof) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return rememberUse(proof)
    }
    const headers = { authorization: 'DPoP key-bound', dpop: proofFor('key-bound', '/a', { htm: 'POST' }) }
    expect((await send(test.port, '/a', { method: 'POST', headers, body })).status).toBe(200)
    expect(upstream.received[0]?.headers['content-length']).toBe('300000')
  })
})

describe('other tokens', () => {
  it('that are bound to nothing are not taken with a proof', async () => {
    expect((await ask('user')).status).toBe(401)
    expect((await ask('user', { scheme: 'Bearer' })).status).toBe(200)
    expect((await ask('bound-to-other')).status).toBe(401)
  })

  it('that are bad cost no look at the proof', async () => {
    const answer = await ask('refuse-expired', { proof: 'rubbish' })
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([401, 'invalid_token'])
  })

  it('are not looked at where nothing is asked for, and are where something may be', async () => {
    expect((await ask('key-bound', { path: '/open', proof: 'rubbish' })).status).toBe(200)
    expect((await ask('key-bound', { path: '/optional', proof: 'rubbish' })).status).toBe(401)
    expect((await ask('key-bound', { path: '/optional' })).status).toBe(200)
  })

  it('that are bound to a certificate need it', async () => {
    const status = async (scheme: string, token: string): Promise<number> => (await ask(token, { scheme })).status
    expect(await status('Bearer', 'certificate-bound')).toBe(401)
    shown = 'cert-2'
    expect(await status('Bearer', 'certificate-bound')).toBe(401)
    shown = 'cert-1'
    expect(await status('Bearer', 'certificate-bound')).toBe(200)
    expect(await status('DPoP', 'certificate-bound')).toBe(401)
    expect(await status('DPoP', 'bound-to-both')).toBe(200)
    expect(await status('Bearer', 'user')).toBe(200)
    shown = undefined
    expect(await status('DPoP', 'bound-to-both')).toBe(401)
  })
})

it('a header that a proxy tells Gatehouse something by never reaches a service, however it is spelled', async () => {
  const headers = { 'client-proof': 'forged', client_proof: 'forged', 'x-other': 'kept' }
  await send(test.port, '/open', { headers })
  const names = Object.keys(upstream.received[0]?.headers ?? {})
  expect(names).toContain('x-other')
  expect(names.filter((name) => name.includes('proof'))).toEqual([])
})
