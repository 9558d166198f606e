import type { GrantId } from '@gatehouse/core/brand'
import { createTestProver, type TestProver } from '@gatehouse/guard/testing/test-prover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answered, basic, claimsOf, issuer, type Members, type Provider, startProvider } from './provider.ts'

// DPoP over HTTP at the token endpoint, the pushed requests and userinfo; the proof itself is tested in
// packages/guard/src/dpop.test.ts, the gateway's side in packages/gateway/src/dpop.test.ts.

let provider: Provider
const prover = createTestProver()
const stranger = createTestProver()
beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider.close())

const nonce = (): string => provider.auth.dpop.nonces.current()
const proofFor = (path: string, claims: Record<string, unknown> = {}, by: TestProver = prover): string =>
  by.proof({ htu: issuer + path, iat: provider.clock.now(), nonce: nonce(), ...claims })
const withProof = (by: TestProver = prover, claims = {}, path = '/oauth/token'): Record<string, string> => ({
  dpop: proofFor(path, claims, by),
})
const asWeb = basic('web', 'web-secret')
const exchange = (code: string | null, headers: Record<string, string>, form: Members = {}): Promise<Answered> =>
  provider.exchange(code, form, headers)
const newCode = async (given: Members = {}): Promise<string | null> =>
  (await provider.authorize(given)).callback.get('code')
/** A proof at userinfo for a token. */
const atUserinfo = (token: string, claims = {}, by: TestProver = prover): Record<string, string> => ({
  authorization: `DPoP ${token}`,
  dpop: by.proofFor(token, {
    htm: 'GET',
    htu: `${issuer}/oauth/userinfo`,
    iat: provider.clock.now(),
    nonce: nonce(),
    ...claims,
  }),
})
const boundTokens = async (given: Members = {}): Promise<Record<string, string>> =>
  (await exchange(await newCode(given), { ...asWeb, ...withProof() })).body

describe('section 4.3, checking a proof, at the token endpoint', () => {
  const form = { grant_type: 'client_credentials' }
  const bad: Record<string, (now: number) => Record<string, unknown>> = {
    'another method': () => ({ htm: 'GET' }),
    'another endpoint': () => ({ htu: `${issuer}/oauth/par` }),
    'another host': () => ({ htu: 'https://evil.test/oauth/token' }),
    'no htu': () => ({ htu: undefined }),
    'an old iat': (now) => ({ iat: now - 301 }),
    'an iat of the future': (now) => ({ iat: now + 301 }),
    'no iat': () => ({ iat: undefined }),
    'no jti': () => ({ jti: undefined }),
  }
  it.each(Object.keys(bad))('4.3 a proof with %s is invalid_dpop_proof', async (name) => {
    const claims = bad[name]?.(provider.clock.now())
    const answer = await provider.token(form, { ...asWeb, ...withProof(prover, claims) })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } })
  })

  it.each([-90, 120])('8 a clock that is %s s off is asked for a nonce, and does with one', async (off) => {
    const iat = provider.clock.now() + off
    const first = await provider.token(form, { ...asWeb, ...withProof(prover, { iat, nonce: undefined }) })
    expect(first).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
    const given = first.headers.get('dpop-nonce')
    const second = await provider.token(form, { ...asWeb, ...withProof(prover, { iat, nonce: given }) })
    expect(second.status).toBe(200)
  })

  it('4.3 a private key, a MAC, another type, two headers and rubbish are too', async () => {
    const claims = { htu: `${issuer}/oauth/token`, iat: provider.clock.now(), nonce: nonce() }
    const headers = [
      { jwk: { ...prover.jwk, d: 'x' } },
      { alg: 'HS256' },
      { alg: 'none' },
      { typ: 'JWT' },
      { jwk: undefined },
    ]
    const proofs = [
      ...headers.map((header) => prover.proof(claims, header)),
      `${proofFor('/oauth/token')}, ${proofFor('/oauth/token')}`,
      'x',
    ]
    for (const dpop of proofs) {
      const answer = await provider.token(form, { ...asWeb, dpop })
      expect(answer, dpop.slice(0, 60)).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } })
    }
  })

  it('11.1 a proof is used once', async () => {
    const headers = { ...asWeb, ...withProof() }
    expect((await provider.token(form, headers)).body.token_type).toBe('DPoP')
    expect((await provider.token(form, headers)).body.error).toBe('invalid_dpop_proof')
  })
})

describe('section 11.1, a proof is used up last', () => {
  const asSpa = { client_id: 'spa' }
  const push = (headers: Record<string, string>, given: Members = {}): Promise<Answered> =>
    provider.post('/oauth/par', provider.parameters({ ...asSpa, scope: 'orders:read', ...given }), headers)

  it('11.1 what is refused for something else leaves it unused: strangers write no row', async () => {
    const refused: [string, Members, Record<string, string>][] = [
      ['invalid_grant', { ...asSpa, grant_type: 'refresh_token', refresh_token: 'x' }, {}],
      ['invalid_grant', { ...asSpa, grant_type: 'authorization_code', code: `ghc_${'A'.repeat(43)}` }, {}],
      ['unauthorized_client', { ...asSpa, grant_type: 'client_credentials' }, {}],
      ['unsupported_grant_type', { ...asSpa, grant_type: 'x' }, {}],
      ['invalid_scope', { grant_type: 'client_credentials', scope: 'nothing:here' }, asWeb],
      ['invalid_target', { grant_type: 'client_credentials', resource: 'https://nobody.test' }, asWeb],
    ]
    for (const [error, form, headers] of refused) {
      const proof = withProof()
      const answer = await provider.token(form, { ...headers, ...proof })
      expect(answer.body.error, JSON.stringify(form)).toBe(error)
      const good = await provider.token({ grant_type: 'client_credentials' }, { ...asWeb, ...proof })
      expect(good.status, JSON.stringify(form)).toBe(200)
    }
    const pushing = withProof(prover, {}, '/oauth/par')
    expect((await push(pushing, { redirect_uri: 'https://evil.test/' })).status).toBe(400)
    expect((await push(pushing)).status).toBe(201)
  })

  it('11.1 of any number of requests with one proof one is answered, and those refused use up nothing else', async () => {
    const codes = [
      await newCode({ ...asSpa, scope: 'orders:read' }),
      await newCode({ ...asSpa, scope: 'orders:read' }),
      await newCode({ ...asSpa, scope: 'orders:read' }),
    ]
    const one = withProof()
    const answers = await Promise.all(codes.map((code) => exchange(code, one, asSpa)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400])
    const pairs: Answered[] = []
    for (const [index, answer] of answers.entries())
      pairs.push(answer.status === 200 ? answer : await exchange(codes[index] ?? null, withProof(), asSpa))
    expect(pairs.map(({ status }) => status)).toEqual([200, 200, 200])

    const refresh = (pair: Answered | undefined, headers: Record<string, string>): Promise<Answered> =>
      provider.token({ ...asSpa, grant_type: 'refresh_token', refresh_token: pair?.body.refresh_token }, headers)
    const next = withProof()
    const refreshed = await Promise.all(pairs.map((pair) => refresh(pair, next)))
    expect(refreshed.map(({ status }) => status).sort()).toEqual([200, 400, 400])
    for (const [index, answer] of refreshed.entries()) {
      if (answer.status === 200) continue
      const token = pairs[index]?.body.refresh_token ?? ''
      const id = token.slice('ghr_'.length).split('.')[0] as GrantId // that is how it begins
      expect((await provider.store.grants.find(id))?.generation).toBe(1)
      expect((await refresh(pairs[index], withProof())).status).toBe(200)
    }

    const pushing = withProof(prover, {}, '/oauth/par')
    const pushed = await Promise.all([push(pushing), push(pushing), push(pushing)])
    expect(pushed.map(({ status }) => status).sort()).toEqual([201, 400, 400])
  })
})

describe('section 5, tokens that are bound', () => {
  it('5 a bound token says so: the type is DPoP and the key is in it, here and at introspection', async () => {
    const body = await boundTokens()
    expect(body.token_type).toBe('DPoP')
    expect(claimsOf(body.access_token ?? '').cnf).toEqual({ jkt: prover.jkt })
    expect(await provider.introspect(body.access_token)).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: prover.jkt },
    })
  })

  it('5 a public client’s refresh token is bound to the key', async () => {
    const code = await newCode({ client_id: 'spa', scope: 'orders:read' })
    const { body } = await exchange(code, withProof(), { client_id: 'spa' })
    const refresh = (refresh_token: string | undefined, headers: Record<string, string>) =>
      provider.token({ grant_type: 'refresh_token', client_id: 'spa', refresh_token }, headers)
    expect((await refresh(body.refresh_token, {})).body.error).toBe('invalid_grant')
    expect((await refresh(body.refresh_token, withProof(stranger))).body.error).toBe('invalid_grant')
    const next = await refresh(body.refresh_token, withProof())
    expect(next).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
    expect(claimsOf(next.body.access_token ?? '').cnf).toEqual({ jkt: prover.jkt })
  })

  it('5 a confidential client may change its key, but gets no token that is bound to none', async () => {
    const { refresh_token } = await boundTokens({ scope: 'orders:read' })
    const form = { grant_type: 'refresh_token', refresh_token }
    expect((await provider.token(form, asWeb)).body.error).toBe('invalid_grant')
    const changed = await provider.token(form, { ...asWeb, ...withProof(stranger) })
    expect(claimsOf(changed.body.access_token ?? '').cnf).toEqual({ jkt: stranger.jkt })
  })
})

describe('section 7, using them', () => {
  it('7.1 a bound token is good with the scheme DPoP and a proof for that token', async () => {
    const { access_token = '' } = await boundTokens()
    expect((await provider.userinfo('', atUserinfo(access_token))).status).toBe(200)
  })

  it('7.1 a bound token without the scope is refused with a challenge for DPoP', async () => {
    const { access_token = '' } = await boundTokens({ scope: 'orders:read' })
    const answer = await provider.userinfo('', atUserinfo(access_token))
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toMatch(/^DPoP .*error="insufficient_scope", scope="openid", algs=/)
  })

  it('7.1 and 7.2: a bound token is good in no other way', async () => {
    const { access_token = '' } = await boundTokens()
    const other = (await boundTokens()).access_token ?? ''
    const good = atUserinfo(access_token)
    const attempts: Record<string, string>[] = [
      { authorization: `Bearer ${access_token}` },
      { ...good, authorization: `Bearer ${access_token}` },
      { authorization: `DPoP ${access_token}` },
      atUserinfo(access_token, {}, stranger),
      { ...good, authorization: `DPoP ${other}` },
      atUserinfo(access_token, { ath: undefined }),
      atUserinfo(access_token, { htm: 'POST' }),
    ]
    for (const headers of attempts) {
      const answer = await provider.userinfo('', headers)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toMatch(/^(DPoP|Bearer) /)
    }
    const inForm = await provider.post('/oauth/userinfo', { access_token }, {})
    expect(inForm.status).toBe(401)
  })

  it('7.2 a token that is bound to no key is not taken with the scheme DPoP', async () => {
    const { access_token = '' } = await provider.tokens()
    expect((await provider.userinfo('', atUserinfo(access_token))).status).toBe(401)
  })
})

describe('sections 8 and 9, nonces', () => {
  it('8 without a nonce the answer brings one, which a page of another origin may read', async () => {
    const headers = { ...asWeb, ...withProof(prover, { nonce: undefined }), origin: 'https://a.example' }
    const answer = await provider.token({ grant_type: 'client_credentials' }, headers)
    expect(answer).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
    expect(answer.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce')
    const given = answer.headers.get('dpop-nonce')
    const again = await provider.token(
      { grant_type: 'client_credentials' },
      { ...asWeb, ...withProof(prover, { nonce: given }) },
    )
    expect(again.status).toBe(200)
  })

  it('8 being asked for a nonce costs no code', async () => {
    const code = await newCode()
    const told = await exchange(code, { ...asWeb, ...withProof(prover, { nonce: 'old' }) })
    expect(told.body.error).toBe('use_dpop_nonce')
    expect((await exchange(code, { ...asWeb, ...withProof() })).status).toBe(200)
  })

  it('9 a protected resource asks for a nonce with 401 and a challenge', async () => {
    const { access_token = '' } = await boundTokens()
    const answer = await provider.userinfo('', atUserinfo(access_token, { nonce: undefined }))
    expect(answer).toMatchObject({ status: 401, body: { error: 'use_dpop_nonce' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^DPoP .*error="use_dpop_nonce"/)
    expect(answer.headers.get('dpop-nonce')).toBe(nonce())
  })
})

describe('section 10, codes that are bound', () => {
  const isRefused = async (code: string | null, headers: Record<string, string>): Promise<void> => {
    expect((await exchange(code, { ...asWeb, ...headers })).body.error).toBe('invalid_grant')
  }

  it('10 a code is bound by dpop_jkt: another key, or none, gets nothing, and the code is gone', async () => {
    await isRefused(await newCode({ dpop_jkt: prover.jkt }), withProof(stranger))
    const code = await newCode({ dpop_jkt: prover.jkt })
    await isRefused(code, {})
    await isRefused(code, withProof())
    const good = await newCode({ dpop_jkt: prover.jkt })
    expect((await exchange(good, { ...asWeb, ...withProof() })).body.token_type).toBe('DPoP')
  })

  it('10.1 a code is bound by a proof when the request is pushed, which must not contradict dpop_jkt', async () => {
    const push = (given: Members, by = prover) =>
      provider.post('/oauth/par', provider.parameters(given), { ...asWeb, ...withProof(by, {}, '/oauth/par') })
    const { body, status } = await push({})
    expect(status).toBe(201)
    const visit = async (): Promise<string | null> =>
      (
        await provider.goOn(
          await provider.browser.get(`/oauth/authorize?client_id=web&request_uri=${body.request_uri}`),
        )
      ).callback.get('code')
    await isRefused(await visit(), withProof(stranger))
    expect((await push({ dpop_jkt: stranger.jkt })).body.error).toBe('invalid_dpop_proof')
    expect((await push({ dpop_jkt: prover.jkt })).status).toBe(201)
    const unproven = await provider.post('/oauth/par', provider.parameters(), {
      ...asWeb,
      ...withProof(prover, { htu: `${issuer}/oauth/token` }),
    })
    expect(unproven.body.error).toBe('invalid_dpop_proof')
  })
})

it('5.1 metadata list the algorithms of proofs, all of them asymmetric', async () => {
  const { dpop_signing_alg_values_supported: algorithms } = await provider.metadata()
  expect(algorithms).toContain('ES256')
  expect(JSON.stringify(algorithms)).not.toMatch(/HS|none/)
})
