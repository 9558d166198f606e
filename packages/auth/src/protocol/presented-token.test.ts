import { X509Certificate } from 'node:crypto'
import type { GatehouseError } from '@gatehouse/core/errors'
import { createTestSigner, createTestVerifier, testAudience } from '@gatehouse/guard/testing/test-issuer'
import { createTestProver, testTarget } from '@gatehouse/guard/testing/test-prover'
import { openStore, type Store } from '@gatehouse/store/store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKeyRings } from '../domain/key-rings.ts'
import { createAddressLimit } from '../http/address-limit.ts'
import { buildCertificateThumbprint, type ClientCertificate } from '../http/client-certificate.ts'
import { buildCertificate } from '../testing/certificates.ts'
import { createDpop, type Dpop } from './dpop.ts'
import { findPresentedToken } from './presented-token.ts'

const signer = createTestSigner()
const prover = createTestProver()
const { verifier, clock } = createTestVerifier([signer.key])
const address = '192.0.2.1'
const failures = createAddressLimit(clock, 100)
let store: Store
let dpop: Dpop
let jkt: string

beforeAll(async () => {
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  const rings = await openKeyRings({ store, clock }, { key: Buffer.alloc(32, 7) })
  dpop = createDpop({ store, clock, failures, ring: rings['dpop-nonce'], requireNonce: () => true })
  const proven = dpop.inspect(
    { address, headers: { dpop: prover.proof({ nonce: dpop.nonces.current() }) } },
    testTarget,
  )
  jkt = proven?.jkt ?? ''
})
afterAll(() => store.close())

const certificate = new X509Certificate(buildCertificate({ subject: [['CN', 'robot']] }).cert)
const shown: ClientCertificate = {
  certificate,
  thumbprint: buildCertificateThumbprint(certificate),
  verified: false,
}
const ask = (headers: Record<string, string>, given?: ClientCertificate) =>
  findPresentedToken(
    { verifier, dpop },
    { headers, address, certificate: given },
    { ...testTarget, audiences: [testAudience] },
  )
const refusal = (outcome: Promise<unknown>): Promise<GatehouseError> =>
  outcome.then(
    () => {
      throw new Error('it was not refused')
    },
    (error: GatehouseError) => error, // nothing else is thrown on purpose
  )
const withProof = (token: string, claims = {}): Record<string, string> => ({
  authorization: `DPoP ${token}`,
  dpop: prover.proofFor(token, { nonce: dpop.nonces.current(), ...claims }),
})

describe('a token bound to a key', () => {
  it('is good with its proof, once', async () => {
    const headers = withProof(signer.token({ cnf: { jkt } }))
    expect((await ask(headers)).token.claims.cnf).toEqual({ jkt })
    expect(await refusal(ask(headers))).toMatchObject({ status: 401, code: 'invalid_dpop_proof' })
  })

  it('is not good as a bearer token, with somebody else’s proof, or without', async () => {
    const token = signer.token({ cnf: { jkt } })
    const other = signer.token({ cnf: { jkt: 'other' } })
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { ...withProof(token), authorization: `Bearer ${token}` },
      withProof(other),
      { authorization: `DPoP ${token}` },
    ]) {
      expect(await refusal(ask(headers))).toMatchObject({ status: 401, code: 'invalid_token' })
    }
    expect(await refusal(ask({ ...withProof(token), dpop: prover.proof() }))).toMatchObject({
      code: 'invalid_dpop_proof',
    })
  })

  it('is told of the next nonce', async () => {
    const nonce = dpop.nonces.current()
    clock.advance(300 - (clock.now() % 300))
    const token = signer.token({ cnf: { jkt }, exp: clock.now() + 60 })
    const found = await ask(withProof(token, { iat: clock.now(), nonce }))
    expect(found.headers).toEqual({ 'dpop-nonce': dpop.nonces.current() })
    const missing = await refusal(ask(withProof(token, { iat: clock.now(), nonce: undefined })))
    expect(missing).toMatchObject({ status: 401, code: 'use_dpop_nonce' })
  })
})

it('a proof for a token that is not good is not kept', async () => {
  const headers = withProof('rubbish', { iat: clock.now(), jti: 'strange' })
  for (const _ of [1, 2]) expect(await refusal(ask(headers))).toMatchObject({ code: 'invalid_token' })
})

it('a bearer token is no more than that', async () => {
  const token = signer.token({ exp: clock.now() + 60 })
  expect((await ask({ authorization: `bearer ${token}` })).token.claims.sub).toMatch(/^usr_/)
  expect(await refusal(ask(withProof(token, { iat: clock.now() })))).toMatchObject({ code: 'invalid_token' })
})

it('a token bound to a certificate is good over a connection with it', async () => {
  const token = signer.token({ exp: clock.now() + 60, cnf: { 'x5t#S256': shown.thumbprint } })
  const headers = { authorization: `Bearer ${token}` }
  expect((await ask(headers, shown)).token.claims.cnf).toBeDefined()
  expect(await refusal(ask(headers))).toMatchObject({ code: 'invalid_token' })
  expect(await refusal(ask(headers, { ...shown, thumbprint: 'other' }))).toMatchObject({ code: 'invalid_token' })
})

it.each([undefined, '', 'Bearer', 'Bearer a b', 'Bearer a, Bearer b', 'Basic dTpw'])(
  '%j is no token',
  async (value) => {
    const error = await refusal(ask(value === undefined ? {} : { authorization: value }))
    expect(error).toMatchObject({ status: 401, code: 'credentials_required' })
    expect(error.details.headers?.['www-authenticate']).toBe('Bearer realm="gatehouse"')
  },
)
