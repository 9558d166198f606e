import { seconds } from '@gatehouse/core/time'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
beforeAll(async () => {
  started = await startAuth()
})
afterAll(() => started.close())

it('names what is told of organisations where there are any', async () => {
  const { settings, auth, url } = started
  const read = async () =>
    (await (await fetch(`${url}/.well-known/openid-configuration`)).json()) as Record<string, string[]>
  const told = ({ scopes_supported = [], claims_supported = [] }: Record<string, string[]>) =>
    [...scopes_supported, ...claims_supported].filter((name) => name.startsWith('org'))
  expect(told(await read())).toEqual([])
  const roles = { administratorRole: 'admin', givableRoles: new Map(), knownRoles: new Set<string>() }
  // A reload brings a new list of scopes, by which the document is made anew.
  const routeScopes = [...settings.routeScopes]
  auth.replaceSettings({ ...settings, organisations: { ...roles, invitationLifetime: seconds(60) }, routeScopes })
  expect(told(await read())).toEqual(['organization', 'org', 'org_name'])
  auth.replaceSettings(settings)
})

it('says nothing of client certificates where none can reach Gatehouse', async () => {
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const metadata = (await (await fetch(started.url + path)).json()) as Record<string, unknown>
    expect(metadata.tls_client_certificate_bound_access_tokens).toBe(false)
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      const methods = metadata[`${endpoint}_endpoint_auth_methods_supported`]
      expect(methods).toContain('private_key_jwt')
      expect(JSON.stringify(methods)).not.toContain('tls')
    }
  }
})
