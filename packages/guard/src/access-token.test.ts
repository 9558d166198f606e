import { generateKeyPairSync, sign } from 'node:crypto'
import { isRefusal } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VerificationKey } from './access-token.ts'
import { createRevocationSet } from './revocations.ts'
import {
  createTestSigner,
  createTestVerifier,
  encodePart,
  goodClaims,
  nothingRevoked,
  testAudience,
  testIssuer,
  testNow,
} from './testing/test-issuer.ts'

const signer = createTestSigner()

const outcomeOf = (token: string, audiences?: readonly string[]): string => {
  const outcome = createTestVerifier([signer.key]).verifier.verify(token, audiences)
  return isRefusal(outcome) ? outcome.refused : 'good'
}

describe('a good token', () => {
  it('gives its claims and what is worked out of them', () => {
    const { verifier } = createTestVerifier([signer.key])
    const outcome = verifier.verify(signer.token({ aud: [testAudience, 'https://other'], nbf: testNow }), [
      testAudience,
    ])
    if (isRefusal(outcome)) throw new Error(outcome.refused)
    expect(outcome).toMatchObject({ typ: 'at+jwt', kid: 'key-1', audiences: [testAudience, 'https://other'] })
    expect([...outcome.scopes]).toEqual(['orders:read', 'orders:write'])
    expect([...outcome.roles]).toEqual(['clerk'])
    expect(outcome.claims).toMatchObject({ iss: testIssuer, client_id: 'web', sid: 'session-1' })
  })

  it('is frozen through and through, since it is shared by all who bring the token', () => {
    const { verifier } = createTestVerifier([signer.key])
    const outcome = verifier.verify(signer.token({ aud: [testAudience], extra: { deep: { list: [1] } } }))
    if (isRefusal(outcome)) throw new Error(outcome.refused)
    const { extra } = outcome.claims as unknown as { extra: { deep: { list: number[] } } }
    for (const part of [outcome, outcome.claims, outcome.audiences, outcome.claims.amr, extra.deep.list]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])('may write its type as %s', (typ) => {
    expect(outcomeOf(signer.token({}, { typ }))).toBe('good')
  })

  it.each([
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['PS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['EdDSA', generateKeyPairSync('ed25519')],
  ] as const)('may be signed with %s where the key says so', (alg, { publicKey, privateKey }) => {
    const key: VerificationKey = { kid: 'other', alg, key: publicKey }
    const { verifier } = createTestVerifier([key])
    const signed = `${encodePart({ alg, typ: 'at+jwt', kid: 'other' })}.${encodePart(goodClaims())}`
    const options = alg === 'PS256' ? { key: privateKey, padding: 6, saltLength: 32 } : privateKey
    const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), options)
    expect(isRefusal(verifier.verify(`${signed}.${signature.toString('base64url')}`))).toBe(false)
    signature[10] = (signature[10] ?? 0) ^ 1
    expect(verifier.verify(`${signed}.${signature.toString('base64url')}`)).toEqual({ refused: 'bad_signature' })
  })
})

describe('time', () => {
  it.each([
    ['exp now', { exp: testNow }, 'expired'],
    ['exp a second away', { exp: testNow + 1 }, 'good'],
    ['iat 60 s ahead', { iat: testNow + 60 }, 'good'],
    ['iat 61 s ahead', { iat: testNow + 61 }, 'not_yet_valid'],
    ['nbf 60 s ahead', { nbf: testNow + 60 }, 'good'],
    ['nbf 61 s ahead', { nbf: testNow + 61 }, 'not_yet_valid'],
  ])('%s', (_, claims, expected) => {
    expect(outcomeOf(signer.token(claims))).toBe(expected)
  })

  it('takes the tolerance that it is given', () => {
    const { verifier } = createTestVerifier([signer.key], { tolerance: 0 })
    expect(verifier.verify(signer.token({ iat: testNow + 1 }))).toEqual({ refused: 'not_yet_valid' })
  })
})

describe('claims', () => {
  it.each(['sub', 'client_id', 'jti', 'exp', 'iat', 'aud', 'scope', 'iss'])('%s may not be missing', (name) => {
    expect(outcomeOf(signer.token({ [name]: undefined }))).toBe('bad_claims')
  })

  it.each([
    ['sub', ''],
    ['client_id', 7],
    ['jti', ''],
    ['iat', -1],
    ['nbf', '1'],
    ['aud', []],
    ['aud', ['']],
    ['aud', [testAudience, 7]],
    ['scope', 'two  spaces'],
    ['scope', ['orders:read']],
    ['scope', 'quo"te'],
    ['sid', 7],
    ['gid', null],
    ['auth_time', 1.5],
    ['amr', 'pwd'],
    ['roles', [7]],
    ['roles', 'clerk'],
    ['acr', 1],
    ['org', {}],
    ['cnf', 'jkt'],
    ['cnf', null],
  ])('%s of %j is refused', (name, value) => {
    expect(outcomeOf(signer.token({ [name]: value }))).toBe('bad_claims')
  })

  it('refuses a token that is bound to its sender while nobody asks for the proof', () => {
    expect(outcomeOf(signer.token({ cnf: { jkt: 'x' } }))).toBe('sender_constraint')
    expect(outcomeOf(signer.token({ cnf: {} }))).toBe('sender_constraint')
  })

  it('checks the audience only where one is asked for; an empty list accepts nobody', () => {
    const token = signer.token()
    expect(outcomeOf(token)).toBe('good')
    expect(outcomeOf(token, ['https://elsewhere', testAudience])).toBe('good')
    expect(outcomeOf(token, ['https://elsewhere'])).toBe('wrong_audience')
    expect(outcomeOf(token, [])).toBe('wrong_audience')
  })
})

describe('cheap refusals come before the signature', () => {
  const unsigned = (claims: object, header: object = {}): string =>
    `${encodePart({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...header })}.${encodePart({ ...goodClaims(), ...claims })}.${'A'.repeat(86)}`

  it.each([
    ['wrong_type', unsigned({}, { typ: 'JWT' })],
    ['unknown_key', unsigned({}, { kid: 'nobody' })],
    ['expired', unsigned({ exp: testNow - 1 })],
    ['bad_signature', unsigned({})],
  ])('%s', (expected, token) => {
    expect(outcomeOf(token)).toBe(expected)
  })
})

describe('the memory of verified tokens', () => {
  it('remembers a good token, and nothing of a refused one', () => {
    const { verifier } = createTestVerifier([signer.key])
    const good = signer.token()
    verifier.verify(signer.token({ iss: 'https://other' }))
    verifier.verify(signer.token(), ['https://elsewhere'])
    verifier.verify(`${good.slice(0, -86)}${'A'.repeat(86)}`)
    verifier.verify(signer.token({ exp: testNow }))
    expect(verifier.cached).toBe(0)
    const first = verifier.verify(good)
    expect(verifier.cached).toBe(1)
    expect(verifier.verify(good)).toBe(first)
  })

  it('takes no token for another that ends in the same letters', () => {
    const { verifier } = createTestVerifier([signer.key])
    const good = signer.token()
    const first = verifier.verify(good)
    const [header, , signature] = good.split('.')
    const [, otherPayload] = signer.token({ sub: 'mallory' }).split('.')
    expect(verifier.verify(`${header}.${otherPayload}.${signature}`)).toEqual({ refused: 'bad_signature' })
    expect(verifier.verify(good)).toBe(first)
  })

  it('stays within its size', () => {
    const { verifier } = createTestVerifier([signer.key], { cacheSize: 3 })
    for (let count = 0; count < 10; count += 1) verifier.verify(signer.token())
    expect(verifier.cached).toBe(3)
  })

  it('looks at the expiry on every hit and lets go of what is over', () => {
    const { verifier, clock } = createTestVerifier([signer.key])
    const token = signer.token({ exp: testNow + 5 })
    expect(isRefusal(verifier.verify(token))).toBe(false)
    clock.advance(4)
    expect(isRefusal(verifier.verify(token))).toBe(false)
    clock.advance(1)
    expect(verifier.verify(token)).toEqual({ refused: 'expired' })
    expect(verifier.cached).toBe(0)
  })

  it('looks at the audience on every hit', () => {
    const { verifier } = createTestVerifier([signer.key])
    const token = signer.token()
    expect(isRefusal(verifier.verify(token, [testAudience]))).toBe(false)
    expect(verifier.verify(token, ['https://elsewhere'])).toEqual({ refused: 'wrong_audience' })
    expect(isRefusal(verifier.verify(token, [testAudience]))).toBe(false)
  })

  it('looks at revocation on every hit', () => {
    const revocations = createRevocationSet()
    const { verifier } = createTestVerifier([signer.key], { revocations })
    const token = signer.token({ sid: 'ended' })
    expect(verifier.verify(token)).toEqual({ refused: 'not_ready' })
    revocations.markCurrent()
    expect(isRefusal(verifier.verify(token))).toBe(false)
    const expires_at = seconds(testNow + 300)
    revocations.add([{ kind: 'sid', value: 'ended', issued_before: null, expires_at }])
    expect(verifier.verify(token)).toEqual({ refused: 'revoked' })
    revocations.markLost()
    expect(verifier.verify(signer.token())).toEqual({ refused: 'not_ready' })
  })

  it('forgets what a key has verified when the key is taken away or exchanged', () => {
    const keys = new Map([['key-1', signer.key]])
    const { verifier } = createTestVerifier([], { keys: { find: (kid) => keys.get(kid) } })
    const token = signer.token()
    expect(isRefusal(verifier.verify(token))).toBe(false)
    keys.set('key-1', { ...signer.key })
    expect(isRefusal(verifier.verify(token))).toBe(false)
    keys.set('key-1', createTestSigner().key)
    expect(verifier.verify(token)).toEqual({ refused: 'bad_signature' })
    keys.clear()
    expect(verifier.verify(token)).toEqual({ refused: 'unknown_key' })
  })

  it('is not asked at all about what is no token', () => {
    const { verifier } = createTestVerifier([signer.key], { revocations: nothingRevoked })
    // Callers without types hand over whatever a body held.
    for (const value of [undefined, null, 7, {}, ['a.b.c']]) {
      expect(verifier.verify(value as unknown as string)).toEqual({ refused: 'malformed' })
    }
  })
})

describe('any change of one character', () => {
  const token = signer.token()
  const { verifier } = createTestVerifier([signer.key])
  verifier.verify(token)
  const isRefused = (changed: string): boolean => isRefusal(verifier.verify(changed))
  const position = fc.nat(token.length - 1)
  const character = fc.oneof(
    fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  )

  it('replaced', () => {
    const property = fc.property(position, character, (at, by) => {
      fc.pre(token[at] !== by)
      return isRefused(token.slice(0, at) + by + token.slice(at + 1))
    })
    fc.assert(property, { numRuns: 3000 })
  })

  it('inserted', () => {
    const property = fc.property(fc.nat(token.length), character, (at, by) =>
      isRefused(token.slice(0, at) + by + token.slice(at)),
    )
    fc.assert(property, { numRuns: 2000 })
  })

  it('cut off at either end, or left out anywhere', () => {
    for (let at = 0; at < token.length; at += 1) {
      const without = token.slice(0, at) + token.slice(at + 1)
      expect([isRefused(token.slice(0, at)), isRefused(token.slice(at + 1)), isRefused(without)]).toEqual([
        true,
        true,
        true,
      ])
    }
  })

  it('in the last character of each part, every one of the alphabet', () => {
    const ends = [token.indexOf('.') - 1, token.lastIndexOf('.') - 1, token.length - 1]
    for (const at of ends) {
      for (const by of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
        if (by !== token[at]) expect(isRefused(token.slice(0, at) + by + token.slice(at + 1))).toBe(true)
      }
    }
  })
})
