import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Compile } from 'typebox/schema'
import { afterAll, describe, expect, it } from 'vitest'
import { formatKey } from '../problem.ts'
import { type OAuth2Section, oauth2Schema, resolveOAuth2 } from './oauth2.ts'
import { type OidcSection, oidcSchema, resolveOidc } from './oidc.ts'
import type { ProviderContext } from './provider-kind.ts'

const folder = mkdtempSync(join(tmpdir(), 'providers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const keyFile = (name: string, key: KeyObject): string => {
  const file = join(folder, name)
  writeFileSync(file, key.export({ type: 'pkcs8', format: 'pem' }))
  return file
}
const ec = keyFile('ec.pem', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const rsa = keyFile('rsa.pem', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const small = keyFile('small.pem', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
const secp = keyFile('secp.pem', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey)

function contextFor(development = false): { context: ProviderContext; problems: string[] } {
  const problems: string[] = []
  const report: ProviderContext['report'] = (path, message) => problems.push(`${formatKey(path)}: ${message}`)
  return { context: { name: 'corp', development, report }, problems }
}

const oidc = (more: Partial<OidcSection> = {}, development = false) => {
  const section: OidcSection = {
    ...{ kind: 'oidc', issuer: 'https://idp.example', client_id: 'gatehouse', client_secret: 'x' },
    ...more,
  }
  expect(Compile(oidcSchema).Check(section)).toBe(true)
  const { context, problems } = contextFor(development)
  return { settings: resolveOidc(section, context), problems }
}
/** Without the secret that the others have. */
const oidcByKey = (more: Partial<OidcSection>) => {
  const { context, problems } = contextFor()
  const section = { kind: 'oidc', issuer: 'https://idp.example', client_id: 'gatehouse', ...more } as const
  return { settings: resolveOidc(section, context), problems }
}

describe('an OpenID provider', () => {
  it('needs its issuer, an id and a secret', () => {
    const { settings, problems } = oidc()
    expect(problems).toEqual([])
    expect(settings).toMatchObject({
      issuer: 'https://idp.example',
      clientId: 'gatehouse',
      authentication: { method: 'client_secret_basic', secret: 'x' },
      scopes: ['openid', 'email', 'profile'],
      responseMode: 'query',
      userinfo: true,
      subjectClaims: ['sub'],
      keepTokens: false,
    })
  })

  it('takes a key in place of the secret, for what the key is made for', () => {
    expect(oidcByKey({ private_key_file: ec }).settings.authentication).toMatchObject({
      ...{ method: 'private_key_jwt', alg: 'ES256', audience: 'issuer' },
    })
    const other = oidcByKey({
      private_key_file: rsa,
      private_key_alg: 'PS256',
      client_assertion_audience: 'token_endpoint',
    })
    expect(other.settings.authentication).toMatchObject({ alg: 'PS256', audience: 'token_endpoint' })
    expect(other.problems).toEqual([])
  })

  it('lets in by claims', () => {
    expect(oidc({ required_claims: { hd: ['example.com'] } }).settings.claimRules).toEqual([
      { claim: 'hd', oneOf: ['example.com'] },
    ])
  })

  it.each<[string, Partial<OidcSection>, RegExp]>([
    ['an issuer in clear', { issuer: 'http://idp.example' }, /^issuer: expected an https URL/],
    ['an issuer with a password', { issuer: 'https://a:b@idp.example' }, /^issuer: expected an https URL/],
    [
      'the address of the document',
      { issuer: 'https://idp.example/.well-known/openid-configuration' },
      /^issuer: .*alone/,
    ],
    ['an issuer with a query', { issuer: 'https://idp.example/?a=b' }, /^issuer: .*no query/],
    ['scopes without openid', { request_scopes: ['email'] }, /^request_scopes: openid/],
    ['a state of one’s own', { authorization_parameters: { state: 'x' } }, /^authorization_parameters\.state: /],
    ['no nonce', { authorization_parameters: { nonce: '' } }, /^authorization_parameters\.nonce: /],
    ['prompt=none', { authorization_parameters: { prompt: 'none' } }, /^authorization_parameters\.prompt: /],
    ['a key that is not there', { decryption_key_file: join(folder, 'no') }, /^decryption_key_file: .*cannot be read/],
    ['a key that cannot decrypt', { decryption_key_file: secp }, /^decryption_key_file: expected an RSA key/],
    ['a secret beside a key', { private_key_file: ec }, /^client_secret: is not used/],
    ['a secret that is not used', { auth_method: 'none' }, /^client_secret: is not used/],
  ])('is refused with %s', (_, more, expected) => {
    expect(oidc(more).problems.join('\n')).toMatch(expected)
  })

  it.each<[string, Partial<OidcSection>, RegExp]>([
    ['nothing to prove itself with', {}, /^client_secret: missing/],
    ['no key for private_key_jwt', { auth_method: 'private_key_jwt' }, /^private_key_file: missing/],
    ['a key that is too short', { private_key_file: small }, /^private_key_file: expected an RSA key of 2048/],
    ['a curve that is none of them', { private_key_file: secp }, /^private_key_file: expected/],
    ['an algorithm of another key', { private_key_file: ec, private_key_alg: 'RS256' }, /^private_key_alg: .*ES256/],
  ])('is refused with %s', (_, more, expected) => {
    expect(oidcByKey(more).problems.join('\n')).toMatch(expected)
  })

  it('may be this machine in development, and no other in clear', () => {
    expect(oidc({ issuer: 'http://127.0.0.1:9' }, true).problems).toEqual([])
    expect(oidc({ issuer: 'http://idp.example' }, true).problems).not.toEqual([])
  })

  it('has no keys that are unknown, and takes no symmetric algorithm', () => {
    const check = (more: object) =>
      Compile(oidcSchema).Check({
        kind: 'oidc',
        issuer: 'https://i.example',
        client_id: 'a',
        client_secret: 'b',
        ...more,
      })
    expect(check({})).toBe(true)
    expect(check({ isuer: 'x' })).toBe(false)
    expect(check({ id_token_signed_response_alg: 'none' })).toBe(false)
    expect(check({ id_token_signed_response_alg: 'HS256' })).toBe(false)
  })
})

describe('a plain OAuth 2 provider', () => {
  const section: OAuth2Section = {
    kind: 'oauth2',
    client_id: 'gatehouse',
    client_secret: 'x',
    authorization_endpoint: 'https://idp.example/authorize',
    token_endpoint: 'https://idp.example/token',
    userinfo_endpoint: 'https://idp.example/me',
    subject: 'id',
  }
  const oauth2 = (more: Partial<OAuth2Section> = {}) => {
    expect(Compile(oauth2Schema).Check({ ...section, ...more })).toBe(true)
    const { context, problems } = contextFor()
    return { settings: resolveOAuth2({ ...section, ...more }, context), problems }
  }

  it('sends a challenge, checks no passwords and keeps no tokens unless it is told to', () => {
    const { settings, problems } = oauth2()
    expect(problems).toEqual([])
    expect(settings).toMatchObject({ pkce: true, passwordGrant: false, keepTokens: false, tokenAnswer: 'json' })
    expect(settings.userinfo).toEqual([{ url: 'https://idp.example/me' }])
  })

  it('names its token endpoint in what it signs, where there is no issuer to name', () => {
    const audience = (more: Partial<OAuth2Section>) => {
      const { client_secret: _, ...rest } = section
      const { authentication } = resolveOAuth2({ ...rest, private_key_file: ec, ...more }, contextFor().context)
      return 'audience' in authentication ? authentication.audience : undefined
    }
    expect(audience({})).toBe('token_endpoint')
    expect(audience({ issuer: 'https://idp.example' })).toBe('issuer')
  })

  it.each<[string, Partial<OAuth2Section>, RegExp]>([
    ['a name as the subject', { subject: 'login' }, /^subject: names and addresses change hands/],
    ['an address as the subject', { subject: 'data.email' }, /^subject: /],
    ['an endpoint in clear', { token_endpoint: 'http://idp.example/token' }, /^token_endpoint: expected an https/],
    ['a script', { authorization_endpoint: 'javascript:alert(1)' }, /^authorization_endpoint: expected an https/],
    [
      'a source in clear',
      { userinfo_endpoint: [{ url: 'http://x.example' }] },
      /^userinfo_endpoint\[0\]\.url: expected/,
    ],
  ])('is refused with %s', (_, more, expected) => {
    expect(oauth2(more).problems.join('\n')).toMatch(expected)
  })

  it('needs to be told whom it knows by what', () => {
    const { subject: _, ...rest } = section
    expect(Compile(oauth2Schema).Check(rest)).toBe(false)
    expect(Compile(oauth2Schema).Check({ ...section, subject: 'a b' })).toBe(false)
    expect(
      Compile(oauth2Schema).Check({ ...section, userinfo_endpoint: [{ url: 'https://x', into: '__proto__' }] }),
    ).toBe(false)
  })
})
