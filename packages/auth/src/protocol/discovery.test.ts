import { afterAll, beforeAll, expect, it } from 'vitest'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
beforeAll(async () => {
  started = await startAuth()
})
afterAll(() => started.close())

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
