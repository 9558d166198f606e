import { type Clock, seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { answerJson, startOpenIdProvider, type TestOpenIdProvider } from '../testing/openid-provider.ts'
import { createOAuth2Provider } from './oauth2.ts'
import type { OAuth2Settings } from './oauth2-settings.ts'
import type { Provider } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

const clock: Clock = { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() }
const callback = 'https://auth.example.com/federation/git/callback'
const state = 'S'.repeat(43)

let upstream: TestOpenIdProvider
let outbound: Outbound
beforeEach(async () => {
  upstream = await startOpenIdProvider(() => clock.now())
  outbound = createOutbound({ allowLoopback: true })
  upstream.answers.set('/user', (_, response) => answerJson(response, { id: 7, login: 'octocat' }))
  upstream.answers.set('/user/emails', (_, response) =>
    answerJson(response, [{ email: 'o@example.com', verified: true }]),
  )
  upstream.giveTokens({ access_token: 'at-1', token_type: 'bearer' })
})
afterEach(async () => {
  outbound.close()
  await upstream.close()
})

const create = (settings: Partial<OAuth2Settings> = {}): Provider =>
  createOAuth2Provider(
    { name: 'git', issuer: 'https://auth.example.com', clock, outbound },
    {
      clientId: 'gatehouse',
      authentication: { method: 'client_secret_post', secret: 's3cr3t' },
      authorizationEndpoint: `${upstream.issuer}/authorize`,
      tokenEndpoint: `${upstream.issuer}/token`,
      userinfo: [{ url: `${upstream.issuer}/user` }, { url: `${upstream.issuer}/user/emails`, into: 'emails' }],
      subject: 'id',
      scopes: ['read:user'],
      authorizationParameters: {},
      pkce: true,
      tokenAnswer: 'json',
      passwordGrant: false,
      keepTokens: true,
      ...settings,
    },
  )
const signIn = async (provider = create(), answer: Record<string, string> = {}) => {
  const started = await provider.redirect?.start({ callback, state, fresh: false, locales: [] })
  const parameters = new URLSearchParams({ code: 'code-1', state, ...answer })
  return provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory: started?.memory ?? {} })
}
const failureOf = async (work: Promise<unknown> | undefined): Promise<ProviderFailure> => {
  const error = await work?.catch((reason: unknown) => reason)
  if (!(error instanceof ProviderFailure)) throw new Error('it did not fail as providers do', { cause: error })
  return error
}
const asked = (path: string) => upstream.requests.filter((request) => request.path === path)

describe('a sign-in', () => {
  it('sends the challenge, exchanges the code with the verifier, and puts together what the API says', async () => {
    const provider = create()
    const started = await provider.redirect?.start({ callback, state, fresh: false, locales: [] })
    const { searchParams } = new URL(started && 'url' in started.go ? started.go.url : '')
    expect(Object.fromEntries(searchParams)).toMatchObject({
      ...{ response_type: 'code', scope: 'read:user', code_challenge_method: 'S256', state },
    })
    expect(await signIn(provider)).toEqual({
      subject: '7',
      claims: { id: 7, login: 'octocat', emails: [{ email: 'o@example.com', verified: true }] },
      tokens: { accessToken: 'at-1' },
    })
    const [{ form } = { form: new URLSearchParams() }] = asked('/token')
    expect(form.get('code_verifier')).toMatch(/^[\w-]{43}$/)
    expect(form.get('client_secret')).toBe('s3cr3t')
    expect(asked('/user')[0]?.headers.authorization).toBe('Bearer at-1')
  })

  it('sends no challenge where the provider refuses one', async () => {
    await signIn(create({ pkce: false }))
    expect(asked('/token')[0]?.form.has('code_verifier')).toBe(false)
  })

  it('takes no answer with another state or, where it is known, another issuer', async () => {
    expect((await failureOf(signIn(create(), { state: 'x' }))).reason).toBe('invalid_answer')
    const named = create({ issuer: 'https://git.example' })
    expect((await failureOf(signIn(named, { iss: 'https://evil.example' }))).reason).toBe('invalid_answer')
    expect((await failureOf(signIn(create(), { error: 'access_denied' }))).reason).toBe('cancelled')
    expect(asked('/token')).toEqual([])
    expect(await signIn(named, { iss: 'https://git.example' })).toHaveProperty('subject', '7')
  })

  it('leaves an ID token alone, which it could not judge', async () => {
    upstream.giveTokens({ access_token: 'at-1', token_type: 'bearer', id_token: 'rubbish' })
    expect(await signIn()).toHaveProperty('subject', '7')
  })

  it('never says that somebody has proven anew who they are', async () => {
    const { redirect } = create()
    expect(redirect?.neverFresh).toBe(true)
    expect((await failureOf(redirect?.start({ callback, state, fresh: true, locales: [] }))).reason).toBe('refused')
  })

  it.each([
    ['a number that another one becomes', '{"id":9007199254740993}'],
    ['a fraction', '{"id":1.5}'],
    ['nothing', '{"login":"octocat"}'],
    ['null', '{"id":null}'],
    ['an empty text', '{"id":""}'],
    ['a list', '{"id":["7"]}'],
    ['two ids', '{"id":1,"id":2}'],
    ['a prototype', '{"id":7,"__proto__":{"admin":true}}'],
  ])('knows nobody by %s', async (_, text) => {
    upstream.answers.set('/user', (__, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text)
    })
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
  })

  it('reads JSON that is called a script, and no less closely', async () => {
    const script = (text: string) =>
      upstream.answers.set('/user', (_, response) => {
        response.writeHead(200, { 'content-type': 'text/javascript; charset=UTF-8' }).end(text)
      })
    script('{"id":"7"}')
    expect(await signIn()).toHaveProperty('subject', '7')
    script('{"id":"7","id":"8"}')
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
  })

  it('finds a subject inside', async () => {
    upstream.answers.set('/user', (_, response) => answerJson(response, { data: { id: 'abc' } }))
    expect(await signIn(create({ subject: 'data.id' }))).toHaveProperty('subject', 'abc')
    expect((await failureOf(signIn(create({ subject: 'constructor.name' })))).reason).toBe('invalid_answer')
  })
})

describe('token answers that are not by the book', () => {
  it('may be a form', async () => {
    upstream.answers.set('/token', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' })
      response.end('access_token=at-1&scope=user&token_type=bearer&expires_in=60')
    })
    expect((await signIn(create({ tokenAnswer: 'form' })))?.tokens).toMatchObject({
      ...{ accessToken: 'at-1', scope: 'user', expiresAt: expect.any(Number) },
    })
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
  })

  it('may be an error that is answered with 200, or a token without a type', async () => {
    upstream.giveTokens({ error: 'bad_verification_code' })
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
    upstream.giveTokens({ error: 'incorrect_client_credentials' })
    expect((await failureOf(signIn())).reason).toBe('misconfigured')
    upstream.giveTokens({ access_token: 'at-1' })
    expect(await signIn()).toHaveProperty('subject', '7')
  })

  it.each([
    [403, 'invalid_answer'],
    [401, 'invalid_answer'],
    [500, 'unavailable'],
    [302, 'invalid_answer'],
  ] as const)('an API that answers with %s is a failure', async (status, reason) => {
    upstream.answers.set('/user/emails', (_, response) => answerJson(response, {}, status))
    expect((await failureOf(signIn())).reason).toBe(reason)
  })
})

describe('asking again', () => {
  const known = { subject: '7', tokens: { accessToken: 'at-1' } }

  it('asks with the access token, and knows them no more where that is refused', async () => {
    expect(await create().refresh?.(known)).toMatchObject({ subject: '7', claims: { login: 'octocat' } })
    upstream.answers.set('/user', (_, response) => answerJson(response, {}, 401))
    expect(await create().refresh?.(known)).toBeUndefined()
    upstream.answers.set('/user', (_, response) => answerJson(response, {}, 503))
    expect((await failureOf(create().refresh?.(known))).reason).toBe('unavailable')
  })

  it('asks with the refresh token where there is one', async () => {
    const withRefresh = { ...known, tokens: { accessToken: 'at-0', refreshToken: 'rt-0' } }
    upstream.giveTokens({ access_token: 'at-1', token_type: 'bearer', refresh_token: 'rt-1' })
    expect((await create().refresh?.(withRefresh))?.tokens).toMatchObject({ refreshToken: 'rt-1' })
    upstream.giveTokens({ error: 'bad_refresh_token' })
    expect(await create().refresh?.(withRefresh)).toBeUndefined()
  })

  it('refuses tokens of somebody else, and asks nothing without a token', async () => {
    expect((await failureOf(create().refresh?.({ ...known, subject: '8' }))).reason).toBe('invalid_answer')
    expect((await failureOf(create().refresh?.({ subject: '7' }))).reason).toBe('misconfigured')
    expect(create({ keepTokens: false })).not.toHaveProperty('refresh')
  })
})

describe('names and passwords', () => {
  const typed = { username: 'alice', password: 'p', address: '192.0.2.1' }

  it('are checked by the password grant where that is asked for', async () => {
    const provider = create({ passwordGrant: true })
    expect(await provider.check?.(typed)).toMatchObject({ subject: '7' })
    expect(asked('/token')[0]?.form.get('grant_type')).toBe('password')
    upstream.giveTokens({ error: 'invalid_grant' }, 400)
    expect(await provider.check?.(typed)).toBeUndefined()
    upstream.giveTokens({ error: 'unauthorized_client' }, 400)
    const failure = await failureOf(provider.check?.({ ...typed, password: 'hunter2' }))
    expect(failure.reason).toBe('misconfigured')
    expect(`${failure.detail}${failure.stack}`).not.toContain('hunter2')
  })

  it('are not checked otherwise', () => {
    expect(create()).not.toHaveProperty('check')
  })
})

it('is looked at from outside', async () => {
  const found: Record<string, string> = {}
  for await (const { what, state: how } of create({ tokenEndpoint: 'http://127.0.0.1:1/token' }).examine())
    found[what] = how
  expect(found).toEqual({ 'token endpoint': 'wrong', userinfo: 'ok', 'sign-in': 'warning' })
})
