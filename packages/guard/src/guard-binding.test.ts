import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGuard, type Guard, type GuardRequest, type Requirement } from './index.ts'
import { type IssuerServer, startIssuerServer } from './testing/issuer-server.ts'
import { createTestSigner, testAudience, testNow } from './testing/test-issuer.ts'
import { createTestProver } from './testing/test-prover.ts'

const prover = createTestProver()
const signer = createTestSigner()
const origin = 'https://api.example.com'
let server: IssuerServer
let clock: ManualClock
let guard: Guard

beforeEach(async () => {
  server = await startIssuerServer()
  server.keys = [signer.jwk]
  clock = new ManualClock(testNow)
  guard = createGuard({ issuer: server.issuer, audience: testAudience, clock, dpop: { origin } })
})
afterEach(() => server.stop())

const tokenFor = (cnf: object | undefined, claims = {}): string => signer.token({ iss: server.issuer, cnf, ...claims })
const withProof = (token: string, claims = {}): GuardRequest => ({
  authorization: `DPoP ${token}`,
  dpop: prover.proofFor(token, { htm: 'GET', htu: `${origin}/orders`, ...claims }),
  method: 'GET',
  target: '/orders?page=2',
})
const outcome = (request: GuardRequest, require?: Requirement, by = guard): Promise<string> =>
  by.authorize(request, require).then(
    () => 'good',
    (error: { reason: string; status: number }) => `${error.status} ${error.reason}`,
  )

describe('a token bound to a key', () => {
  it('is good with its proof, once in this process', async () => {
    const request = withProof(tokenFor({ jkt: prover.jkt }))
    expect(await outcome(request)).toBe('good')
    expect(await outcome(request)).toBe('401 bad_proof')
  })

  it('is good for nobody else', async () => {
    const token = tokenFor({ jkt: prover.jkt })
    const request = withProof(token)
    expect(await outcome({ authorization: `Bearer ${token}` })).toBe('401 sender_constraint')
    expect(await outcome({ ...request, authorization: `Bearer ${token}` })).toBe('401 sender_constraint')
    expect(await outcome(withProof(tokenFor({ jkt: 'other' })))).toBe('401 sender_constraint')
    expect(await outcome(withProof(tokenFor(undefined)))).toBe('401 sender_constraint')
    const { dpop, ...without } = request
    expect(await outcome(without)).toBe('401 bad_proof')
    expect(await outcome({ ...request, dpop: [String(dpop), String(dpop)] })).toBe('401 bad_proof')
    expect(await outcome({ ...request, method: 'POST' })).toBe('401 bad_proof')
    expect(await outcome({ ...request, target: '/other' })).toBe('401 bad_proof')
    clock.advance(61)
    expect(await outcome(request)).toBe('401 bad_proof')
    await expect(guard.verify(token)).rejects.toMatchObject({ reason: 'sender_constraint' })
    await expect(guard.check(token)).rejects.toMatchObject({ reason: 'sender_constraint' })
  })

  it('does not use its proof up where the requirement is not met', async () => {
    const request = withProof(tokenFor({ jkt: prover.jkt }))
    expect(await outcome(request, { roles: ['admin'] })).toBe('403 insufficient_role')
    expect(await outcome(request)).toBe('good')
  })

  it('is no token at all where DPoP is not set up', async () => {
    const plain = createGuard({ issuer: server.issuer, audience: testAudience, clock })
    expect(await outcome(withProof(tokenFor({ jkt: prover.jkt })), {}, plain)).toBe('401 no_credentials')
  })
})

describe('a token bound to a certificate', () => {
  it('is good over a connection with it', async () => {
    const request: GuardRequest = { authorization: `Bearer ${tokenFor({ 'x5t#S256': 'cert' })}` }
    expect(await outcome({ ...request, findCertificateThumbprint: () => 'cert' })).toBe('good')
    expect(await outcome({ ...request, findCertificateThumbprint: () => 'other' })).toBe('401 sender_constraint')
    expect(await outcome({ ...request, findCertificateThumbprint: () => undefined })).toBe('401 sender_constraint')
    expect(await outcome(request)).toBe('401 sender_constraint')
  })
})

describe('a requirement of a sign-in', () => {
  it('is said in the challenge', async () => {
    const authorization = `Bearer ${tokenFor(undefined, { acr: 'weak', auth_time: testNow - 600 })}`
    expect(await outcome({ authorization }, { acr: ['weak'], maxAge: 600 })).toBe('good')
    await expect(guard.authorize({ authorization }, { acr: ['strong', 'weaker'], maxAge: 300 })).rejects.toMatchObject({
      status: 401,
      code: 'insufficient_user_authentication',
      challenge: expect.stringMatching(
        /error="insufficient_user_authentication".*acr_values="strong weaker", max_age="300"$/,
      ),
    })
  })
})
