import { createHash, generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Clock, seconds } from '@gatehouse/core/time'
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, jwtVerify, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { answerJson, startOpenIdProvider, type TestOpenIdProvider } from '../testing/openid-provider.ts'
import { createOidcProvider } from './oidc.ts'
import type { OidcSettings } from './oidc-settings.ts'
import type { OutsideIdentity, Provider } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

// openid-client reads the clock of the machine.
const clock: Clock = { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() }
const callback = 'https://auth.example.com/federation/corp/callback'
const state = 'S'.repeat(43)

let upstream: TestOpenIdProvider
let outbound: Outbound
beforeEach(async () => {
  upstream = await startOpenIdProvider(() => clock.now())
  outbound = createOutbound({ allowLoopback: true })
})
afterEach(async () => {
  outbound.close()
  await upstream.close()
})

const create = (settings: Partial<OidcSettings> = {}, parts: { clock?: Clock; outbound?: Outbound } = {}): Provider =>
  createOidcProvider(
    { name: 'corp', issuer: 'https://auth.example.com', clock, outbound, ...parts },
    {
      issuer: upstream.issuer,
      clientId: 'gatehouse',
      authentication: { method: 'client_secret_basic', secret: 's3cr3t' },
      scopes: ['openid', 'email'],
      authorizationParameters: {},
      responseMode: 'query',
      userinfo: true,
      subjectClaims: ['sub'],
      claimRules: [],
      nameInForm: false,
      keepTokens: false,
      ...settings,
    },
  )

const start = async (provider: Provider, more: { fresh?: boolean; loginHint?: string; locales?: string[] } = {}) => {
  const started = await provider.redirect?.start({ callback, state, fresh: false, locales: [], ...more })
  if (!started || !('url' in started.go)) throw new Error('nobody is sent anywhere')
  return { url: new URL(started.go.url), memory: started.memory }
}

interface Visit {
  readonly provider?: Provider
  readonly fresh?: boolean
  /** In place of what the provider gives. */
  readonly tokens?: (nonce: string) => Promise<Readonly<Record<string, unknown>>>
  readonly answer?: Readonly<Record<string, string>>
}

/** A whole sign-in. */
async function signIn({
  provider = create(),
  fresh = false,
  tokens,
  answer = {},
}: Visit = {}): Promise<OutsideIdentity> {
  const { url, memory } = await start(provider, { fresh })
  const nonce = url.searchParams.get('nonce') ?? ''
  const given = tokens ? await tokens(nonce) : { id_token: await upstream.signIdToken({ nonce }) }
  upstream.giveTokens({ access_token: 'at-1', token_type: 'Bearer', expires_in: 60, ...given })
  const parameters = new URLSearchParams({ code: 'code-1', state, ...answer })
  const identity = await provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
  if (!identity) throw new Error('there is no such door')
  return identity
}

const failureOf = async (work: Promise<unknown> | undefined): Promise<ProviderFailure> => {
  const error = await work?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ProviderFailure)) throw new Error('it did not fail as providers do', { cause: error })
  return error
}
const asked = (path: string): number => upstream.requests.filter((request) => request.path === path).length

describe('a sign-in', () => {
  it('sends the browser there with PKCE, state and nonce, and what is asked for', async () => {
    const provider = create({ authorizationParameters: { hd: 'example.com' } })
    const { url } = await start(provider, { loginHint: 'alice', locales: ['de', 'en'] })
    expect(`${url.origin}${url.pathname}`).toBe(`${upstream.issuer}/authorize`)
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
    const { form, headers } = upstream.requests.find(({ path }) => path === '/token') ?? {}
    expect(form?.get('redirect_uri')).toBe(callback)
    expect(form?.get('code_verifier')).toMatch(/^[\w-]{43}$/)
    expect(headers?.authorization).toBe(`Basic ${btoa('gatehouse:s3cr3t')}`)
  })

  it('tells who it is, by the ID token and by userinfo', async () => {
    upstream.userinfo = { sub: 'person-1', email: 'a@example.com', email_verified: true, name: 'from userinfo' }
    const identity = await signIn({
      provider: create({ keepTokens: true }),
      tokens: async (nonce) => ({
        id_token: await upstream.signIdToken({
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
    upstream.userinfo = { sub: 'person-1', email: 'victim@example.com', email_verified: false }
    const mixed = async (claims: object) =>
      (await signIn({ tokens: async (nonce) => ({ id_token: await upstream.signIdToken({ nonce, ...claims }) }) }))
        .claims
    expect(await mixed({ email_verified: true })).not.toHaveProperty('email_verified', true)
    upstream.userinfo = { sub: 'person-1', email: 'own@example.com', email_verified: true }
    expect(await mixed({ email: 'victim@example.com' })).not.toHaveProperty('email_verified')
    expect(await mixed({ email: 'own@example.com' })).toHaveProperty('email_verified', true)
  })

  it('lets in only whom the rules on claims let in', async () => {
    const provider = create({ claimRules: [{ claim: 'hd', oneOf: ['example.com'] }] })
    const withDomain = (hd: string | undefined) =>
      signIn({ provider, tokens: async (nonce) => ({ id_token: await upstream.signIdToken({ nonce, hd }) }) })
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

describe('an ID token', () => {
  const withClaims = (claims: Readonly<Record<string, unknown>>) =>
    signIn({ tokens: async (nonce) => ({ id_token: await upstream.signIdToken({ nonce, ...claims }) }) })
  const withToken = (sign: (nonce: string) => Promise<string>, provider = create()) =>
    signIn({ provider, tokens: async (nonce) => ({ id_token: await sign(nonce) }) })

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['with a list of issuers', { iss: ['https://evil.example'] }],
    ['for another client', { aud: 'other' }],
    ['for several clients without azp', { aud: ['gatehouse', 'other'] }],
    ['for several clients, issued to another', { aud: ['gatehouse', 'other'], azp: 'other' }],
    ['issued to another', { azp: 'other' }],
    ['that has expired', { exp: clock.now() - 300 }],
    ['without an expiry', { exp: undefined }],
    ['that expires in a text', { exp: '9e99' }],
    ['of the future', { iat: clock.now() + 3600, exp: clock.now() + 7200 }],
    ['without a time of issue', { iat: undefined }],
    ['that is not valid yet', { nbf: clock.now() + 3600 }],
    ['without a nonce', { nonce: undefined }],
    ['with another nonce', { nonce: 'x'.repeat(43) }],
    ['with another hash of the access token', { at_hash: 'x'.repeat(22) }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is a list', { sub: ['person-1'] }],
    ['with a subject that is too long', { sub: 'x'.repeat(256) }],
  ])('%s is refused', async (_, claims) => {
    upstream.metadata = { userinfo_endpoint: undefined }
    expect((await failureOf(withClaims(claims))).reason).toBe('invalid_answer')
  })

  it('is taken with the right hash of the access token, and with none', async () => {
    const hash = createHash('sha256').update('at-1').digest().subarray(0, 16).toString('base64url')
    expect((await withClaims({ at_hash: hash })).subject).toBe('person-1')
    expect((await withClaims({})).subject).toBe('person-1')
  })

  it('is refused where there is none', async () => {
    expect((await failureOf(signIn({ tokens: async () => ({}) }))).reason).toBe('invalid_answer')
  })

  it('is refused without a signature', async () => {
    const sign = async (nonce: string) =>
      new UnsecuredJWT({ nonce, sub: 'person-1' })
        .setIssuer(upstream.issuer)
        .setAudience('gatehouse')
        .setIssuedAt()
        .setExpirationTime('5m')
        .encode()
    expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
    upstream.metadata = { id_token_signing_alg_values_supported: ['none', 'HS256', 'RS256'] }
    expect((await failureOf(withToken(sign, create()))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign, create({ idTokenAlg: 'none' })))).reason).toBe('invalid_answer')
  })

  it('is refused with the public key, or the client’s secret, as a shared secret', async () => {
    upstream.metadata = { id_token_signing_alg_values_supported: ['HS256', 'RS256'] }
    for (const secret of [JSON.stringify(upstream.publicJwk), 's3cr3t'.repeat(6)]) {
      const key = await importJWK({ kty: 'oct', k: Buffer.from(secret).toString('base64url') }, 'HS256')
      const sign = (nonce: string) => upstream.signIdToken({ nonce }, { alg: 'HS256' }, key as never) // any key will do
      expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
    }
  })

  it('is refused with another algorithm than the configured one', async () => {
    const sign = (nonce: string) => upstream.signIdToken({ nonce })
    expect((await failureOf(withToken(sign, create({ idTokenAlg: 'ES256' })))).reason).toBe('invalid_answer')
    expect((await withToken(sign, create({ idTokenAlg: 'RS256' }))).subject).toBe('person-1')
  })

  it('is refused with a key of somebody else, also one that it brings along', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const jwk = await exportJWK(publicKey)
    const sign = (header: object) => (nonce: string) => upstream.signIdToken({ nonce }, header, privateKey)
    expect((await failureOf(withToken(sign({})))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign({ jwk })))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign({ jku: `${upstream.issuer}/evil` })))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign({ kid: '../../dev/null' })))).reason).toBe('invalid_answer')
    expect(asked('/evil')).toBe(0)
  })

  it('is refused with an extension that has to be understood', async () => {
    const sign = async (nonce: string) => {
      const [, payload, signature] = (await upstream.signIdToken({ nonce })).split('.')
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'first', crit: ['x'], x: 1 })).toString(
        'base64url',
      )
      return `${header}.${payload}.${signature}`
    }
    expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
  })

  it('is opened where it is encrypted for us, and has to be signed inside', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const encrypt = (text: string) =>
      new CompactEncrypt(Buffer.from(text))
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
        .encrypt(pair.publicKey)
    const sign = async (nonce: string) => encrypt(await upstream.signIdToken({ nonce, sid: 'inner' }))
    const plain = async (nonce: string) =>
      encrypt(new UnsecuredJWT({ nonce, sub: 'x', iss: upstream.issuer, aud: 'gatehouse' }).encode())
    const provider = create({ decryptionKey: pair.privateKey })
    expect((await withToken(sign, provider)).session).toBe('inner')
    expect((await failureOf(withToken(plain, provider))).reason).toBe('invalid_answer')
    expect((await failureOf(withToken(sign))).reason).toBe('invalid_answer')
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
    upstream.metadata = { authorization_response_iss_parameter_supported: true }
    const provider = create()
    expect((await failureOf(signIn({ provider }))).reason).toBe('invalid_answer')
    expect(asked('/token')).toBe(0)
    expect((await signIn({ provider, answer: { iss: upstream.issuer } })).subject).toBe('person-1')
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
      tokens: async (nonce) => ({ id_token: await upstream.signIdToken({ nonce, auth_time: authTime }) }),
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
    upstream.userinfo = { sub: 'person-2' }
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
    expect((await signIn({ provider: create({ userinfo: false }) })).subject).toBe('person-1')
  })

  it('that reaches for a prototype is refused', async () => {
    upstream.answers.set('/userinfo', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"sub":"person-1","__proto__":{"email_verified":true}}')
    })
    expect((await failureOf(signIn())).reason).toBe('invalid_answer')
  })
})

describe('a provider that misbehaves', () => {
  const silent = () => {}
  const dripping = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 100)
    response.on('close', () => clearInterval(timer))
  }
  const endless = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"keys":"${'x'.repeat(300_000)}"}`)
  }
  const elsewhere = (_: unknown, response: ServerResponse) => {
    response.writeHead(302, { location: `${upstream.issuer}/secret` }).end()
  }
  const page = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
  }
  const broken = (_: unknown, response: ServerResponse) => answerJson(response, {}, 503)

  it.concurrent.each([
    ['/keys', 'hangs', silent, 'unavailable'],
    ['/keys', 'drips', dripping, 'unavailable'],
    ['/keys', 'is huge', endless, 'invalid_answer'],
    ['/keys', 'leads elsewhere', elsewhere, 'invalid_answer'],
    ['/keys', 'is a page', page, 'invalid_answer'],
    ['/keys', 'is broken', broken, 'unavailable'],
    ['/.well-known/openid-configuration', 'hangs', silent, 'unavailable'],
    ['/.well-known/openid-configuration', 'leads elsewhere', elsewhere, 'invalid_answer'],
    ['/.well-known/openid-configuration', 'is broken', broken, 'unavailable'],
    ['/userinfo', 'hangs', silent, 'unavailable'],
    ['/userinfo', 'leads elsewhere', elsewhere, 'invalid_answer'],
  ] as const)('%s %s', { timeout: 15_000 }, async (path, _, answer, reason) => {
    // Tests that run at one time share nothing.
    const own = await startOpenIdProvider(() => clock.now())
    const ownOutbound = createOutbound({ allowLoopback: true })
    try {
      own.answers.set(path, answer)
      const provider = create({ issuer: own.issuer }, { outbound: ownOutbound })
      const work = async () => {
        const { url, memory } = await start(provider)
        own.giveTokens({
          access_token: 'at',
          token_type: 'bearer',
          id_token: await own.signIdToken({ nonce: url.searchParams.get('nonce') }),
        })
        const parameters = new URLSearchParams({ code: 'c', state })
        return provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
      }
      const began = Date.now()
      expect((await failureOf(work())).reason).toBe(reason)
      expect(Date.now() - began).toBeLessThan(10_000)
      expect(own.requests.filter((request) => request.path === '/secret')).toEqual([])
    } finally {
      ownOutbound.close()
      await own.close()
    }
  })

  it('holds nobody longer than ten seconds, however many of its answers are slow', { timeout: 20_000 }, async () => {
    const slow = 4_500
    for (const [path, answer] of [...upstream.answers]) {
      upstream.answers.set(path, async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, slow))
        await answer(request, response)
      })
    }
    const provider = create()
    const { url, memory } = await start(provider)
    const id_token = await upstream.signIdToken({ nonce: url.searchParams.get('nonce') })
    upstream.answers.set('/token', async (_, response) => {
      await new Promise((resolve) => setTimeout(resolve, slow))
      answerJson(response, { access_token: 'at', token_type: 'bearer', id_token })
    })
    const began = Date.now()
    const parameters = new URLSearchParams({ code: 'c', state })
    const finish = provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
    expect((await failureOf(finish)).reason).toBe('unavailable')
    expect(Date.now() - began).toBeLessThan(10_000)
  })

  it.each([
    [{ error: 'invalid_client' }, 401, 'misconfigured'],
    [{ error: 'invalid_grant' }, 400, 'invalid_answer'],
    [{ error: 'temporarily_unavailable' }, 400, 'unavailable'],
    [{}, 500, 'unavailable'],
    [{}, 429, 'unavailable'],
  ] as const)('a token endpoint that answers %j with %s', async (answer, status, reason) => {
    const provider = create()
    const { memory } = await start(provider)
    upstream.giveTokens(answer, status)
    const parameters = new URLSearchParams({ code: 'secret-code', state })
    const finish = provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
    const failure = await failureOf(finish)
    expect(failure.reason).toBe(reason)
    expect(`${failure.detail} ${failure.stack} ${JSON.stringify(failure)}`).not.toMatch(/secret-code|s3cr3t/)
  })

  it('leaves no token in what is logged', async () => {
    const failure = await failureOf(
      signIn({
        tokens: async () => ({ id_token: await upstream.signIdToken({ nonce: 'other' }), access_token: 'at-9' }),
      }),
    )
    let text = ''
    for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause) {
      text += `${cause.stack} ${JSON.stringify(cause, Object.getOwnPropertyNames(cause))}`
    }
    expect(text).not.toMatch(/eyJ|at-9/)
  })
})

describe('the document', () => {
  it.each([
    ['another issuer', { issuer: 'https://evil.example' }],
    ['the issuer and a slash', () => ({ issuer: `${upstream.issuer}/` })],
  ])('is refused with %s', async (_, metadata) => {
    upstream.metadata = typeof metadata === 'function' ? metadata() : metadata
    expect((await failureOf(start(create()))).reason).toBe('misconfigured')
  })

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri'])('is refused without %s', async (name) => {
    upstream.metadata = { [name]: undefined }
    expect((await failureOf(start(create()))).reason).toBe('invalid_answer')
  })

  it('sends nobody to a script', async () => {
    upstream.metadata = { authorization_endpoint: 'javascript:alert(1)' }
    expect((await failureOf(start(create()))).reason).toBe('invalid_answer')
  })

  it('that was good last serves while the provider is away, and is asked for twice a minute at the most', async () => {
    let ahead = 0
    const moving: Clock = {
      now: () => seconds(clock.now() + ahead),
      milliseconds: () => clock.milliseconds() + ahead * 1000,
    }
    const provider = create({}, { clock: moving })
    await start(provider)
    upstream.answers.set('/.well-known/openid-configuration', (_, response) => answerJson(response, {}, 503))
    ahead = 3700
    for (let visits = 0; visits < 5; visits += 1) await start(provider)
    expect(asked('/.well-known/openid-configuration')).toBe(2)
    ahead = 3740
    await start(provider)
    expect(asked('/.well-known/openid-configuration')).toBe(3)
  })
})

describe('the client', () => {
  it('writes its id and secret as in a form: those that need no encoding also for who does not decode', async () => {
    const header = async (secret: string) => {
      await signIn({ provider: create({ authentication: { method: 'client_secret_basic', secret } }) })
      return atob((upstream.requests.findLast(({ path }) => path === '/token')?.headers.authorization ?? '').slice(6))
    }
    expect(await header('a-secret_of.one*part')).toBe('gatehouse:a-secret_of.one*part')
    expect(await header('a+b/c:d%e f')).toBe('gatehouse:a%2Bb%2Fc%3Ad%25e+f')
  })

  it('proves itself by a signed assertion, whose key is described', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const decryptionKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const settings = { method: 'private_key_jwt', key: privateKey, alg: 'ES256' } as const
    const provider = create({ authentication: { ...settings, audience: 'issuer' }, decryptionKey })
    await signIn({ provider })
    const { keys } = JSON.parse((await provider.describe?.())?.text ?? '{}')
    expect(keys).toMatchObject([
      { kty: 'EC', use: 'sig', alg: 'ES256', kid: expect.any(String) },
      { kty: 'RSA', use: 'enc', kid: expect.any(String) },
    ])
    expect(keys.some((key: object) => 'd' in key)).toBe(false)
    const assertion = upstream.requests.find(({ path }) => path === '/token')?.form.get('client_assertion') ?? ''
    const { payload, protectedHeader } = await jwtVerify(assertion, await importJWK(keys[0], 'ES256'))
    expect(payload).toMatchObject({ iss: 'gatehouse', sub: 'gatehouse', aud: upstream.issuer })
    expect(protectedHeader.kid).toBe(keys[0].kid)
  })

  it('names the token endpoint in the assertion where the provider wants that', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const authentication = {
      method: 'private_key_jwt',
      key: privateKey,
      alg: 'RS256',
      audience: 'token_endpoint',
    } as const
    await signIn({ provider: create({ authentication }) })
    const assertion = upstream.requests.find(({ path }) => path === '/token')?.form.get('client_assertion') ?? ''
    expect(JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()).aud).toBe(
      `${upstream.issuer}/token`,
    )
  })

  it('signs a secret for Apple', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const audience = 'https://appleid.apple.com'
    const authentication = { method: 'signed_secret', key: privateKey, keyId: 'K1', teamId: 'T1', audience } as const
    await signIn({ provider: create({ authentication }) })
    const secret = upstream.requests.find(({ path }) => path === '/token')?.form.get('client_secret') ?? ''
    const { payload, protectedHeader } = await jwtVerify(secret, publicKey, {
      audience,
      issuer: 'T1',
      subject: 'gatehouse',
    })
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'K1' })
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300)
  })
})
