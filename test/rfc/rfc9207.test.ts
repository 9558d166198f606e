import { afterAll, beforeAll, expect, it } from 'vitest'
import { claimsOf, issuer, type Provider, startProvider, web } from './provider.ts'

// The issuer in authorization responses.

let provider: Provider
beforeAll(async () => {
  const hybrid = { ...web.permissions, hybrid: true } as const
  provider = await startProvider({}, [{ ...web, id: 'hybrid', permissions: hybrid }])
})
afterAll(() => provider.close())

it.each(['query', 'fragment', 'form_post', undefined])(
  '2 every answer in mode %s has it, good and bad',
  async (response_mode) => {
    for (const given of [{}, { scope: 'admin' }, { response_type: 'token' }, { code_challenge: undefined }]) {
      const answer = await provider.authorize({ response_mode, ...given })
      const iss = answer.callback.get('iss') ?? answer.form.fields.iss
      expect(iss, JSON.stringify(given)).toBe(issuer)
    }
  },
)

it('2 an answer to prompt=none, and one of the hybrid flow, have it too', async () => {
  const none = await provider.newBrowser().get(provider.authorizePath({ prompt: 'none' }))
  expect(Object.fromEntries(none.callback)).toMatchObject({ error: 'login_required', iss: issuer })
  const hybrid = await provider.authorize({ client_id: 'hybrid', response_type: 'code id_token' })
  expect(hybrid.callback.get('iss')).toBe(issuer)
})

it('2.4 a signed answer has it within', async () => {
  const answer = await provider.authorize({ response_mode: 'jwt' })
  expect([...answer.callback.keys()]).toEqual(['response'])
  expect(claimsOf(answer.callback.get('response') ?? '').iss).toBe(issuer)
})

it('3 metadata say so, with that very issuer', async () => {
  expect(await provider.metadata()).toMatchObject({ authorization_response_iss_parameter_supported: true, issuer })
})
