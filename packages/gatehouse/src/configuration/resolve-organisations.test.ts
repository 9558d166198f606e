import { describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'

const masterKey = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const base = `issuer: https://auth.example.com
master_key: ${masterKey}
`
const load = (text: string) =>
  checkConfiguration(readConfigurationText(base + text, 'gatehouse.yaml', {}), { development: false, environment: {} })
    .auth
const problems = (text: string): readonly string[] => {
  try {
    load(text)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}

describe('roles and organisations', () => {
  it('become what access is decided by', () => {
    const { roleScopes, organisations } = load(`roles:
  clerk: { scopes: [orders:read], description: Sees orders }
  auditor: { scopes: [audit:read] }
  administrator: {}
organisations: { enabled: true, administrator_role: owner, roles: [clerk], invitation_lifetime: 1d }
`)
    expect([...roleScopes].map(([role, scopes]) => [role, ...scopes])).toEqual([
      ['clerk', 'orders:read'],
      ['auditor', 'audit:read'],
      ['administrator'],
    ])
    expect(organisations).toEqual({
      administratorRole: 'owner',
      givableRoles: new Map([
        ['owner', ''],
        ['clerk', 'Sees orders'],
      ]),
      knownRoles: new Set(['owner', 'clerk', 'auditor']),
      invitationLifetime: 86_400,
    })
  })

  it('are not there unless the file says so', () => {
    expect(load('')).toMatchObject({ roleScopes: new Map(), organisations: undefined })
    expect(load('organisations: { administrator_role: owner }\n').organisations).toBeUndefined()
  })

  it.each([
    [
      'a role that nothing names',
      'organisations: { enabled: true, roles: [clerk] }',
      /roles\[0\]: unknown role; `roles` names none$/,
    ],
    [
      'a role of another name',
      'roles: { clerk: {}, auditor: {} }\norganisations: { enabled: true, roles: [admin, clrk] }',
      /roles\[1\]: unknown role; `roles` names clerk, auditor$/,
    ],
    [
      'the role of whoever runs Gatehouse',
      'organisations: { administrator_role: administrator }',
      /administrator is the role of/,
    ],
    [
      'that role to be given',
      'roles: { administrator: {} }\norganisations: { roles: [administrator] }',
      /roles\[0\]: administrator is/,
    ],
    ['an invitation that never ends', 'organisations: { invitation_lifetime: 31d }', /expected at most 2592000s$/],
    [
      'a scope of OpenID Connect',
      'roles: { clerk: { scopes: [orders:read, roles] } }',
      /scopes\[1\]: roles is not a role’s/,
    ],
    ['an unknown key', 'organisations: { enable: true }', /did you mean enabled\?$/],
    ['a name that no role has', 'roles: { "night shift": {} }', /not a possible name/],
  ])('refuse %s', (_, text, problem) => {
    const found = problems(`${text}\n`)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(problem)
  })
})
