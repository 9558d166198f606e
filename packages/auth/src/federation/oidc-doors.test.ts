import { generateKeyPairSync } from 'node:crypto'
import { type Clock, seconds } from '@gatehouse/core/time'
import { CompactEncrypt, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Outbound } from '../outbound/outbound.ts'
import { answerJson, type TestOpenIdProvider } from '../testing/openid-provider.ts'
import { machineClock as clock, failureOf, useOpenIdVisits } from '../testing/openid-visits.ts'
import type { OidcSettings } from './oidc-settings.ts'
import type { KnownIdentity, OutsideTokens, Provider } from './provider.ts'

const visits = useOpenIdVisits()
const create = (settings: Partial<OidcSettings> = {}, parts: Parameters<typeof visits.create>[1] = {}): Provider =>
  visits.create({ keepTokens: true, ...settings }, parts)

describe('asking again', () => {
  const tokens: OutsideTokens = { accessToken: 'at-0', refreshToken: 'rt-0' }
  const known = (more: Partial<KnownIdentity> = {}): KnownIdentity => ({ subject: 'person-1', tokens, ...more })
  const give = async (claims: object, more: object = {}) =>
    visits.upstream.giveTokens({
      ...{
        access_token: 'at-1',
        token_type: 'bearer',
        expires_in: 60,
        id_token: await visits.upstream.signIdToken({ ...claims }),
      },
      ...more,
    })

  it('brings what is true by now, and the new tokens before anything else is asked', async () => {
    await give({ roles: ['clerk'] }, { refresh_token: 'rt-1' })
    const kept: [OutsideTokens, number][] = []
    const asked = () => visits.upstream.requests.filter(({ path }) => path === '/userinfo').length
    const identity = await create().refresh?.(known({ keep: async (given) => void kept.push([given, asked()]) }))
    expect(identity).toMatchObject({ subject: 'person-1', claims: { roles: ['clerk'] } })
    expect(identity?.tokens).toMatchObject({ accessToken: 'at-1', refreshToken: 'rt-1' })
    expect(kept).toEqual([[identity?.tokens, 0]])
    expect(visits.upstream.requests.find(({ path }) => path === '/token')?.form.get('refresh_token')).toBe('rt-0')
  })

  it('hands new tokens over even where userinfo fails after that', async () => {
    await give({}, { refresh_token: 'rt-1' })
    visits.upstream.answers.set('/userinfo', (_, response) => answerJson(response, {}, 503))
    const kept: OutsideTokens[] = []
    const failure = await failureOf(create().refresh?.(known({ keep: async (given) => void kept.push(given) })))
    expect(failure.reason).toBe('unavailable')
    expect(kept).toMatchObject([{ refreshToken: 'rt-1' }])
  })

  it('keeps a refresh token that was not changed', async () => {
    await give({})
    expect((await create().refresh?.(known()))?.tokens?.refreshToken).toBe('rt-0')
  })

  it('knows them no more where the refresh token is refused, and says nothing where the provider is away', async () => {
    const provider = create()
    visits.upstream.giveTokens({ error: 'invalid_grant' }, 400)
    expect(await provider.refresh?.(known())).toBeUndefined()
    visits.upstream.giveTokens({ error: 'invalid_client' }, 401)
    expect((await failureOf(provider.refresh?.(known()))).reason).toBe('misconfigured')
    visits.upstream.giveTokens({}, 503)
    expect((await failureOf(provider.refresh?.(known()))).reason).toBe('unavailable')
  })

  it('refuses tokens of somebody else', async () => {
    await give({ sub: 'person-2' })
    visits.upstream.userinfo = { sub: 'person-2' }
    expect((await failureOf(create().refresh?.(known()))).reason).toBe('invalid_answer')
    await give({}, { id_token: undefined })
    expect((await failureOf(create().refresh?.(known()))).reason).toBe('invalid_answer')
  })

  it('refuses an ID token of another key there too', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    await give({}, { id_token: await visits.upstream.signIdToken({}, {}, privateKey) })
    expect((await failureOf(create().refresh?.(known()))).reason).toBe('invalid_answer')
  })

  it('asks userinfo where it gives no ID token, or where there is an access token alone', async () => {
    await give({}, { id_token: undefined })
    visits.upstream.userinfo = { sub: 'person-1', name: 'New' }
    expect(await create().refresh?.(known())).toMatchObject({
      claims: { name: 'New' },
      tokens: { accessToken: 'at-1' },
    })
    const alone = { tokens: { accessToken: 'at-0' } }
    expect(await create().refresh?.(known(alone))).toMatchObject({ claims: { name: 'New' } })
    visits.upstream.answers.set('/userinfo', (_, response) => answerJson(response, {}, 401))
    expect(await create().refresh?.(known(alone))).toBeUndefined()
    const expired = { tokens: { accessToken: 'at-0', expiresAt: clock.now() } }
    expect((await failureOf(create().refresh?.(known(expired)))).reason).toBe('misconfigured')
  })

  it('lets go of whom the rules on claims do not let in any more', async () => {
    await give({ hd: 'other.example' })
    const provider = create({ claimRules: [{ claim: 'hd', oneOf: ['example.com'] }] })
    expect(await provider.refresh?.(known())).toBeUndefined()
  })
})

describe('a logout token', () => {
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const send = (token: string, provider = create(), binding: 'form' | 'query' = 'form') =>
    provider.receiveLogout?.({
      ...{ parameters: new URLSearchParams({ logout_token: token }), binding },
      location: 'https://auth.example.com/federation/corp/logout',
    })
  const sign = (claims: object = {}, header: object = {}, key?: TestOpenIdProvider['privateKey']) =>
    visits.upstream.signIdToken({ events, jti: 'j-1', sid: 'ses-1', ...claims }, { typ: 'logout+jwt', ...header }, key)

  it('ends sessions by sid, by subject, or both', async () => {
    const now = clock.now()
    const message = await send(await sign({ iat: now }))
    expect(message).toEqual({ subject: 'person-1', session: 'ses-1', once: { id: 'j-1', until: now + 180 } })
    expect(await send(await sign({ sub: undefined }))).not.toHaveProperty('subject')
    expect(await send(await sign({ sid: undefined }, { typ: undefined }))).not.toHaveProperty('session')
  })

  it.each([
    ['an ID token', { events: undefined, nonce: 'x' }],
    ['one without the event', { events: {} }],
    ['one with a list of events', { events: ['http://schemas.openid.net/event/backchannel-logout'] }],
    ['one with a nonce', { nonce: 'x' }],
    ['one of another issuer', { iss: 'https://evil.example' }],
    ['one for another client', { aud: 'other' }],
    ['one without a time of issue', { iat: undefined }],
    ['an old one', { iat: clock.now() - 300 }],
    ['one of the future', { iat: clock.now() + 3600, exp: clock.now() + 7200 }],
    ['one that has expired', { exp: clock.now() - 100 }],
    ['one without a jti', { jti: undefined }],
    ['one with an empty jti', { jti: '' }],
    ['one whose jti is a number', { jti: 7 }],
    ['one about nobody', { sub: undefined, sid: undefined }],
    ['one about a list of sessions', { sid: ['a', 'b'] }],
  ])('is not %s', async (_, claims) => {
    expect((await failureOf(send(await sign(claims)))).reason).toBe('invalid_answer')
  })

  it.each([
    ['an access token', { typ: 'at+jwt' }],
    ['one with a shared secret', { alg: 'HS256' }],
  ])('is not %s', async (_, header) => {
    const key = 'alg' in header ? (new Uint8Array(32) as never) : undefined // any key will do
    expect((await failureOf(send(await sign({}, header, key)))).reason).toBe('invalid_answer')
  })

  it('is not one of another key, one by GET, or none at all', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    const asked = () => visits.upstream.requests.filter(({ path }) => path === '/keys').length
    const provider = create()
    for (const kid of ['a', 'b', 'c']) {
      expect((await failureOf(send(await sign({}, { kid }, privateKey), provider))).reason).toBe('invalid_answer')
    }
    expect(asked()).toBe(1)
    expect((await failureOf(send(await sign(), provider, 'query'))).reason).toBe('invalid_answer')
    expect((await failureOf(send('', provider))).reason).toBe('invalid_answer')
    expect((await failureOf(send('x.y.z', provider))).reason).toBe('invalid_answer')
  })

  it('is opened where it is encrypted for us', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const token = await new CompactEncrypt(Buffer.from(await sign()))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM' })
      .encrypt(publicKey)
    expect(await send(token, create({ decryptionKey: privateKey }))).toMatchObject({ session: 'ses-1' })
    expect((await failureOf(send(token))).reason).toBe('invalid_answer')
  })

  it('names nobody by sub where people are known by other claims', async () => {
    const provider = create({ subjectClaims: ['tid', 'oid'] })
    expect(await send(await sign(), provider)).not.toHaveProperty('subject')
    expect((await failureOf(send(await sign({ sid: undefined }), provider))).reason).toBe('invalid_answer')
  })
})

describe('signing out there', () => {
  const leaving = {
    ...{ subject: 'person-1', memory: { idToken: 'x.y.z' } },
    ...{ comeBackTo: 'https://auth.example.com/bye', state: 'st' },
  }

  it('goes to its address with the ID token, and back', async () => {
    const going = await create().signOut?.(leaving)
    const url = new URL(going && 'url' in going ? going.url : '')
    expect(`${url.origin}${url.pathname}`).toBe(`${visits.upstream.issuer}/logout`)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      id_token_hint: 'x.y.z',
      client_id: 'gatehouse',
      post_logout_redirect_uri: 'https://auth.example.com/bye',
      state: 'st',
    })
  })

  it('goes nowhere where it has no such address', async () => {
    visits.upstream.metadata = { end_session_endpoint: undefined }
    expect(await create().signOut?.(leaving)).toBeUndefined()
  })
})

describe('Microsoft’s address for many tenants', () => {
  const tid = '11111111-2222-3333-4444-555555555555'
  const login = 'https://login.microsoftonline.com'
  /** What is asked of Microsoft is asked of the provider of the test. */
  const redirected = (): Pick<Outbound, 'fetch'> => ({
    fetch: (url, request) =>
      visits.outbound.fetch(url.replace(login, visits.upstream.issuer).replace('/organizations/v2.0', ''), request),
  })
  const provider = () =>
    create(
      {
        issuer: `${login}/organizations/v2.0`,
        issuerTemplate: `${login}/{tenantid}/v2.0`,
        clientId: 'gatehouse',
        authentication: { method: 'client_secret_post', secret: 'x' },
        ...{ scopes: ['openid'], authorizationParameters: {}, responseMode: 'query', userinfo: false },
        ...{ subjectClaims: ['tid', 'oid'], claimRules: [], nameInForm: false, keepTokens: false },
      },
      { outbound: redirected() },
    )
  const signIn = async (claims: object, answer: Record<string, string> = {}) => {
    visits.upstream.metadata = {
      issuer: `${login}/{tenantid}/v2.0`,
      ...{ authorization_endpoint: `${login}/authorize`, token_endpoint: `${login}/token`, jwks_uri: `${login}/keys` },
    }
    const state = 'S'.repeat(43)
    const callback = 'https://auth.example.com/federation/ms/callback'
    const [microsoft, parameters] = [provider(), new URLSearchParams({ code: 'c', state, ...answer })]
    const started = await microsoft.redirect?.start({ callback, state, fresh: false, locales: [] })
    const memory = started?.memory ?? {}
    const id_token = await visits.upstream.signIdToken({ nonce: memory.nonce, ...claims })
    visits.upstream.giveTokens({ access_token: 'at', token_type: 'bearer', id_token })
    return microsoft.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
  }
  const good = { iss: `${login}/${tid}/v2.0`, tid, oid: 'o-1' }

  it('takes the issuer of the tenant that the token names', async () => {
    expect((await signIn(good))?.subject).toBe(`${tid}:o-1`)
    expect((await signIn(good, { iss: `${login}/${tid}/v2.0` }))?.subject).toBe(`${tid}:o-1`)
  })

  it.each([
    ['of another tenant than it names', { ...good, tid: '9'.repeat(36) }, {}],
    ['of no tenant', { ...good, tid: undefined }, {}],
    ['of the template', { ...good, iss: `${login}/{tenantid}/v2.0` }, {}],
    ['of another host', { ...good, iss: `https://evil.example/${tid}/v2.0` }, {}],
    ['without an id', { ...good, oid: undefined }, {}],
    ['with an answer of another provider', good, { iss: 'https://evil.example' }],
  ])('refuses one %s', async (_, claims, answer) => {
    expect((await failureOf(signIn(claims, answer))).reason).toBe('invalid_answer')
  })
})

describe('looking at a provider', () => {
  const examine = async (provider: Provider): Promise<Record<string, string>> => {
    const found: Record<string, string> = {}
    for await (const { what, state, says } of provider.examine()) {
      found[what] = state
      expect(says).not.toBe('')
    }
    return found
  }

  it('finds that all is well', async () => {
    expect(await examine(create())).toEqual({
      ...{ document: 'ok', keys: 'ok', 'ID tokens': 'ok', client: 'ok', PKCE: 'ok', clock: 'ok' },
    })
  })

  it('finds what is wrong', async () => {
    visits.upstream.metadata = {
      ...{ token_endpoint_auth_methods_supported: ['private_key_jwt'], code_challenge_methods_supported: ['plain'] },
      id_token_signing_alg_values_supported: ['HS256'],
    }
    visits.upstream.answers.set('/keys', (_, response) => answerJson(response, { keys: [{ kty: 'oct' }] }))
    const ahead: Clock = { now: () => seconds(clock.now() + 300), milliseconds: () => clock.milliseconds() + 300_000 }
    expect(await examine(create({}, { clock: ahead }))).toEqual({
      ...{ document: 'ok', keys: 'wrong', 'ID tokens': 'wrong', client: 'warning', PKCE: 'warning', clock: 'wrong' },
    })
    visits.upstream.metadata = { issuer: 'https://evil.example' }
    expect(await examine(create())).toEqual({ document: 'wrong' })
  })
})
