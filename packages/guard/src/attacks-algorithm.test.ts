import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:net'
import { isRefusal } from '@gatehouse/core/contracts'
import { describe, expect, it } from 'vitest'
import { createGuard } from './guard.ts'
import { createTestSigner, createTestVerifier, encodePart, goodClaims } from './testing/test-issuer.ts'

const signer = createTestSigner()
const { verifier } = createTestVerifier([signer.key])

const refusalOf = (token: string): string => {
  const outcome = verifier.verify(token)
  return isRefusal(outcome) ? outcome.refused : 'good'
}
const header = (members: object): string => encodePart({ typ: 'at+jwt', kid: 'key-1', ...members })
const payload = (): string => encodePart(goodClaims())

describe('J1 no signature at all', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', '', 'null'])('alg %j', (alg) => {
    const signed = `${header({ alg })}.${payload()}`
    expect(refusalOf(`${signed}.`)).toBe('malformed')
    expect(refusalOf(signed)).toBe('malformed')
    expect(refusalOf(`${signed}.AA`)).toBe('bad_signature')
    expect(refusalOf(`${signed}.${'A'.repeat(86)}`)).toBe('bad_signature')
    // Even with a good signature the header may not say so.
    expect(refusalOf(signer.signParts(header({ alg }), payload()))).toBe('bad_signature')
  })

  it.each([[null], [7], [['ES256']], [{}], [undefined]])('alg %j is no algorithm', (alg) => {
    expect(refusalOf(signer.signParts(header({ alg }), payload()))).toBe('malformed')
  })

  it('a good algorithm with an empty signature', () => {
    expect(refusalOf(`${header({ alg: 'ES256' })}.${payload()}.`)).toBe('malformed')
  })
})

describe('J2 the public key as a MAC secret', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const keys = [signer.key, { kid: 'rsa', alg: 'RS256', key: rsa }] as const
  const pem = (kid: string): string =>
    String((kid === 'rsa' ? rsa : signer.key.key).export({ type: 'spki', format: 'pem' }))
  const secrets: Record<string, (kid: string) => string | Buffer> = {
    PEM: pem,
    'PEM trimmed': (kid) => pem(kid).trim(),
    'PEM after white space': (kid) => ` \n${pem(kid)}`,
    DER: (kid) => (kid === 'rsa' ? rsa : signer.key.key).export({ type: 'spki', format: 'der' }),
    'JWK as JSON': (kid) => JSON.stringify((kid === 'rsa' ? rsa : signer.key.key).export({ format: 'jwk' })),
    nothing: () => '',
  }
  for (const [name, secret] of Object.entries(secrets)) {
    it.each(['HS256', 'HS384', 'HS512', 'hs256', 'ES256', 'RS256'])(`${name}, alg %s`, (alg) => {
      for (const { kid } of keys) {
        const signed = `${header({ alg, kid })}.${payload()}`
        const hash = /384|512/.exec(alg)?.[0] ?? '256'
        const mac = createHmac(`sha${hash}`, secret(kid)).update(signed).digest('base64url')
        const outcome = createTestVerifier(keys).verifier.verify(`${signed}.${mac}`)
        expect(outcome).toEqual({ refused: 'bad_signature' })
      }
    })
  }
})

describe('J3 the algorithm is the key’s, never the header’s', () => {
  it.each(['ES384', 'ES512', 'ES256K', 'es256', 'RS256', 'PS256', 'EdDSA', 'ES256 '])('ES256 key, alg %j', (alg) => {
    expect(refusalOf(signer.signParts(header({ alg }), payload()))).toBe('bad_signature')
  })

  it('RS256 key, alg PS256 and the other way round', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    for (const [own, asked] of [
      ['RS256', 'PS256'],
      ['PS256', 'RS256'],
    ] as const) {
      const rsaVerifier = createTestVerifier([{ kid: 'rsa', alg: own, key: publicKey }]).verifier
      const signed = `${header({ alg: asked, kid: 'rsa' })}.${payload()}`
      const padding = asked === 'PS256' ? { padding: 6, saltLength: 32 } : {}
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, ...padding })
      expect(rsaVerifier.verify(`${signed}.${signature.toString('base64url')}`)).toEqual({ refused: 'bad_signature' })
    }
  })

  it('a key of another type or curve than its algorithm verifies nothing', () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const signed = `${header({ alg: 'ES256', kid: 'big' })}.${payload()}`
    const signature = sign('sha256', Buffer.from(signed), { key: p384.privateKey, dsaEncoding: 'ieee-p1363' })
    const bigVerifier = createTestVerifier([{ kid: 'big', alg: 'ES256', key: p384.publicKey }]).verifier
    expect(bigVerifier.verify(`${signed}.${signature.toString('base64url')}`)).toEqual({ refused: 'bad_signature' })
  })
})

describe('J4 a key inside the token', () => {
  const attacker = createTestSigner()
  const x5c = [attacker.key.key.export({ type: 'spki', format: 'der' }).toString('base64')]
  it.each([
    ['jwk', { jwk: attacker.jwk }],
    ['jwk with our kid', { jwk: { ...attacker.jwk, kid: 'key-1' } }],
    ['x5c', { x5c }],
    ['jwk and x5c', { jwk: attacker.jwk, x5c }],
  ])('%s', (_, members) => {
    expect(refusalOf(attacker.token({}, members))).toBe('bad_signature')
    expect(refusalOf(attacker.token({}, { ...members, kid: undefined }))).toBe('malformed')
    expect(refusalOf(attacker.token({}, { ...members, kid: 'attacker' }))).toBe('unknown_key')
  })
})

describe('J5 a URL inside the token', () => {
  it('jku, x5u and iss of the attacker are never fetched', async () => {
    let connections = 0
    const listener = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    const address = listener.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`
    // The issuer itself is out of reach, so that any connection would be the attacker's doing.
    const guard = createGuard({ issuer: 'http://127.0.0.1:1', audience: 'x' })
    const attacker = createTestSigner('attacker')
    for (const members of [{ jku: url }, { x5u: url }, { jku: url, x5u: url, kid: url }]) {
      expect(refusalOf(attacker.token({ iss: url }, members))).toBe('unknown_key')
      await expect(guard.verify(attacker.token({ iss: url }, members))).rejects.toMatchObject({ status: 503 })
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    listener.close()
    expect(connections).toBe(0)
  })
})

describe('J6 kid is a name to look up, nothing else', () => {
  it.each([
    ['a path', '../../dev/null', 'unknown_key'],
    ['an absolute path', '/dev/null', 'unknown_key'],
    ['SQL', "' OR '1'='1", 'unknown_key'],
    ['a prototype', '__proto__', 'unknown_key'],
    ['a built-in', 'constructor', 'unknown_key'],
    ['NUL', 'key-1\0', 'unknown_key'],
    ['white space', ' key-1', 'unknown_key'],
    ['128 characters', 'k'.repeat(128), 'unknown_key'],
    ['129 characters', 'k'.repeat(129), 'malformed'],
    ['100 KB', 'k'.repeat(100_000), 'malformed'],
    ['empty', '', 'malformed'],
    ['a list', ['key-1'], 'malformed'],
    ['an object', { kid: 'key-1' }, 'malformed'],
    ['a number', 1, 'malformed'],
    ['null', null, 'malformed'],
    ['absent', undefined, 'malformed'],
  ])('%s', (_, kid, expected) => {
    expect(refusalOf(signer.token({}, { kid }))).toBe(expected)
  })
})

describe('J7 crit', () => {
  it.each([
    ['an unknown name', { crit: ['x-none'], 'x-none': true }],
    ['b64', { crit: ['b64'], b64: true }],
    ['b64 false', { crit: ['b64'], b64: false }],
    ['a known name', { crit: ['exp'] }],
    ['empty', { crit: [] }],
    ['null', { crit: null }],
    ['a text', { crit: 'exp' }],
  ])('%s', (_, members) => {
    expect(refusalOf(signer.token({}, members))).toBe('malformed')
  })
})
