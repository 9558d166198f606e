import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, issuer, type Provider, startProvider, web } from './provider.ts'

// JWT Secured Authorization Response Mode.

let provider: Provider
beforeAll(async () => {
  const metadata = { ...web.metadata, authorization_signed_response_alg: 'EdDSA' } as const
  provider = await startProvider({}, [{ ...web, id: 'edwards', metadata }])
})
afterAll(() => provider.close())

describe('section 2.1, the JWT', () => {
  it('2.1 the answer is for the client, by the issuer, over in ten minutes, and has what the answer has', async () => {
    const answer = await provider.authorize({ response_mode: 'jwt' })
    const keys = (await (await fetch(`${provider.url}/.well-known/jwks.json`)).json()) as { keys: object[] }
    const { payload, protectedHeader } = await jwtVerify(
      answer.callback.get('response') ?? '',
      createLocalJWKSet(keys),
      {
        issuer,
        audience: 'web',
        currentDate: new Date(provider.clock.now() * 1000),
      },
    )
    expect(payload).toMatchObject({ code: expect.stringMatching(/^ghc_/), state: 'state-1' })
    expect(Number(payload.exp) - provider.clock.now()).toBeLessThanOrEqual(600)
    expect(protectedHeader.alg).toBe('RS256')
    expect((await provider.exchange(String(payload.code))).status).toBe(200)
  })

  it('2.1 an error comes in the same way, and only where it is safe', async () => {
    const answer = await provider.authorize({ response_mode: 'jwt', scope: 'admin' })
    expect(claimsOf(answer.callback.get('response') ?? '')).toMatchObject({ error: 'invalid_scope', aud: 'web' })
    const page = await provider.browser.get(provider.authorizePath({ response_mode: 'jwt', client_id: 'nobody' }))
    expect([page.status, page.headers.get('location')]).toEqual([400, null])
  })

  it('3 the answer is signed as the client is registered', async () => {
    const answer = await provider.authorize({ client_id: 'edwards', response_mode: 'jwt' })
    const [head = ''] = (answer.callback.get('response') ?? '').split('.')
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toMatchObject({ alg: 'EdDSA' })
  })
})

it.each([
  ['jwt', /\/cb\?response=/],
  ['query.jwt', /\/cb\?response=/],
  ['fragment.jwt', /\/cb#response=/],
])('2.3 the mode %s puts it where it says', async (response_mode, where) => {
  const answer = await provider.authorize({ response_mode })
  expect(answer.headers.get('location')).toMatch(where)
  expect([...answer.callback.keys()]).toEqual(['response'])
})

it('2.3.3 form_post.jwt posts it', async () => {
  const page = await provider.authorize({ response_mode: 'form_post.jwt' })
  expect(Object.keys(page.form.fields)).toEqual(['response'])
})

it('2.4 it is no ID token and no access token', async () => {
  const token = (await provider.authorize({ response_mode: 'jwt' })).callback.get('response') ?? ''
  expect((await provider.userinfo(token)).status).toBe(401)
  expect(await provider.introspect(token)).toEqual({ active: false })
  const hinted = await provider.authorize({ id_token_hint: token })
  expect(hinted.callback.get('error')).toBe('invalid_request')
})
