import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'

const masterKey = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
const base = `issuer: https://auth.example.com
master_key: ${masterKey}
clients:
  shop: { public: true, grant_types: ['${jwtBearer}'], scopes: [orders:read] }
  web: { public: true, redirect_uris: [https://app.example.com/cb] }
`
const load = (text: string) =>
  checkConfiguration(readConfigurationText(base + text, 'gatehouse.yaml', {}), { development: false, environment: {} })
const problems = (text: string): readonly string[] => {
  try {
    load(text)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}

const ci = (members: string, subject = "{ subject: 'repo:acme/*', client: shop }"): string =>
  `trusted_issuers:\n  ci: { issuer: https://ci.example, ${members}, clients: [${subject}] }\n`
const uri = 'jwks_uri: https://ci.example/keys'

describe('trusted issuers', () => {
  it('become what assertions are checked by', () => {
    const [issuer] = load(ci(uri, "{ subject: 'repo:acme/*', claims: { ref: main }, client: shop }")).auth
      .trustedIssuers
    expect(issuer).toEqual({
      id: 'ci',
      issuer: 'https://ci.example',
      audience: 'https://auth.example.com',
      keys: [],
      jwksUri: 'https://ci.example/keys',
      longestLifetime: 3600,
      reusable: false,
      workloads: [{ subject: 'repo:acme/*', claims: { ref: 'main' }, client: 'shop' }],
    })
    const keys = `jwks: { keys: [${JSON.stringify(jwk)}] }`
    const [own] = load(ci(`${keys}, audience: gatehouse, longest_lifetime: 24h, reusable: true`)).auth.trustedIssuers
    expect(own).toMatchObject({ audience: 'gatehouse', longestLifetime: 86_400, reusable: true })
    expect(own?.keys.map(({ alg }) => alg)).toEqual(['ES256'])
    expect(load('').auth.trustedIssuers).toEqual([])
  })

  it.each([
    ['no keys', ci('audience: x'), /trusted_issuers\.ci: expected jwks_uri or jwks/],
    ['two kinds of keys', ci(`${uri}, jwks: { keys: [${JSON.stringify(jwk)}] }`), /and not both/],
    ['a private key', ci('jwks: { keys: [{ kty: oct, k: AAAA }] }'), /ci\.jwks: Key 1 .* private members/],
    ['keys over http', ci('jwks_uri: http://ci.example/keys'), /ci\.jwks_uri: expected an https URL/],
    ['a lifetime that is too long', ci(`${uri}, longest_lifetime: 25h`), /longest_lifetime: expected 60s to 24h/],
    ['an unknown client', ci(uri, '{ subject: a, client: nobody }'), /clients\[0\]\.client: there is no such client/],
    ['a client of another grant', ci(uri, '{ subject: a, client: web }'), /client: this client needs urn:ietf/],
    ['everybody', ci(uri, "{ subject: '*', client: shop }"), /subject: expected a subject such as/],
    ['an open end', ci(uri, "{ subject: 'repo:acme*', client: shop }"), /subject: expected a subject such as/],
    ['a star in between', ci(uri, "{ subject: 'repo:*/shop', client: shop }"), /subject: expected a subject such as/],
    ['no client', `trusted_issuers:\n  ci: { issuer: https://ci.example, ${uri}, clients: [] }\n`, /clients/],
    ['ourselves', ci(uri).replace('https://ci.example,', 'https://auth.example.com,'), /does not trust itself/],
    [
      'the same one twice',
      `${ci(uri)}  two: { issuer: https://ci.example, ${uri}, clients: [{ subject: a, client: shop }] }\n`,
      /two\.issuer: this issuer has two entries/,
    ],
  ])('are refused with %s', (_, text, problem) => {
    expect(problems(text)).toEqual([expect.stringMatching(problem)])
  })
})
