import type { ClientId } from '@gatehouse/core/brand'
import { isRefusal } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endClient } from '../../domain/client-administration.ts'
import { noPermissions } from '../../domain/clients.ts'
import { basic, claimsOf, issuer, type StartedAuth, startAuth } from '../../testing/start-auth.ts'

const orders = 'https://auth.example.com/orders'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange' as const
const exchanger = {
  secret: 'x-secret',
  grantTypes: [grantType, 'client_credentials'] as const,
  scopes: ['orders:read', 'inventory:read'],
  audiences: [orders],
  permissions: { ...noPermissions, tokenExchange: { audiences: new Set([orders]), impersonation: false } },
}

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth({
    settings: { requireDpopNonce: false, authorizationDetails: { pay: { description: 'Pay', schema: {} } } },
    clients: [
      { ...exchanger, id: 'broker', metadata: { authorization_details_types: ['pay'] } },
      { ...exchanger, id: 'second' },
      { ...exchanger, id: 'examiner', introspects: [orders] },
      {
        ...exchanger,
        id: 'butler',
        permissions: { ...noPermissions, tokenExchange: { audiences: new Set(['*']), impersonation: true } },
      },
      { ...exchanger, id: 'sealed', permissions: { ...exchanger.permissions, accessTokenFormat: 'opaque' } },
      { ...exchanger, id: 'unpermitted', permissions: noPermissions },
      { ...exchanger, id: 'other-grants', grantTypes: ['client_credentials'] },
    ],
  })
})
afterEach(() => started.close())

type Form = Record<string, string>
const exchange = async (subject_token: string, form: Form = {}, client = 'broker', headers: Form = {}) => {
  const all = { grant_type: grantType, subject_token, subject_token_type: accessToken, audience: orders, ...form }
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '-'))
  const response = await started.postForm('/oauth/token', kept, { ...basic(client, 'x-secret'), ...headers })
  const body = (await response.json()) as Record<string, string>
  return {
    status: response.status,
    body,
    claims: body.access_token?.startsWith('ey') ? claimsOf(body.access_token) : {},
  }
}
const errorOf = async (...parameters: Parameters<typeof exchange>): Promise<string | undefined> =>
  (await exchange(...parameters)).body.error
const machineToken = async (client: string, form: Form = {}, headers: Form = {}): Promise<string> => {
  const response = await started.postForm(
    '/oauth/token',
    { grant_type: 'client_credentials', ...form },
    { ...basic(client, 'x-secret'), ...headers },
  )
  return ((await response.json()) as { access_token: string }).access_token
}
const aliceToken = async (): Promise<string> => (await started.signIn()).access_token
/** A token as it would be if something else issued it. */
const issueOwn = (more: object): string =>
  started.auth.accessTokens.issue(
    { sub: 'usr_alice', client_id: 'broker' as never, aud: issuer, scope: 'orders:read', ...more },
    seconds(300),
  ).token

describe('a token exchange (RFC 8693 section 2)', () => {
  it('gives a token for another audience that names the client as the actor, and says what it is', async () => {
    const subject = await aliceToken()
    const { status, body, claims } = await exchange(subject)
    expect(status).toBe(200)
    expect(body).toMatchObject({ issued_token_type: accessToken, token_type: 'Bearer', scope: 'orders:read' })
    expect(body).not.toHaveProperty('refresh_token')
    const before = claimsOf(subject)
    expect(claims).toMatchObject({
      sub: before.sub,
      sid: before.sid,
      gid: before.gid,
      auth_time: before.auth_time,
      acr: before.acr,
      amr: before.amr,
      roles: ['clerk'],
      client_id: 'broker',
      aud: orders,
      scope: 'orders:read',
      act: { sub: 'broker' },
    })
    expect(claims.jti).not.toBe(before.jti)
    const valid = await started.postJson('/validate', { token: body.access_token, audience: orders })
    expect(await valid.json()).toMatchObject({ valid: true, sub: before.sub })
  })

  it('is off for clients without the grant type or the permission', async () => {
    const subject = await aliceToken()
    expect(await errorOf(subject, {}, 'other-grants')).toBe('unauthorized_client')
    expect(await errorOf(subject, {}, 'unpermitted')).toBe('unauthorized_client')
  })

  it('goes to audiences that the permission names, whatever else the client may ask for', async () => {
    const subject = await aliceToken()
    expect(await errorOf(subject, { audience: issuer })).toBe('invalid_target')
    expect(await errorOf(subject, { audience: 'https://other.example' })).toBe('invalid_target')
    expect(await errorOf(subject, { audience: '-' })).toBe('invalid_target')
    expect((await exchange(subject, { audience: '-', resource: orders })).claims.aud).toBe(orders)
    expect((await exchange(subject, { audience: `${orders} ${issuer}` }, 'butler')).claims.aud).toEqual([
      orders,
      issuer,
    ])
    expect(await errorOf(subject, { audience: `${orders} ${issuer}` })).toBe('invalid_target')
  })

  it('never widens the scope: not over the subject token’s, not over the client’s', async () => {
    const subject = await aliceToken()
    expect((await exchange(subject, { scope: 'orders:read orders:write inventory:read' })).body.scope).toBe(
      'orders:read',
    )
    expect(await errorOf(subject, { scope: 'inventory:read' })).toBe('invalid_scope')
    expect(await errorOf(subject, { scope: 'orders:write' })).toBe('invalid_scope')
    const narrow = (await exchange(subject)).body.access_token ?? ''
    expect((await exchange(narrow, { scope: 'orders:read orders:write' })).body.scope).toBe('orders:read')
  })

  it('never lasts longer than the subject token', async () => {
    const subject = await aliceToken()
    started.clock.advance(290)
    const { body, claims } = await exchange(subject)
    expect(body.expires_in).toBe(10)
    expect(claims.exp).toBe(claimsOf(subject).exp)
    started.clock.advance(10)
    expect(await errorOf(subject)).toBe('invalid_request')
  })

  it('gives a token that ends with the session', async () => {
    const { access_token } = await started.signIn()
    const { body } = await exchange(access_token)
    await started.postJson('/logout', {}, { authorization: `Bearer ${access_token}` })
    expect(isRefusal(started.auth.verifier.verify(body.access_token ?? ''))).toBe(true)
    expect(await errorOf(access_token)).toBe('invalid_request')
  })

  it('gives a token that ends with the client that the subject token was given to', async () => {
    const subjects = [await aliceToken(), await machineToken('second')]
    const exchanged = await Promise.all(subjects.map(async (subject) => (await exchange(subject, {}, 'butler')).body))
    const isGood = () =>
      exchanged.map(({ access_token = '' }) => !isRefusal(started.auth.verifier.verify(access_token)))
    expect(isGood()).toEqual([true, true])
    const dependencies = { ...started, revocations: started.auth.revocations }
    await endClient(dependencies, claimsOf(subjects[0] ?? '').client_id as ClientId, { actor: 'test' })
    expect(isGood()).toEqual([false, true])
    await endClient(dependencies, 'second' as ClientId, { actor: 'test' })
    expect(isGood()).toEqual([false, false])
  })

  it('takes and gives opaque tokens', async () => {
    const { body } = await exchange(await aliceToken(), {}, 'sealed')
    expect(body.access_token).toMatch(/^gha_/)
    const again = await exchange(body.access_token ?? '', {}, 'sealed')
    expect(again.body.access_token).toMatch(/^gha_/)
    const verified = started.auth.verifier.verify(again.body.access_token ?? '', [orders])
    expect(verified).toMatchObject({ claims: { act: { sub: 'sealed', act: { sub: 'sealed' } } } })
  })

  it.each([
    ['no subject token', { subject_token: '-' }],
    ['no type of it', { subject_token_type: '-' }],
    ['another type of it', { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
    ['a refresh token asked for', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
    ['an actor token without a type', { actor_token: 'x' }],
    ['a type without an actor token', { actor_token_type: accessToken }],
    ['nonsense as actor token', { actor_token: 'x', actor_token_type: accessToken }],
  ])('is malformed with %s', async (_, form) => {
    expect(await errorOf(await aliceToken(), form)).toBe('invalid_request')
  })

  it('refuses whatever is no access token of ours', async () => {
    const { access_token, refresh_token } = await started.signIn()
    const verified = started.auth.verifier.verify(access_token)
    if (isRefusal(verified)) throw new Error('not verified')
    const identity = started.auth.accessTokens.issueIdentity(verified, { audience: orders })
    for (const token of [refresh_token, identity, 'nonsense', `${access_token}x`]) {
      expect(await errorOf(token)).toBe('invalid_request')
    }
  })

  it('refuses a token that was neither given to the client nor meant for it', async () => {
    const foreign = await machineToken('second', { audience: orders })
    expect(await errorOf(foreign)).toBe('access_denied')
    // For the audience that every service has, or issued to the client itself.
    expect((await exchange(await machineToken('second'))).status).toBe(200)
    expect((await exchange(await machineToken('broker', { audience: orders }))).status).toBe(200)
  })

  it('carries authorization_details that are asked for, and never others', async () => {
    const detail = { type: 'pay' }
    const subject = issueOwn({ authorization_details: [detail] })
    expect((await exchange(subject)).claims).not.toHaveProperty('authorization_details')
    const asked = await exchange(subject, { authorization_details: JSON.stringify([detail]) })
    expect(asked.claims.authorization_details).toEqual([detail])
    expect(asked.body.authorization_details).toEqual([detail])
    const more = { authorization_details: JSON.stringify([detail, detail]) }
    expect(await errorOf(subject, more)).toBe('invalid_authorization_details')
    expect(await errorOf(subject, more, 'second')).toBe('invalid_authorization_details')
  })
})

describe('who acts (RFC 8693 sections 4.1 and 4.4)', () => {
  it('is a chain, the last one outermost, of five at the most', async () => {
    let token = await aliceToken()
    let claims: Record<string, unknown> = {}
    for (const client of ['broker', 'second', 'broker', 'second', 'broker']) {
      const exchanged = await exchange(await forEverybody(token), {}, client)
      claims = exchanged.claims
      token = exchanged.body.access_token ?? ''
    }
    const sub = (act: unknown): string => (act as { sub: string }).sub
    const chain: string[] = []
    for (let { act } = claims; act !== undefined; act = (act as { act?: unknown }).act) chain.push(sub(act))
    expect(chain).toEqual(['broker', 'second', 'broker', 'second', 'broker'])
    expect(await errorOf(token)).toBe('invalid_request')
  })
  /** The same token for the audience that every service has, as `mayExchange` asks for. */
  const forEverybody = async (token: string): Promise<string> => {
    const { jti: _, exp: __, iat: ___, iss: ____, ...claims } = claimsOf(token)
    return started.auth.accessTokens.issue({ ...(claims as never as Subject), aud: issuer }, seconds(300)).token
  }
  type Subject = Parameters<StartedAuth['auth']['accessTokens']['issue']>[0]

  it('is nobody where the client may impersonate, unless it names an actor', async () => {
    const subject = await aliceToken()
    expect((await exchange(subject, {}, 'butler')).claims).not.toHaveProperty('act')
    const actor = { actor_token: await machineToken('butler'), actor_token_type: accessToken }
    expect((await exchange(subject, actor, 'butler')).claims.act).toEqual({ sub: 'butler', client_id: 'butler' })
    const delegated = (await exchange(subject)).body.access_token ?? ''
    expect(await errorOf(delegated, {}, 'butler')).toBe('access_denied')
    const own = issueOwn({ client_id: 'butler', act: { sub: 'broker' } })
    expect((await exchange(own, {}, 'butler')).claims.act).toEqual({ sub: 'broker' })
  })

  it('is whoever the actor token is for, which must be the client’s own', async () => {
    const subject = await aliceToken()
    const typed = { actor_token_type: accessToken }
    const own = issueOwn({ sub: 'usr_bob' })
    expect((await exchange(subject, { ...typed, actor_token: own })).claims.act).toEqual({
      sub: 'usr_bob',
      client_id: 'broker',
    })
    const foreign = await machineToken('second')
    expect(await errorOf(subject, { ...typed, actor_token: foreign })).toBe('invalid_request')
    const delegated = issueOwn({ act: { sub: 'x' } })
    expect(await errorOf(subject, { ...typed, actor_token: delegated })).toBe('invalid_request')
  })

  it.each([
    [{ sub: 'broker' }, 200],
    [{ client_id: 'broker', iss: issuer }, 200],
    [{ sub: 'second' }, 400],
    [{ sub: 'broker', client_id: 'second' }, 400],
    [{ sub: 'broker', iss: 'https://other.example' }, 400],
    [{ sub: 'broker', group: 'x' }, 400],
    [{}, 400],
  ])('is only who may_act names: %j', async (may_act, status) => {
    const { status: found, claims } = await exchange(issueOwn({ may_act }))
    expect(found).toBe(status)
    if (status === 200) expect(claims.may_act).toEqual(may_act)
  })
})

describe('what a service got from the gateway', () => {
  const inventory = 'https://auth.example.com/inventory'
  const pricing = 'https://auth.example.com/pricing'
  const services = [
    { name: 'orders', audience: orders, clientSecret: 'x-secret', calls: [inventory] },
    { name: 'inventory', audience: inventory, clientSecret: 'x-secret', calls: [pricing] },
    { name: 'pricing', audience: pricing, clientSecret: 'x-secret' },
  ]
  beforeEach(() => started.auth.replaceSettings({ ...started.settings, services }))

  const verified = (token: string) => {
    const outcome = started.auth.verifier.verify(token)
    if (isRefusal(outcome)) throw new Error(outcome.refused)
    return outcome
  }
  /** What the gateway sends to a service for a token. */
  const identityOf = (token: string, audience = orders, request?: { method: string; target: string }): string =>
    started.auth.accessTokens.issueIdentity(verified(token), { audience }, request)
  const call = (identity: string, audience: string, service: string) =>
    exchange(identity, { audience }, `service:${service}`)

  it('is exchanged by it for what it may call, and the chain is named', async () => {
    const token = await aliceToken()
    const first = await call(identityOf(token), inventory, 'orders')
    expect(first.status).toBe(200)
    const { sub, sid, gid } = claimsOf(token)
    const kept = { sub, sid, gid, scope: 'orders:read orders:write', roles: ['clerk'] }
    expect(first.claims).toMatchObject({ ...kept, aud: inventory, act: { sub: 'service:orders' } })
    expect(first.claims).not.toHaveProperty('cnf')
    const identity = identityOf(first.body.access_token ?? '', inventory)
    expect(claimsOf(identity)).toMatchObject({ ...kept, aud: inventory, act: { sub: 'service:orders' } })
    const second = await call(identity, pricing, 'inventory')
    expect(second.claims).toMatchObject({
      ...kept,
      aud: pricing,
      act: { sub: 'service:inventory', act: { sub: 'service:orders' } },
      origins: [claimsOf(token).jti, first.claims.jti],
    })
    expect(second.claims.exp).toBeLessThanOrEqual(started.clock.now() + 120)
  })

  it('is exchanged by nobody else, whatever they may exchange', async () => {
    const identity = identityOf(await aliceToken())
    expect(await call(identity, pricing, 'inventory')).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
    expect(await errorOf(identity, { audience: inventory }, 'butler')).toBe('invalid_request')
    // To answer for an audience is to be asked about its tokens, not to be its service.
    expect(await errorOf(identity, {}, 'examiner')).toBe('invalid_request')
    expect((await call(identityOf(await aliceToken(), inventory), inventory, 'orders')).body.error).toBe(
      'invalid_request',
    )
  })

  it('is exchanged for nothing that its configuration does not name', async () => {
    const identity = identityOf(await aliceToken())
    for (const audience of [pricing, orders, issuer]) {
      expect((await call(identity, audience, 'orders')).body.error).toBe('invalid_target')
    }
    const last = identityOf(await aliceToken(), pricing)
    expect((await call(last, inventory, 'pricing')).body.error).toBe('unauthorized_client')
  })

  it('is exchanged while it is good, also where it is bound to the request that the service got', async () => {
    const request = { method: 'GET', target: '/orders/7' }
    const identity = identityOf(await aliceToken(), orders, request)
    const { claims } = await call(identity, inventory, 'orders')
    expect(claims).not.toHaveProperty('cnf')
    expect(claims.exp).toBe(started.clock.now() + 60)
    started.clock.advance(60)
    expect((await call(identity, inventory, 'orders')).body.error).toBe('invalid_request')
  })

  it('ends, with all that was made from it, when the session or the first token does', async () => {
    const { access_token } = await started.signIn()
    const other = await aliceToken()
    const chain = async (token: string): Promise<[string, string]> => {
      const { body } = await call(identityOf(token), inventory, 'orders')
      return [body.access_token ?? '', identityOf(body.access_token ?? '', inventory)]
    }
    const [exchanged, identity] = await chain(access_token)
    const [exchangedToo, identityToo] = await chain(other)
    await started.postForm('/oauth/revoke', { token: access_token, client_id: 'first-party' })
    expect(started.auth.verifier.verify(exchanged)).toEqual({ refused: 'revoked' })
    expect((await call(identity, pricing, 'inventory')).body.error).toBe('invalid_request')
    expect(isRefusal(started.auth.verifier.verify(exchangedToo))).toBe(false)
    await started.postJson('/logout', {}, { authorization: `Bearer ${other}` })
    expect(started.auth.verifier.verify(exchangedToo)).toEqual({ refused: 'revoked' })
    expect((await call(identityToo, pricing, 'inventory')).body.error).toBe('invalid_request')
  })

  it('is no access token anywhere', async () => {
    const identity = identityOf(await aliceToken())
    const headers = basic('service:orders', 'x-secret')
    expect(await (await started.postForm('/oauth/introspect', { token: identity }, headers)).json()).toEqual({
      active: false,
    })
    expect(await (await started.postJson('/validate', { token: identity })).json()).toMatchObject({ valid: false })
    expect((await call(await aliceToken(), inventory, 'orders')).status).toBe(200)
  })
})

describe('a bound subject token (RFC 9449)', () => {
  const url = `${issuer}/oauth/token`
  const proofOf = (prover: ReturnType<typeof createTestProver>): Form => ({
    dpop: prover.proof({ htu: url, htm: 'POST', iat: started.clock.now() }),
  })

  it('is exchanged for whoever holds its key, and for nobody else', async () => {
    const holder = createTestProver()
    const subject = await machineToken('broker', {}, proofOf(holder))
    const { body, claims } = await exchange(subject, {}, 'broker', proofOf(holder))
    expect(body.token_type).toBe('DPoP')
    expect(claims.cnf).toEqual({ jkt: holder.jkt })
    expect(await errorOf(subject)).toBe('invalid_request')
    expect(await errorOf(subject, {}, 'broker', proofOf(createTestProver()))).toBe('invalid_request')
    const certificate = issueOwn({ cnf: { 'x5t#S256': 'a'.repeat(43) } })
    expect(await errorOf(certificate)).toBe('invalid_request')
    expect(await errorOf(certificate, {}, 'broker', proofOf(holder))).toBe('invalid_request')
  })

  it('comes of one that is bound to nothing, where the client brings a key', async () => {
    const holder = createTestProver()
    const { claims } = await exchange(await aliceToken(), {}, 'broker', proofOf(holder))
    expect(claims.cnf).toEqual({ jkt: holder.jkt })
  })
})
