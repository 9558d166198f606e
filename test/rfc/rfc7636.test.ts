import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Provider, startProvider } from './provider.ts'

// PKCE: what protocol/authorize.test.ts does not show.

let provider: Provider
beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider.close())

const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')
const codeFor = async (verifier: string): Promise<string | null> =>
  (await provider.authorize({ code_challenge: challengeOf(verifier) })).callback.get('code')
const exchange = async (verifier: string): Promise<number> =>
  (await provider.exchange(await codeFor(verifier), { code_verifier: verifier })).status

describe('the verifier', () => {
  it.each([
    ['43 characters', 'a'.repeat(43)],
    ['128 characters', 'b'.repeat(128)],
    ['every kind of character', `AZaz09-._~${'x'.repeat(40)}`],
  ])('4.1 a verifier may have %s', async (_, verifier) => {
    expect(await exchange(verifier)).toBe(200)
  })

  it.each([
    ['42 characters', 'a'.repeat(42)],
    ['129 characters', 'b'.repeat(129)],
    ['a plus sign', `+${'c'.repeat(43)}`],
    ['a letter beyond ASCII', `é${'d'.repeat(43)}`],
    ['a line feed at the end', `${'e'.repeat(43)}\n`],
  ])('4.1 a verifier may not have %s, even if the hash is right', async (_, verifier) => {
    expect(await exchange(verifier)).toBe(400)
  })
})

describe('the challenge', () => {
  const good = challengeOf('a'.repeat(43))

  it.each([
    ['padding', `${good}=`],
    ['another spelling of the same bytes', `${good.slice(0, -1)}B`],
    ['the wrong alphabet', `+${good.slice(1)}`],
    ['42 characters', good.slice(1)],
  ])('4.2 a challenge with %s is invalid_request', async (_, code_challenge) => {
    expect((await provider.authorize({ code_challenge })).callback.get('error')).toBe('invalid_request')
  })

  it.each([
    ['plain', { code_challenge_method: 'plain' }],
    ['no method, which would mean plain', { code_challenge_method: undefined }],
    ['s256', { code_challenge_method: 's256' }],
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
    ['a method alone', { code_challenge: undefined }],
  ])('4.3 and 4.4.1: a request with %s is invalid_request, pushed or not', async (_, given) => {
    expect((await provider.authorize(given)).callback.get('error')).toBe('invalid_request')
    const pushed = await provider.post('/oauth/par', provider.parameters(given))
    expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })
})

it('4.6 a wrong verifier uses the code up', async () => {
  const code = await codeFor('v'.repeat(43))
  expect((await provider.exchange(code, { code_verifier: 'w'.repeat(43) })).body.error).toBe('invalid_grant')
  expect((await provider.exchange(code, { code_verifier: 'v'.repeat(43) })).body.error).toBe('invalid_grant')
})

it('7.2 a public client cannot do without, whatever its configuration says', async () => {
  const answer = await provider.authorize({
    client_id: 'spa',
    code_challenge: undefined,
    code_challenge_method: undefined,
  })
  expect(answer.callback.get('error')).toBe('invalid_request')
  expect((await provider.metadata()).code_challenge_methods_supported).toEqual(['S256'])
})
