import type { ClientId } from '@gatehouse/core/brand'
import { isRefusal } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { type AccessTokenVerifierOptions, createAccessTokenVerifier } from '@gatehouse/guard/access-token'
import { digestRequest } from '@gatehouse/guard/request-binding'
import { createRevocationSet } from '@gatehouse/guard/revocations'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OpenedKeys, openKeys } from '../testing/open-keys.ts'
import { claimsOf } from '../testing/start-auth.ts'
import { createAccessTokens } from './access-tokens.ts'
import { createSealedTokens, type SealedTokens } from './sealed-tokens.ts'

const issuer = 'https://auth.example.com'
let opened: OpenedKeys
let sealedTokens: SealedTokens
let revocations: ReturnType<typeof createRevocationSet>
beforeAll(async () => {
  opened = await openKeys()
  sealedTokens = createSealedTokens(opened.rings['access-token'])
})
beforeEach(() => {
  revocations = createRevocationSet()
  revocations.markCurrent()
})
afterAll(() => opened.store.close())

const issue = (more: object = {}): string =>
  createAccessTokens({ issuer, clock: opened.clock, keys: opened.keys, revocations, sealedTokens }).issue(
    { sub: 'usr_alice', client_id: 'web' as ClientId, aud: [issuer, 'https://b'], scope: 'orders:read', ...more },
    seconds(300),
    'opaque',
  ).token

const verifierOf = (more: Partial<AccessTokenVerifierOptions> = {}) =>
  createAccessTokenVerifier({
    issuer,
    types: [accessTokenType],
    keys: opened.keys,
    revocations,
    clock: opened.clock,
    openSealed: sealedTokens.open,
    ...more,
  })

describe('an opaque access token', () => {
  it('says nothing to whoever carries it, and everything to the verifier of this process', () => {
    const details = [{ type: 'payment' }]
    const act = { sub: 'robot', act: { sub: 'other' } }
    const token = issue({ act, authorization_details: details, org: 'acme', may_act: { sub: 'x' } })
    expect(token).toMatch(/^gha_[\w-]+\.[\w-]+$/)
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('latin1')).not.toContain('alice')
    const outcome = verifierOf().verify(token, ['https://b'])
    if (isRefusal(outcome)) throw new Error(outcome.refused)
    expect(outcome.claims).toMatchObject({ sub: 'usr_alice', org: 'acme', act, authorization_details: details })
    expect(outcome.typ).toBe('at+jwt')
    expect([...outcome.scopes]).toEqual(['orders:read'])
  })

  it('is remembered, and looked at anew for audience, time and revocation at each use', () => {
    const verifier = verifierOf()
    const token = issue({ sid: 'session-1' })
    const first = verifier.verify(token)
    expect(verifier.cached).toBe(1)
    expect(verifier.verify(token)).toBe(first)
    expect(verifier.verify(token, ['https://other'])).toEqual({ refused: 'wrong_audience' })
    revocations.add([
      { kind: 'sid', value: 'session-1', issued_before: null, expires_at: seconds(opened.clock.now() + 900) },
    ])
    expect(verifier.verify(token)).toEqual({ refused: 'revoked' })
    const other = issue()
    expect(isRefusal(verifier.verify(other))).toBe(false)
    opened.clock.advance(300)
    expect(verifier.verify(other)).toEqual({ refused: 'expired' })
    expect(verifierOf().verify(issue({ cnf: { jkt: 'x' } }))).toEqual({ refused: 'sender_constraint' })
  })

  it('is refused where it cannot be opened, and where access tokens are not what is asked for', () => {
    const token = issue()
    expect(verifierOf({ openSealed: undefined }).verify(token)).toEqual({ refused: 'malformed' })
    expect(verifierOf({ types: [identityTokenType] }).verify(token)).toEqual({ refused: 'wrong_type' })
    expect(verifierOf({ issuer: 'https://other' }).verify(token)).toEqual({ refused: 'wrong_issuer' })
    const elsewhere = createSealedTokens(opened.rings.authorization)
    expect(verifierOf({ openSealed: elsewhere.open }).verify(token)).toEqual({ refused: 'malformed' })
  })

  it.each([
    { act: 'robot' },
    { act: {} },
    { act: { sub: 'a', act: { sub: 1 } } },
    { act: [] },
    { may_act: 'robot' },
    { authorization_details: {} },
    { authorization_details: ['payment'] },
  ])('is refused where a claim is not of its type: %j', (claims) => {
    expect(verifierOf().verify(issue(claims))).toEqual({ refused: 'bad_claims' })
  })

  it('has one spelling, and none of its characters can be another', () => {
    const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    // Of three lengths, so that there are bits to spare in the last character.
    for (const token of ['a', 'ab', 'abc'].map((org) => issue({ org }))) {
      for (let index = 0; index < token.length; index += 1) {
        const next = characters[(characters.indexOf(token[index] ?? '') + 1) % 64] ?? ''
        expect(sealedTokens.open(token.slice(0, index) + next + token.slice(index + 1))).toBeUndefined()
      }
    }
    const token = issue()
    for (const other of [`${token}=`, ` ${token}`, `${token}A`, token.replace('gha_', 'GHA_'), token.slice(0, -1), ''])
      expect(sealedTokens.open(other)).toBeUndefined()
  })

  it('is another one each time, also for the same claims', () => {
    const claims = { iss: issuer } as never
    expect(sealedTokens.seal(claims)).not.toBe(sealedTokens.seal(claims))
  })
})

it('the identity that a service is told carries no sender constraint, which the gateway has checked', () => {
  const tokens = createAccessTokens({ issuer, clock: opened.clock, keys: opened.keys, revocations })
  const claims = { iss: issuer, sub: 'usr_alice', aud: issuer, exp: opened.clock.now() + 60, cnf: { jkt: 'x' } }
  const jwt = tokens.issueIdentity({ claims, memo: {} } as never, { audience: 'https://b' })
  const payload = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as object
  expect(payload).toMatchObject({ sub: 'usr_alice', aud: 'https://b' })
  expect(payload).not.toHaveProperty('cnf')
})

it('the identity that a service is told is for its audience of now, and made anew where a reload has changed it', () => {
  const tokens = createAccessTokens({ issuer, clock: opened.clock, keys: opened.keys, revocations })
  const claims = { iss: issuer, sub: 'usr_alice', aud: issuer, exp: opened.clock.now() + 60 }
  const token = { claims, memo: {} } as never // what of a verified token is read
  const issueFor = (audience: string) => tokens.issueIdentity(token, { audience })
  const [one, other] = [issueFor('https://a'), issueFor('https://b')]
  expect([claimsOf(one).aud, claimsOf(other).aud]).toEqual(['https://a', 'https://b'])
  expect(issueFor('https://a')).toBe(one)
})

it('the identity for one request is made for it alone, lives for a minute, and names the token that it is made from', () => {
  const tokens = createAccessTokens({ issuer, clock: opened.clock, keys: opened.keys, revocations })
  const now = opened.clock.now()
  const claims = {
    iss: issuer,
    sub: 'usr_alice',
    aud: issuer,
    exp: now + 90,
    jti: 'j',
    origins: ['i'],
    cnf: { jkt: 'x' },
  }
  const token = { claims, memo: {} } as never // what of a verified token is read
  const request = { method: 'GET', target: '/orders/7?x=1' }
  const issueFor = (bound?: typeof request) => tokens.issueIdentity(token, { audience: 'https://a' }, bound)
  const bound = issueFor(request)
  expect(claimsOf(bound)).toMatchObject({ cnf: { 'req#S256': digestRequest(request) }, exp: now + 60 })
  expect(claimsOf(bound).origins).toEqual(['i', 'j'])
  expect(issueFor(request)).not.toBe(bound)
  expect(claimsOf(issueFor())).not.toHaveProperty('cnf')
  expect(claimsOf(issueFor()).origins).toEqual(['i', 'j'])
})
