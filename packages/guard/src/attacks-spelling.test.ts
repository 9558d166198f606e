import { isRefusal } from '@gatehouse/core/contracts'
import { describe, expect, it } from 'vitest'
import { createTestSigner, createTestVerifier, testAudience, testIssuer } from './testing/test-issuer.ts'

const signer = createTestSigner()

describe('J10 the memory of verified tokens decides nothing', () => {
  it('one token at two routes: the audience of the second counts', () => {
    const { verifier } = createTestVerifier([signer.key])
    const token = signer.token()
    expect(isRefusal(verifier.verify(token, [testAudience]))).toBe(false)
    expect(verifier.verify(token, ['https://api.example.com/inventory'])).toEqual({ refused: 'wrong_audience' })
  })

  it('one token at two issuers: what one has verified the other has not', () => {
    const here = createTestVerifier([signer.key])
    const elsewhere = createTestVerifier([signer.key], { issuer: 'https://other.example' })
    const token = signer.token()
    expect(isRefusal(here.verifier.verify(token))).toBe(false)
    expect(elsewhere.verifier.verify(token)).toEqual({ refused: 'wrong_issuer' })
    expect(elsewhere.verifier.verify(signer.token({ iss: testIssuer }))).toEqual({ refused: 'wrong_issuer' })
  })

  it('two tokens that differ in scope alone keep their own', () => {
    const { verifier } = createTestVerifier([signer.key])
    const scopesOf = (token: string): string[] => {
      const outcome = verifier.verify(token)
      return isRefusal(outcome) ? [outcome.refused] : [...outcome.scopes]
    }
    const [reads, writes] = [
      signer.token({ jti: 'same', scope: 'read' }),
      signer.token({ jti: 'same', scope: 'write' }),
    ]
    for (let round = 0; round < 2; round += 1) {
      expect([scopesOf(reads), scopesOf(writes)]).toEqual([['read'], ['write']])
    }
  })

  it('a cached token with another signature, payload or header is another token', () => {
    const { verifier } = createTestVerifier([signer.key])
    const [one, two] = [signer.token({ scope: 'read' }), signer.token({ scope: 'admin' })]
    verifier.verify(one)
    verifier.verify(two)
    const [header, payload, signature] = one.split('.')
    const [, otherPayload, otherSignature] = two.split('.')
    expect(verifier.verify(`${header}.${payload}.${otherSignature}`)).toEqual({ refused: 'bad_signature' })
    expect(verifier.verify(`${header}.${otherPayload}.${signature}`)).toEqual({ refused: 'bad_signature' })
    expect(verifier.cached).toBe(2)
  })
})

describe('J15 signed by us, for another purpose', () => {
  it.each([
    ['an ID token', 'JWT'],
    ['an ID token without type', undefined],
    ['a refresh token', 'rt+jwt'],
    ['a logout token', 'logout+jwt'],
    ['a client assertion', 'client-authentication+jwt'],
    ['a DPoP proof', 'dpop+jwt'],
    ['a request object', 'oauth-authz-req+jwt'],
    ['an introspection answer', 'token-introspection+jwt'],
    ['an e-mail link', 'gatehouse-link+jwt'],
    ['a security event', 'secevent+jwt'],
    ['the gateway’s identity, where it is not expected', 'gatehouse-identity+jwt'],
    ['a longer type', 'at+jwt2'],
    ['a longer prefix', 'xat+jwt'],
    ['another tree', 'text/at+jwt'],
    ['the prefix twice', 'application/application/at+jwt'],
    ['white space', 'at+jwt '],
    ['the prefix alone', 'application/'],
    ['empty', ''],
    ['a Kelvin sign for a K', 'at+jwt\u212a'],
  ])('%s', (_, typ) => {
    const { verifier } = createTestVerifier([signer.key])
    expect(verifier.verify(signer.token({}, { typ }))).toEqual({ refused: 'wrong_type' })
  })

  it.each([[7], [['at+jwt']], [null], [{}]])('typ of %j', (typ) => {
    const { verifier } = createTestVerifier([signer.key])
    expect(verifier.verify(signer.token({}, { typ }))).toEqual({ refused: 'malformed' })
  })

  it('an access token where only the gateway’s identity is expected', () => {
    const { verifier } = createTestVerifier([signer.key], { types: ['gatehouse-identity+jwt'] })
    expect(verifier.verify(signer.token())).toEqual({ refused: 'wrong_type' })
    expect(isRefusal(verifier.verify(signer.token({}, { typ: 'gatehouse-identity+jwt' })))).toBe(false)
  })
})

describe('J18 other spellings of a good token', () => {
  const token = signer.token()
  const [header = '', payload = '', signature = ''] = token.split('.')
  const pad = (part: string): string => part.padEnd(Math.ceil(part.length / 4) * 4, '=')
  const nextInAlphabet = (part: string): string => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1) ?? '') + 1]
  }
  const spellings: Record<string, string> = {
    'padded signature': `${header}.${payload}.${signature}==`,
    'padded everywhere': `${pad(header)}=.${pad(payload)}=.${pad(signature)}`,
    'one = at the end': `${token}=`,
    'percent padding': `${token}%3D`,
    'trailing bits in the signature': `${header}.${payload}.${nextInAlphabet(signature)}`,
    'a dot before': `.${token}`,
    'a dot after': `${token}.`,
    'two dots': token.replace('.', '..'),
    'four parts': `${token}.${signature}`,
    'five parts': `${header}.${payload}.${signature}.${payload}.${signature}`,
    'a space before': ` ${token}`,
    'a space after': `${token} `,
    'a line feed after': `${token}\n`,
    'a line feed within': `${header}.\n${payload}.${signature}`,
    'a NUL after': `${token}\0`,
    'a tab within': `${header}.${payload.slice(0, 9)}\t${payload.slice(9)}.${signature}`,
    'a full-width dot': token.replace('.', '\uff0e'),
    'a byte order mark': `\ufeff${token}`,
    'the other alphabet': `${header}.${payload}.${'+/'.repeat(43)}`,
    'in JSON': JSON.stringify({ protected: header, payload, signature }),
    'detached payload': `${header}..${signature}`,
    'the scheme with it': `Bearer ${token}`,
    'more than 8 KB': signer.token({ extra: 'x'.repeat(8192) }),
  }
  it.each(Object.entries(spellings))('%s', (_, spelling) => {
    const { verifier } = createTestVerifier([signer.key])
    expect(isRefusal(verifier.verify(token))).toBe(false)
    expect(verifier.verify(spelling)).toEqual({ refused: 'malformed' })
  })

  it.each(['A', 'AA', 'AAAA'])('a signature that goes on with %s', (more) => {
    const { verifier } = createTestVerifier([signer.key])
    expect(isRefusal(verifier.verify(token))).toBe(false)
    expect(verifier.verify(token + more)).toEqual({ refused: 'bad_signature' })
  })

  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
  const zero = '0'.repeat(64)
  const one = `${'0'.repeat(63)}1`
  it.each([
    ['r = 0, s = 0', zero + zero],
    ['r = 0', zero + one],
    ['s = 0', one + zero],
    ['r = s = 1', one + one],
    ['r = s = the order', order + order],
    ['r = s = all ones', 'f'.repeat(128)],
    ['63 bytes', Buffer.from(signature, 'base64url').toString('hex').slice(2)],
    ['65 bytes', `00${Buffer.from(signature, 'base64url').toString('hex')}`],
    ['DER', `3006020101020101`],
  ])('a signature of %s', (_, hex) => {
    const { verifier } = createTestVerifier([signer.key])
    const forged = `${header}.${payload}.${Buffer.from(hex, 'hex').toString('base64url')}`
    expect(verifier.verify(forged)).toEqual({ refused: 'bad_signature' })
  })
})

describe('J19 the hundredth answer is the first', () => {
  it('for good and bad tokens, remembered or not', () => {
    const { verifier } = createTestVerifier([signer.key], { cacheSize: 1 })
    const tokens = [signer.token(), signer.token(), `${signer.token()}=`, signer.token({ scope: 'a  b' })]
    const answers = new Set<string>()
    for (let count = 0; count < 100; count += 1) {
      answers.add(tokens.map((token) => isRefusal(verifier.verify(token, [testAudience]))).join())
    }
    expect([...answers]).toEqual(['false,false,true,true'])
  })
})
