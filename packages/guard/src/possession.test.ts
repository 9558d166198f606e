import { isRefusal } from '@gatehouse/core/contracts'
import { describe, expect, it } from 'vitest'
import { isPossessed, type Possession } from './possession.ts'
import { createTestSigner, createTestVerifier, testAudience } from './testing/test-issuer.ts'

const proof: Possession = { jkt: 'key' }
const certificate: Possession = { findCertificateThumbprint: () => 'cert' }
const both: Possession = { ...proof, ...certificate }
const [keyBound, certificateBound] = [{ jkt: 'key' }, { 'x5t#S256': 'cert' }]

describe('a token that is bound', () => {
  it.each<[string, object | undefined, Possession, boolean]>([
    ['to nothing, as a bearer token', undefined, undefined, true],
    ['to nothing, over mutual TLS', undefined, certificate, true],
    ['to nothing, with a proof', undefined, proof, false],
    ['to a key, with its proof', keyBound, proof, true],
    ['to a key, with its proof over mutual TLS', keyBound, both, true],
    ['to a key, as a bearer token', keyBound, undefined, false],
    ['to a key, over mutual TLS', keyBound, certificate, false],
    ['to another key', { jkt: 'other' }, proof, false],
    ['to a certificate, with it', certificateBound, certificate, true],
    ['to a certificate, without', certificateBound, undefined, false],
    ['to a certificate, where none was shown', certificateBound, { findCertificateThumbprint: () => undefined }, false],
    ['to another certificate', { 'x5t#S256': 'other' }, certificate, false],
    ['to a certificate, with a proof', certificateBound, both, false],
    ['to both, with both', { ...keyBound, ...certificateBound }, both, true],
    ['to both, with the proof alone', { ...keyBound, ...certificateBound }, proof, false],
    ['to both, with the certificate alone', { ...keyBound, ...certificateBound }, certificate, false],
    ['in a way that nobody knows', { kid: 'x' }, both, false],
    ['in a way that nobody knows, as a bearer token', { kid: 'x' }, undefined, false],
    ['to nothing that it names', {}, undefined, false],
    ['to a key, and is only asked about', keyBound, 'not_presented', true],
  ])('%s', (_, cnf, possession, may) => {
    expect(isPossessed(cnf, possession)).toBe(may)
  })

  it('to no certificate, does not look for one', () => {
    const findCertificateThumbprint = (): string => {
      throw new Error('it was looked for')
    }
    expect(isPossessed(undefined, { findCertificateThumbprint })).toBe(true)
    expect(isPossessed(keyBound, { jkt: 'key', findCertificateThumbprint })).toBe(true)
  })
})

describe('the verifier', () => {
  const signer = createTestSigner()
  const { verifier } = createTestVerifier([signer.key])
  const isGood = (token: string, possession?: Possession): boolean =>
    !isRefusal(verifier.verify(token, [testAudience], possession))

  it('asks at each use, however often the token was good before', () => {
    const token = signer.token({ cnf: keyBound })
    expect(isGood(token)).toBe(false)
    expect(isGood(token, proof)).toBe(true)
    expect(verifier.verify(token, [testAudience])).toEqual({ refused: 'sender_constraint' })
    expect(isGood(token, { jkt: 'other' })).toBe(false)
    expect(isGood(token, proof)).toBe(true)
  })

  it('does not take a proof for a token that is bound to none', () => {
    const token = signer.token()
    expect([isGood(token), isGood(token, proof), isGood(token)]).toEqual([true, false, true])
  })

  it('tells of a bound token to those who only ask about it', () => {
    const token = signer.token({ cnf: keyBound })
    expect(verifier.verify(token, undefined, 'not_presented')).toMatchObject({ claims: { cnf: keyBound } })
    expect(isGood(token)).toBe(false)
  })
})
