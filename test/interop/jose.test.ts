import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postForm } from '../flows/running-program.ts'
import { type DevelopmentSite, startDevelopmentSite } from './development-site.ts'

let started: DevelopmentSite
beforeAll(async () => {
  started = await startDevelopmentSite()
})
afterAll(() => started.site.remove())

describe('jose with the key set at its address', () => {
  it('verifies access tokens as RFC 9068 asks, and takes no other kind for one', async () => {
    const { json } = await postForm(`${started.issuer}/oauth/token`, {
      grant_type: 'client_credentials',
      client_id: 'demo-service',
      client_secret: 'demo-service-secret',
    })
    const metadata = (await (await fetch(`${started.issuer}/.well-known/oauth-authorization-server`)).json()) as {
      jwks_uri: string
    }
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
    const options = { issuer: started.issuer, audience: started.issuer, typ: 'at+jwt', algorithms: ['ES256'] }
    const { payload } = await jwtVerify(String(json.access_token), keys, options)
    expect(payload).toMatchObject({ sub: 'demo-service', client_id: 'demo-service' })
    await expect(jwtVerify(String(json.access_token), keys, { ...options, typ: 'JWT' })).rejects.toThrow()
  })
})
