import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileMapping } from '@gatehouse/auth/federation/mapping'
import { checkClaimRules, subjectOf } from '@gatehouse/auth/federation/oidc-claims'
import type { JsonObject } from '@gatehouse/core/json'
import * as Type from 'typebox'
import { Compile } from 'typebox/schema'
import { afterAll, describe, expect, it } from 'vitest'
import { formatKey } from '../problem.ts'
import { isPreset, type PresetMapping, type PresetSection, presetSchemas, resolvePreset } from './presets.ts'

const folder = mkdtempSync(join(tmpdir(), 'presets-'))
afterAll(() => rmSync(folder, { recursive: true }))
const appleKey = join(folder, 'AuthKey.p8')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
writeFileSync(appleKey, privateKey.export({ type: 'pkcs8', format: 'pem' }))

const validator = Compile(Type.Union([...presetSchemas]))

function resolve(section: Readonly<Record<string, unknown>>) {
  expect(validator.Check(section)).toBe(true)
  const problems: string[] = []
  const preset = resolvePreset(section as PresetSection, {
    // it has just been checked
    name: 'it',
    development: false,
    report: (path, message) => problems.push(`${formatKey(path)}: ${message}`),
  })
  expect(problems).toEqual([])
  return preset
}
const ids = { client_id: 'id', client_secret: 'secret' }
const tenant = '11111111-2222-3333-4444-555555555555'

const take = (mapping: PresetMapping, claims: JsonObject) => compileMapping(mapping)(claims)

describe('a preset', () => {
  it.each([
    [{ kind: 'google', ...ids }, 'https://accounts.google.com'],
    [{ kind: 'microsoft', tenant, ...ids }, `https://login.microsoftonline.com/${tenant}/v2.0`],
    [{ kind: 'gitlab', ...ids }, 'https://gitlab.com'],
    [{ kind: 'gitlab', url: 'https://git.example.com/', ...ids }, 'https://git.example.com'],
    [{ kind: 'slack', ...ids }, 'https://slack.com'],
    [{ kind: 'okta', domain: 'example.okta.com', ...ids }, 'https://example.okta.com'],
    [
      { kind: 'okta', domain: 'e.okta.com', authorization_server: 'default', ...ids },
      'https://e.okta.com/oauth2/default',
    ],
    [{ kind: 'auth0', domain: 'example.eu.auth0.com', ...ids }, 'https://example.eu.auth0.com/'],
    [
      { kind: 'keycloak', url: 'https://sso.example.com/', realm: 'shop', ...ids },
      'https://sso.example.com/realms/shop',
    ],
    [
      { kind: 'apple', client_id: 'com.example', team_id: 'T', key_id: 'K', key_file: appleKey },
      'https://appleid.apple.com',
    ],
  ])('%j is an OpenID provider', (section, issuer) => {
    const preset = resolve(section)
    expect(preset.kind).toBe('oidc')
    expect(preset.settings).toMatchObject({ issuer, clientId: section.client_id })
    expect(preset.title).toMatch(/^[A-Z]/)
    expect(isPreset(section)).toBe(true)
  })

  it.each(['github', 'facebook', 'linkedin', 'discord'])('%s is plain OAuth 2, with a challenge', (kind) => {
    const { kind: resolved, settings } = resolve({ kind, ...ids })
    expect(resolved).toBe('oauth2')
    expect(settings).toMatchObject({ pkce: true, subject: expect.stringMatching(/^(id|sub)$/) })
  })

  it.each([
    ['no secret', { kind: 'google', client_id: 'id' }],
    ['no tenant', { kind: 'microsoft', ...ids }],
    ['the tenant common', { kind: 'microsoft', tenant: 'common', ...ids }],
    ['a tenant by its domain', { kind: 'microsoft', tenant: 'contoso.onmicrosoft.com', ...ids }],
    ['a path as the domain', { kind: 'okta', domain: 'example.okta.com/x', ...ids }],
    ['an unknown key', { kind: 'google', issuer: 'https://evil.example', ...ids }],
  ])('is refused with %s', (_, section) => {
    expect(validator.Check(section)).toBe(false)
  })

  it('can be asked for more, and its own parameters stay unless they are set', () => {
    const { settings } = resolve({
      ...{ kind: 'google', hosted_domain: 'example.com', request_scopes: ['openid'], ...ids },
      authorization_parameters: { access_type: 'offline' },
      keep_tokens: true,
    })
    expect(settings).toMatchObject({
      scopes: ['openid'],
      authorizationParameters: { hd: 'example.com', access_type: 'offline' },
      keepTokens: true,
    })
  })
})

describe('whom a preset lets in', () => {
  const rulesOf = (section: Readonly<Record<string, unknown>>) => {
    const preset = resolve(section)
    return preset.kind === 'oidc' ? preset.settings : undefined
  }
  const letsIn = (section: Readonly<Record<string, unknown>>, claims: Readonly<Record<string, unknown>>): boolean => {
    try {
      checkClaimRules(claims, rulesOf(section)?.claimRules ?? [])
      return true
    } catch {
      return false
    }
  }

  it('is one domain at Google, by the claim', () => {
    const google = { kind: 'google', hosted_domain: 'example.com', ...ids }
    expect(letsIn(google, { hd: 'example.com' })).toBe(true)
    expect(letsIn(google, { hd: 'evil.example' })).toBe(false)
    expect(letsIn(google, {})).toBe(false)
  })

  it('is one workspace at Slack, whose people are known by workspace and id', () => {
    const slack = { kind: 'slack', team: 'T1', ...ids }
    const claims = { 'https://slack.com/team_id': 'T1', 'https://slack.com/user_id': 'U1', sub: 'U1' }
    expect(letsIn(slack, claims)).toBe(true)
    expect(letsIn(slack, { ...claims, 'https://slack.com/team_id': 'T2' })).toBe(false)
    expect(subjectOf(claims, rulesOf(slack) ?? { subjectClaims: [] })).toBe('T1:U1')
  })

  it('is, at Microsoft, one tenant, or every one but that of personal accounts', () => {
    const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'
    const other = tenant.replaceAll('1', '9')
    const at = (name: string) => ({ kind: 'microsoft', tenant: name, ...ids })
    expect([tenant, other, personal].map((tid) => letsIn(at(tenant), { tid }))).toEqual([true, false, false])
    expect([tenant, other, personal].map((tid) => letsIn(at('organizations'), { tid }))).toEqual([true, true, false])
    expect([tenant, other, personal].map((tid) => letsIn(at('consumers'), { tid }))).toEqual([false, false, true])
    const settings = rulesOf(at('organizations'))
    expect(settings?.issuerTemplate).toBe('https://login.microsoftonline.com/{tenantid}/v2.0')
    expect(subjectOf({ tid: tenant, oid: 'o', sub: 's' }, settings ?? { subjectClaims: [] })).toBe(`${tenant}:o`)
  })
})

describe('what a preset takes over', () => {
  it('is, from GitHub, the primary address if it is verified, and not the one of the profile', () => {
    const { mapping } = resolve({ kind: 'github', ...ids })
    const profile = { login: 'octocat', name: 'Octo', email: 'victim@example.com' }
    const own = { email: 'own@example.com', primary: true }
    const second = { email: 'second@example.com', primary: false, verified: true }
    expect(take(mapping, { ...profile, emails: [second, { ...own, verified: true }] })).toMatchObject({
      ...{ username: 'octocat', name: 'Octo', email: 'own@example.com', emailVerified: true },
    })
    const unverified = take(mapping, { ...profile, emails: [second, { ...own, verified: false }] })
    expect(unverified).toMatchObject({ username: 'octocat', email: undefined, emailVerified: false })
  })

  it('is, from Apple, whether an address is verified, as a boolean or a text', () => {
    const { mapping } = resolve({ kind: 'apple', client_id: 'c', team_id: 'T', key_id: 'K', key_file: appleKey })
    const verified = (email_verified: unknown) => take(mapping, { email: 'a@b.example', email_verified }).emailVerified
    expect([true, 'true', false, 'false'].map(verified)).toEqual([true, true, false, false])
    expect(take(mapping, { email: 'a@b.example' })).toMatchObject({ email: 'a@b.example', emailVerified: false })
  })

  it.each([
    { kind: 'microsoft', tenant, ...ids },
    { kind: 'facebook', ...ids },
  ])('never calls an address verified that nobody has verified: %j', (section) => {
    const { mapping } = resolve(section)
    const claims = { email: 'victim@example.com', email_verified: true, verified: true, name: 'Eve' }
    expect(take(mapping, claims)).toMatchObject({ email: 'victim@example.com', emailVerified: false })
  })

  it.each(['google', 'gitlab', 'slack', 'linkedin'])('is the word of %s that an address is verified', (kind) => {
    const { mapping } = resolve({ kind, ...ids })
    const verified = (email_verified: boolean) => take(mapping, { email: 'a@b.example', email_verified }).emailVerified
    expect([true, false].map(verified)).toEqual([true, false])
  })

  it('is what Discord calls verified', () => {
    const { mapping } = resolve({ kind: 'discord', ...ids })
    const claims = {
      id: '80351110224678912',
      username: 'nelly',
      global_name: null,
      email: 'n@example.com',
      verified: false,
    }
    expect(take(mapping, claims)).toMatchObject({ username: 'nelly', email: 'n@example.com', emailVerified: false })
  })
})
