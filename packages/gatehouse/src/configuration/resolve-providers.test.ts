import { beforeAll, describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'
import { loadForProviders } from './resolve-providers.ts'

const masterKey = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const base = `issuer: https://auth.example.com
master_key: ${masterKey}
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

const secret = 'k3J9x-Qz71_Lm02vPs84TtYw5-RrBnHd'
/** Members of one provider of each kind that is told from another by where people type their password. */
const webhook = `kind: webhook, url: https://own.example.com/ask, secret: ${secret}`
const oidc = `kind: oidc, issuer: https://login.example.com, client_id: gatehouse, client_secret: ${secret}`
const provider = (members: string, name = 'corp'): string => `  ${name}: { ${members} }\n`
const providers = (...sections: readonly string[]): string => `providers:\n${sections.join('')}`

beforeAll(() => loadForProviders({ any: { kind: 'saml' } }))

describe('providers', () => {
  it('come in the order of the file, with what counts where nothing is said', () => {
    const { providers: resolved } = load(providers(provider(oidc, 'second'), provider(webhook, 'first'))).auth
    expect(resolved.map(({ name }) => name)).toEqual(['second', 'first'])
    expect(resolved[0]).toMatchObject({
      ...{ title: 'second', hasButton: true, doors: { redirect: true, check: false }, domains: [], organisations: [] },
      ...{ createsAccounts: true, scopes: [], trustsEmail: false, trustsSecondFactor: false, recheckEvery: 300 },
      recheckWithin: 14_400,
      ...{ singleLogout: false, isPrivate: false, tokenScope: undefined, isShadow: false },
    })
    expect(resolved[1]).toMatchObject({ hasButton: false, doors: { redirect: false, check: true } })
    expect(load('').auth.providers).toEqual([])
  })

  it('are as they are written', () => {
    const said =
      'title: Corp, button: false, domains: [Corp.example], organisations: [acme], create_accounts: false, scopes: [orders:read], trust_email: true, trust_second_factor: true, recheck_every: 10m, single_logout: true, private_network: true, mapping: { roles: claims.groups }'
    const [resolved] = load(providers(provider(`${oidc}, ${said}`))).auth.providers
    expect(resolved).toMatchObject({
      ...{ title: 'Corp', hasButton: false, domains: ['corp.example'], organisations: ['acme'] },
      ...{ createsAccounts: false, scopes: ['orders:read'], trustsEmail: true, trustsSecondFactor: true },
      ...{ recheckEvery: 600, singleLogout: true, isPrivate: true },
    })
    expect(resolved?.mapping({ groups: ['clerk'] }).roles).toEqual(['clerk'])
  })

  it('give new accounts what a sign-up gives, unless they say otherwise', () => {
    const signUp = 'sign_up: { scopes: [orders:read] }\n'
    const [usual, own] = load(
      signUp + providers(provider(webhook), provider(`${webhook}, scopes: [other:read]`, 'own')),
    ).auth.providers
    expect([usual?.scopes, own?.scopes]).toEqual([['orders:read'], ['other:read']])
  })

  it('of a kind that many know need an id and a secret alone', () => {
    const google = `kind: google, client_id: abc, client_secret: ${secret}`
    const [resolved] = load(providers(provider(google))).auth.providers
    expect(resolved).toMatchObject({ title: 'Google', definition: { kind: 'oidc' } })
  })

  it.each([
    [
      'an unknown key',
      provider(`${webhook}, trust_emial: true`),
      /corp\.trust_emial: unknown key; did you mean trust_email\?/,
    ],
    ['a key of another kind', provider(`${webhook}, client_id: x`), /corp\.client_id: unknown key; possible here: /],
    ['an unknown kind', provider('kind: kerberos'), /corp\.kind: expected the kind of the provider, such as oidc/],
    ['no kind', provider('title: Corp'), /corp.*kind/],
    ['a missing key', provider('kind: webhook, url: https://own.example.com/ask'), /corp\.secret: missing/],
    ['a name that cannot be one', provider(webhook, 'Corp_1'), /Corp_1: not a possible name/],
    [
      'the domain of another one',
      provider(`${webhook}, domains: [corp.example]`, 'one') + provider(`${oidc}, domains: [CORP.example]`, 'two'),
      /providers\.two\.domains\[0\]: is that of the provider one already/,
    ],
    ['what is no domain', provider(`${oidc}, domains: ['@corp.example']`), /domains\[0\]: expected a domain such as/],
    [
      'an expression with a fault',
      provider(`${oidc}, mapping: { name: 'claims.' }`),
      /corp\.mapping\.name: cannot be used/,
    ],
    [
      'a condition with a fault',
      provider(`${oidc}, mapping: { roles: { clerk: 'nobody.groups' } }`),
      /corp\.mapping\.roles\.clerk: cannot be used/,
    ],
    [
      'trust in addresses of all, of some organisations alone',
      provider(`${oidc}, organisations: [acme], trust_email: true`),
      /corp\.trust_email: needs `domains`/,
    ],
    ['a shadow of what asks for no password', provider(`${oidc}, shadow: true`), /corp\.shadow: /],
    [
      'a scope for tokens that are not kept',
      provider(`${oidc}, token_scope: corp:token`),
      /corp\.token_scope: counts with `keep_tokens: true` alone/,
    ],
    ['a look that is too rare', provider(`${oidc}, recheck_every: 2d, recheck_within: 3d`), /corp\.recheck_every: /],
    [
      'a word that is too old before it is asked for',
      provider(`${oidc}, recheck_within: 1m`),
      /corp\.recheck_within: /,
    ],
  ])('are refused with %s, in one line', (_, sections, problem) => {
    expect(problems(providers(sections))).toEqual([expect.stringMatching(problem)])
  })

  it('with faults are told of all at once', () => {
    const found = problems(providers(provider(`${webhook}, titel: x`, 'one'), provider(`${oidc}, buton: true`, 'two')))
    expect(found).toEqual([
      expect.stringMatching(/one\.titel: .*did you mean title/),
      expect.stringMatching(/two\.buton: .*did you mean button/),
    ])
  })
})
