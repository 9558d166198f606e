import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { callback, machineClock as clock, failureOf, state, useOpenIdVisits } from '../testing/openid-visits.ts'

const visits = useOpenIdVisits()
const { create, start, signIn, asked } = visits

describe('a sign-in', () => {
  it('sends the browser there with PKCE, state and nonce, and what is asked for', async () => {
    const provider = create({ authorizationParameters: { hd: 'example.com' } })
    const { url } = await start(provider, { loginHint: 'alice', locales: ['de', 'en'] })
    expect(`${url.origin}${url.pathname}`).toBe(`${visits.upstream.issuer}/authorize`)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'gatehouse',
      redirect_uri: callback,
      scope: 'openid email',
      state,
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      login_hint: 'alice',
      ui_locales: 'de en',
      hd: 'example.com',
    })
  })

  it('asks for nothing twice', async () => {
    const provider = create()
    await signIn({ provider })
    await signIn({ provider })
    expect([asked('/.well-known/openid-configuration'), asked('/keys')]).toEqual([1, 1])
  })

  it('exchanges the code with the verifier, as the client', async () => {
    const provider = create()
    const { url, memory } = await start(provider)
    await signIn({ provider }).catch(() => undefined)
    expect(createHash('sha256').update(String(memory.verifier)).digest('base64url')).toBe(
      url.searchParams.get('code_challenge'),
    )
    const { form, headers } = visits.upstream.requests.find(({ path }) => path === '/token') ?? {}
    expect(form?.get('redirect_uri')).toBe(callback)
    expect(form?.get('code_verifier')).toMatch(/^[\w-]{43}$/)
    expect(headers?.authorization).toBe(`Basic ${btoa('gatehouse:s3cr3t')}`)
  })

  it('tells who it is, by the ID token and by userinfo', async () => {
    visits.upstream.userinfo = { sub: 'person-1', email: 'a@example.com', email_verified: true, name: 'from userinfo' }
    const identity = await signIn({
      provider: create({ keepTokens: true }),
      tokens: async (nonce) => ({
        id_token: await visits.upstream.signIdToken({
          nonce,
          name: 'Alice',
          amr: ['pwd', 'mfa', 7],
          acr: 'high',
          sid: 'ses-1',
        }),
        refresh_token: 'rt-1',
        scope: 'openid',
      }),
    })
    expect(identity).toMatchObject({
      subject: 'person-1',
      claims: { name: 'Alice', email: 'a@example.com', email_verified: true, acr: 'high' },
      amr: ['pwd', 'mfa'],
      session: 'ses-1',
      tokens: { accessToken: 'at-1', refreshToken: 'rt-1', scope: 'openid' },
      logoutMemory: { idToken: expect.any(String) },
    })
    expect(identity.claims).not.toHaveProperty('nonce')
  })

  it('hands no tokens on unless they are kept', async () => {
    expect(await signIn()).not.toHaveProperty('tokens')
    expect(create()).not.toHaveProperty('refresh')
  })

  it('does not take one address as verified because another is', async () => {
    visits.upstream.userinfo = { sub: 'person-1', email: 'victim@example.com', email_verified: false }
    const mixed = async (claims: object) =>
      (
        await signIn({
          tokens: async (nonce) => ({ id_token: await visits.upstream.signIdToken({ nonce, ...claims }) }),
        })
      ).claims
    expect(await mixed({ email_verified: true })).not.toHaveProperty('email_verified', true)
    visits.upstream.userinfo = { sub: 'person-1', email: 'own@example.com', email_verified: true }
    expect(await mixed({ email: 'victim@example.com' })).not.toHaveProperty('email_verified')
    expect(await mixed({ email: 'own@example.com' })).toHaveProperty('email_verified', true)
  })

  it('lets in only whom the rules on claims let in', async () => {
    const provider = create({ claimRules: [{ claim: 'hd', oneOf: ['example.com'] }] })
    const withDomain = (hd: string | undefined) =>
      signIn({ provider, tokens: async (nonce) => ({ id_token: await visits.upstream.signIdToken({ nonce, hd }) }) })
    expect((await withDomain('example.com')).subject).toBe('person-1')
    expect((await failureOf(withDomain('evil.example'))).reason).toBe('refused')
    expect((await failureOf(withDomain(undefined))).reason).toBe('refused')
  })

  it('takes a name out of the form of Apple, and no address', async () => {
    const user = JSON.stringify({ name: { firstName: 'Ada', lastName: 'L.' }, email: 'victim@example.com' })
    const { claims } = await signIn({ provider: create({ nameInForm: true }), answer: { user } })
    expect(claims).toMatchObject({ name: 'Ada L.' })
    expect(claims).not.toHaveProperty('email')
    expect((await signIn({ answer: { user } })).claims).not.toHaveProperty('name')
  })
})

describe('what comes back by the browser', () => {
  it.each([
    ['of another provider', { iss: 'https://evil.example' }, 'invalid_answer'],
    ['with another state', { state: 'T'.repeat(43) }, 'invalid_answer'],
    ['with an ID token in the address', { id_token: 'x.y.z' }, 'invalid_answer'],
    ['that says no', { error: 'access_denied' }, 'cancelled'],
    ['that says later', { error: 'temporarily_unavailable' }, 'unavailable'],
    ['that does not know us', { error: 'unauthorized_client' }, 'misconfigured'],
    ['with an error out of nowhere', { error: '<script>' }, 'invalid_answer'],
    ['with an error named like a member of objects', { error: 'constructor' }, 'invalid_answer'],
  ])('%s ends there, and no code is sent to anybody', async (_, answer, reason) => {
    const failure = await failureOf(signIn({ answer }))
    expect(failure.reason).toBe(reason)
    expect(failure.detail).not.toContain('<')
    expect(asked('/token')).toBe(0)
  })

  it('has to name the issuer where the provider says that it does', async () => {
    visits.upstream.metadata = { authorization_response_iss_parameter_supported: true }
    const provider = create()
    expect((await failureOf(signIn({ provider }))).reason).toBe('invalid_answer')
    expect(asked('/token')).toBe(0)
    expect((await signIn({ provider, answer: { iss: visits.upstream.issuer } })).subject).toBe('person-1')
  })

  it('is refused with a code that stands there twice', async () => {
    const provider = create()
    const { memory } = await start(provider)
    const parameters = new URLSearchParams(`code=a&code=b&state=${state}`)
    const finish = provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
    expect((await failureOf(finish)).reason).toBe('invalid_answer')
    expect(asked('/token')).toBe(0)
  })

  it('is refused where nothing is remembered', async () => {
    const parameters = new URLSearchParams({ code: 'x', state })
    const finish = create().redirect?.finish({ callback, state, parameters, binding: 'query', memory: {} })
    expect((await failureOf(finish)).reason).toBe('invalid_answer')
    expect(asked('/token')).toBe(0)
  })
})

describe('proving anew', () => {
  const at = (authTime: number | undefined) =>
    signIn({
      fresh: true,
      tokens: async (nonce) => ({ id_token: await visits.upstream.signIdToken({ nonce, auth_time: authTime }) }),
    })

  it('is asked for, and the ID token has to show it', async () => {
    const { url } = await start(create({ authorizationParameters: { prompt: 'consent' } }), { fresh: true })
    expect(url.searchParams.get('prompt')).toBe('login consent')
    expect(url.searchParams.get('max_age')).toBe('0')
    expect((await at(clock.now())).subject).toBe('person-1')
    expect((await failureOf(at(clock.now() - 600))).reason).toBe('invalid_answer')
    expect((await failureOf(at(undefined))).reason).toBe('invalid_answer')
  })
})

describe('userinfo', () => {
  it('of somebody else is refused', async () => {
    visits.upstream.userinfo = { sub: 'person-2' }
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
    expect((await signIn({ provider: create({ userinfo: false }) })).subject).toBe('person-1')
  })

  it('that reaches for a prototype is refused', async () => {
    visits.upstream.answers.set('/userinfo', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"sub":"person-1","__proto__":{"email_verified":true}}')
    })
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
  })
})
