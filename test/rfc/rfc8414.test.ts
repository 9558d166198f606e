import { request } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issuer, type Provider, startProvider, web } from './provider.ts'

// Metadata of the authorization server: that what they list works, and what works is listed.

let provider: Provider
let metadata: Record<string, unknown>
beforeAll(async () => {
  provider = await startProvider()
  metadata = await provider.metadata()
})
afterAll(() => provider.close())

const list = (name: string): readonly string[] => metadata[name] as string[] // a list of texts, or the test fails
const getWithHost = (path: string, headers: Record<string, string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request(provider.url + path, { headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    sent.on('error', reject).end()
  })

describe('section 2, the members', () => {
  it('2 the endpoints are there, under the issuer, over https', async () => {
    const endpoints = Object.entries(metadata).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
    expect(endpoints.length).toBeGreaterThan(9)
    for (const [name, url] of endpoints) {
      expect(String(url).startsWith(`${issuer}/`), name).toBe(true)
      const answer = await fetch(String(url).replace(issuer, provider.url))
      expect([200, 400, 401, 405], name).toContain(answer.status)
    }
  })

  it('2 every listed grant type is known at the token endpoint', async () => {
    for (const grant_type of list('grant_types_supported')) {
      const { error } = (await provider.token({ grant_type })).body
      expect(error ?? 'none', grant_type).not.toBe('unsupported_grant_type')
    }
  })

  it('2 every listed response mode carries an answer', async () => {
    for (const response_mode of list('response_modes_supported')) {
      const answer = await provider.authorize({ response_mode })
      const carried = answer.callback.size > 0 ? [...answer.callback.keys()] : Object.keys(answer.form.fields)
      expect(carried, response_mode).toContain(response_mode.endsWith('jwt') ? 'response' : 'code')
    }
  })

  it('2 every listed scope and prompt can be asked for', async () => {
    for (const scope of list('scopes_supported').filter((name) => name !== 'roles')) {
      const answer = await provider.authorize({ scope: `openid ${scope}` })
      expect(answer.callback.has('code'), scope).toBe(true)
    }
    for (const prompt of list('prompt_values_supported')) {
      const answer = await provider.authorize({ prompt })
      expect(answer.callback.has('code'), prompt).toBe(true)
    }
  })

  it('2 every listed way for clients to prove themselves is known, and none that needs what is not there', () => {
    const methods = list('token_endpoint_auth_methods_supported')
    expect(methods).toEqual([
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ])
    expect(list('introspection_endpoint_auth_methods_supported')).not.toContain('none')
  })

  it('2 no algorithm is listed that is none, a MAC for ID tokens, or weak', () => {
    const algorithms = Object.entries(metadata).filter(([name]) => /_alg_values_supported$/.test(name))
    expect(algorithms.length).toBeGreaterThan(8)
    for (const [name, values] of algorithms) {
      expect(values, name).not.toContain('none')
      expect(values, name).not.toContain('RSA1_5')
      if (name.includes('id_token')) expect(JSON.stringify(values), name).not.toContain('HS')
    }
  })
})

describe('section 3, where they are', () => {
  it('3.1 at both well-known paths there is one document, which any page may read', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const answer = await fetch(`${provider.url}/.well-known/${name}`, { headers: { origin: 'https://a.example' } })
      expect(await answer.json()).toEqual(metadata)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    }
  })

  it('3.3 the issuer is that of every token, letter for letter, whoever asks under whatever name', async () => {
    expect(metadata.issuer).toBe(issuer)
    for (const headers of [
      { host: 'evil.test' },
      { host: 'auth.example.com', 'x-forwarded-host': 'evil.test' },
      { host: 'auth.example.com', forwarded: 'host=evil.test' },
    ])
      expect(await getWithHost('/.well-known/openid-configuration', headers)).not.toContain('evil')
    const { access_token = '', id_token = '' } = await provider.tokens()
    const keys = createRemoteJWKSet(new URL(`${provider.url}/.well-known/jwks.json`))
    const currentDate = new Date(provider.clock.now() * 1000)
    for (const [token, typ] of [
      [access_token, 'at+jwt'],
      [id_token, 'JWT'],
    ] as const)
      expect((await jwtVerify(token, keys, { issuer, typ, currentDate })).payload.iss).toBe(issuer)
  })

  it('3.1 a path below them is not there', async () => {
    expect((await fetch(`${provider.url}/.well-known/openid-configuration/tenant`)).status).toBe(404)
  })
})

it('registration is listed only where it is open', async () => {
  expect(metadata).not.toHaveProperty('registration_endpoint')
  expect((await provider.postJson('/oauth/register', web.metadata)).status).toBe(404)
})
