import { createHash } from 'node:crypto'
import { isDocumentAddress } from '@gatehouse/auth/domain/client-documents'
import { parseClientKeys } from '@gatehouse/auth/domain/client-keys'
import { clientMetadataMembers } from '@gatehouse/auth/domain/client-metadata'
import { parseRegistration } from '@gatehouse/auth/domain/client-registration'
import { isClientId } from '@gatehouse/auth/domain/clients'
import { parseUserCode } from '@gatehouse/auth/domain/user-codes'
import { createCookies } from '@gatehouse/auth/http/cookies'
import { escapeHtml, html } from '@gatehouse/auth/pages/html'
import { parseClaimsParameter } from '@gatehouse/auth/protocol/claims-parameter'
import { assertionClientId } from '@gatehouse/auth/protocol/client-auth/client-assertion'
import { parseAskedScope } from '@gatehouse/auth/protocol/token'
import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import { GatehouseError } from '@gatehouse/core/errors'
import { isCodeChallenge, isCodeVerifier, matchesChallenge } from '@gatehouse/core/pkce'
import { checkRedirectUri, findRedirectUri } from '@gatehouse/core/redirect-uri'
import { checkDpopProof, isDpopRefusal } from '@gatehouse/guard/dpop'
import { createTestProver, testTarget } from '@gatehouse/guard/testing/test-prover'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** What the protocol's parsers do with text from strangers; those of other features are in parsers.test.ts. */

const registered = ['https://app.example.com/cb', 'https://app.example.com/cb?a=1', 'com.example.app:/cb']
const cookies = createCookies('https://auth.example.com')
const policy = { ...noRegistration, mode: 'open' } as const

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.json(),
  fc
    .constantFrom('a', '%', '%2e', '../', '//', '@', '[', '.', '{"a":', '=', ';', ' ')
    .map((part) => part.repeat(20_000)),
)

const parsers: Record<string, (text: string) => unknown> = {
  checkRedirectUri,
  findRedirectUri: (text) => findRedirectUri(text, [...registered, 'http://127.0.0.1/cb']),
  isCodeChallenge,
  isCodeVerifier,
  parseClaimsParameter,
  parseAskedScope,
  parseUserCode,
  assertionClientId,
  isClientId,
  isDocumentAddress,
  findSession: (cookie) => cookies.findSession({ cookie }),
  checkDpopProof: (text) => checkDpopProof(text, testTarget),
}

describe('a parser of the protocol', () => {
  for (const [name, parse] of Object.entries(parsers)) {
    it(`gives a value, nothing, or an error of ours, and soon: ${name}`, () => {
      fc.assert(
        fc.property(hostile, (text) => {
          const startedAt = performance.now()
          try {
            parse(text)
          } catch (error) {
            if (!(error instanceof GatehouseError)) throw error
          }
          // Generous: what is looked for are seconds of backtracking, not a slow machine.
          expect(performance.now() - startedAt).toBeLessThan(1000)
        }),
        { numRuns: 300 },
      )
    })
  }
})

describe('a redirect URI', () => {
  /** A registered one with a change somewhere: most of what is tried then comes close. */
  const near = fc
    .tuple(fc.constantFrom(...registered), fc.nat(40), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([uri, at, cut, put]) => uri.slice(0, at) + put + uri.slice(at + cut))

  it('is found where it is registered letter for letter, and nowhere else', () => {
    fc.assert(
      fc.property(fc.oneof(near, hostile), (presented) => {
        expect(findRedirectUri(presented, registered)).toBe(registered.includes(presented) ? presented : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('of this machine is the registered one but for its port', () => {
    const loopback = ['http://127.0.0.1/cb', 'http://[::1]:80/cb?x=1']
    const port = fc.oneof(
      fc.nat(70_000).map((number) => `:${number}`),
      fc.constantFrom('', ':', ':080', ':x', ':1@evil.test'),
    )
    const host = fc.constantFrom('127.0.0.1', '[::1]', 'localhost', '127.0.0.2', '127.1', '0.0.0.0', '[::]')
    const path = fc.constantFrom('/cb', '/cb?x=1', '/', '', '/cb/', '/CB', '/cb#x', '/./cb', '/cb%00')
    fc.assert(
      fc.property(host, port, path, (name, number, rest) => {
        const presented = `http://${name}${number}${rest}`
        const found = findRedirectUri(presented, loopback)
        if (found === undefined) return
        const [ours, theirs] = [new URL(found), new URL(presented)]
        expect([
          theirs.protocol,
          theirs.hostname,
          theirs.pathname,
          theirs.search,
          theirs.hash,
          theirs.username,
        ]).toEqual([ours.protocol, ours.hostname, ours.pathname, ours.search, '', ''])
      }),
      { numRuns: 1000 },
    )
  })

  it('that may be registered is understood alike by a URL parser, and leads to no script', () => {
    fc.assert(
      fc.property(fc.oneof(near, hostile), (uri) => {
        if (checkRedirectUri(uri) !== undefined) return
        const url = new URL(uri)
        expect(['https:', 'http:'].includes(url.protocol) || url.protocol.includes('.')).toBe(true)
        expect([url.hash, url.username, url.password]).toEqual(['', '', ''])
      }),
      { numRuns: 2000 },
    )
  })
})

describe('PKCE', () => {
  const verifier = fc.stringMatching(/^[\w.~-]{43,128}$/)
  const challengeOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

  it('matches the verifier that a challenge was made from, and no other', () => {
    fc.assert(
      fc.property(verifier, fc.oneof(verifier, hostile), (made, other) => {
        expect(matchesChallenge(made, challengeOf(made))).toBe(true)
        expect(matchesChallenge(other, challengeOf(made))).toBe(other === made)
        expect(matchesChallenge(made, other)).toBe(false)
      }),
    )
  })
})

describe('a DPoP proof', () => {
  it('with any one character changed proves nothing', () => {
    const proof = createTestProver().proof()
    expect(isDpopRefusal(checkDpopProof(proof, testTarget))).toBe(false)
    fc.assert(
      fc.property(fc.nat(proof.length - 1), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), (at, put) => {
        const changed = proof.slice(0, at) + put + proof.slice(at + 1)
        expect(isDpopRefusal(checkDpopProof(changed, testTarget))).toBe(changed !== proof)
      }),
      { numRuns: 500 },
    )
  })

  it('whose members are anything at all is judged without a failure', () => {
    const prover = createTestProver()
    const names = fc.constantFrom('htm', 'htu', 'iat', 'jti', 'nonce', 'ath')
    const headers = fc.constantFrom('typ', 'alg', 'jwk', 'crit', 'kid')
    fc.assert(
      fc.property(fc.dictionary(names, fc.anything()), fc.dictionary(headers, fc.anything()), (claims, header) => {
        let proof: string
        try {
          proof = prover.proof(claims, header)
        } catch {
          return // what cannot be written as JSON cannot be sent
        }
        checkDpopProof(proof, testTarget)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a cookie header', () => {
  const value = fc.stringMatching(/^[\w-]{43}$/)

  it('gives back what was set, among whatever else', () => {
    const other = fc.stringMatching(/^[a-z]{1,8}=[\w-]{0,20}$/)
    fc.assert(
      fc.property(value, fc.array(other), fc.array(other), (session, before, after) => {
        const [set = ''] = cookies.setSession(session, 60).split(';')
        expect(cookies.findSession({ cookie: [...before, set, ...after].join('; ') })).toBe(session)
      }),
    )
  })

  it('never gives anything of another form', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const cookie of [text, `__Host-gatehouse_session=${text}`, `__host-gatehouse_session=${'A'.repeat(43)}`]) {
          const found = cookies.findSession({ cookie })
          if (found !== undefined) expect(found).toMatch(/^[\w-]{43}$/)
          if (cookie.startsWith('__host')) expect(found).toBeUndefined()
        }
      }),
    )
  })
})

describe('text in a page', () => {
  it('opens no tag and closes no attribute, and is the same text when it is read', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('<script>', `'"`, '&lt;', '&amp;lt;')),
        (text) => {
          const escaped = escapeHtml(text)
          expect(escaped).not.toMatch(/[<>"']/)
          expect(escaped.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
          const read = escaped
            .replaceAll('&lt;', '<')
            .replaceAll('&gt;', '>')
            .replaceAll('&quot;', '"')
            .replaceAll('&#39;', "'")
            .replaceAll('&amp;', '&')
          expect(read).toBe(text)
          expect(html`<a href="${text}">${text}</a>`.text).toBe(`<a href="${escaped}">${escaped}</a>`)
        },
      ),
    )
  })
})

describe('what a client says of itself', () => {
  const member = fc.constantFrom(
    ...Object.keys(clientMetadataMembers),
    'token_endpoint_auth_method',
    'grant_types',
    'scope',
    'jwks',
    '__proto__',
    'unknown',
  )
  const value = fc.oneof(
    fc.jsonValue(),
    fc.webUrl(),
    fc.array(fc.webUrl({ validSchemes: ['https', 'http', 'javascript', 'com.example'] }), { maxLength: 3 }),
    fc.constantFrom(
      'none',
      'code',
      'RS256',
      'ES256',
      'pairwise',
      'native',
      'ping',
      'ECDH-ES',
      'private_key_jwt',
      true,
      0,
    ),
    fc.constantFrom(
      ['code'],
      ['authorization_code'],
      ['refresh_token'],
      { keys: [{}] },
      { keys: [{ kty: 'EC', crv: 'P-256' }] },
    ),
  )

  it('is a client or a refusal with one of two codes, whatever it is', () => {
    fc.assert(
      fc.property(fc.dictionary(member, value, { maxKeys: 8 }), (said) => {
        const whole = { redirect_uris: ['https://app.example.com/cb'], ...said }
        try {
          const { metadata, scopes, grantTypes } = parseRegistration(whole, policy)
          for (const uri of metadata.redirect_uris ?? []) expect(checkRedirectUri(uri)).toBeUndefined()
          expect(grantTypes.every((type) => policy.grantTypes.includes(type))).toBe(true)
          expect(scopes).not.toContain('admin')
        } catch (error) {
          if (!(error instanceof GatehouseError)) throw error
          expect(['invalid_client_metadata', 'invalid_redirect_uri']).toContain(error.code)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('has keys that can be read, or is refused', () => {
    const key = fc.dictionary(
      fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'use', 'kid', 'd', 'key_ops'),
      value,
    )
    fc.assert(
      fc.property(fc.array(key, { maxLength: 3 }), (list) => {
        try {
          parseClientKeys({ keys: list })
        } catch (error) {
          if (!(error instanceof GatehouseError)) throw error
        }
      }),
      { numRuns: 1000 },
    )
  })
})
