import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newUserId } from '@gatehouse/core/random'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConfiguredClient } from '../domain/clients.ts'
import { addUser, getUserByName, setUserStatus } from '../domain/users.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import {
  basic,
  claimsOf,
  goodPassword,
  issuer,
  noRegistration,
  type StartedAuth,
  startAuth,
} from '../testing/start-auth.ts'

const grantType = 'urn:openid:params:grant-type:ciba'
const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code'
const desk: Partial<ConfiguredClient> = {
  id: 'bank-desk',
  secret: 'desk-secret',
  grantTypes: [grantType, deviceGrantType, 'refresh_token'],
  scopes: ['orders:read', 'orders:write'],
  metadata: { client_name: 'The <desk>', backchannel_token_delivery_mode: 'poll' },
}
const deskBasic = basic('bank-desk', 'desk-secret')

let started: StartedAuth
let browser: TestBrowser
let receiver: Server | undefined
afterEach(async () => {
  await started.close()
  receiver?.closeAllConnections()
  receiver?.close()
  receiver = undefined
})

const start = async (client: Partial<ConfiguredClient> = {}): Promise<void> => {
  started = await startAuth({
    clients: [
      { ...desk, ...client },
      { ...desk, id: 'other-desk' },
      { ...desk, id: 'open-desk', authMethod: 'none', secret: undefined },
    ],
  })
  browser = new TestBrowser(started.url, issuer)
  const { store, clock, auth } = started
  await addUser(
    { store, clock, passwords: auth.passwords, revocations: auth.revocations },
    { username: 'bob', password: goodPassword, scopes: ['orders:read'], roles: [], minimumPasswordLength: 15 },
    { actor: 'test' },
  )
}

type Answered = { readonly status: number; readonly body: Record<string, string>; readonly headers: Headers }
const answered = async (response: Response): Promise<Answered> => ({
  status: response.status,
  headers: response.headers,
  body: (await response.json()) as Record<string, string>,
})
const ask = async (
  form: Record<string, string> = {},
  headers: Record<string, string> = deskBasic,
): Promise<Answered> => {
  const all: Record<string, string> = { scope: 'openid orders:read', login_hint: 'Alice', ...form }
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '-'))
  return answered(await started.postForm('/oauth/backchannel', sent, headers))
}
const poll = async (auth_req_id: string | undefined, headers: Record<string, string> = deskBasic) =>
  answered(await started.postForm('/oauth/token', { grant_type: grantType, auth_req_id: auth_req_id ?? '' }, headers))
const openRequests = async (username = 'alice'): Promise<ShownPage> => {
  const page = await browser.get('/account/requests')
  return page.has('password') ? browser.signIn(page, username, goodPassword) : page
}
const decide = (page: ShownPage, decision: 'allow' | 'deny'): Promise<ShownPage> => browser.submit(page, { decision })

describe('the authentication request (CIBA Core section 7)', () => {
  it('is answered with an id to poll with', async () => {
    await start()
    const { status, headers, body } = await ask()
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({ auth_req_id: expect.stringMatching(/^ghb_[\w-]{43}$/), expires_in: 600, interval: 5 })
    expect(await started.store.decoupledRequests.find(body.auth_req_id ?? '')).toBeUndefined()
  })

  it('is for clients that have proven themselves and have the grant type', async () => {
    await start()
    expect((await ask({}, basic('bank-desk', 'wrong'))).body.error).toBe('invalid_client')
    expect((await ask({ client_id: 'open-desk' }, {})).body.error).toBe('unauthorized_client')
    expect((await ask({}, basic('reports', 'reports-secret'))).body.error).toBe('unauthorized_client')
  })

  it('names a user by exactly one hint, whom nobody hears of who has not proven itself', async () => {
    await start()
    expect((await ask({ login_hint: 'nobody' })).body.error).toBe('unknown_user_id')
    expect((await ask({ login_hint: 'nobody' }, basic('bank-desk', 'wrong'))).body.error).toBe('invalid_client')
    const none = await ask({ login_hint: '-' })
    const two = await ask({ id_token_hint: 'x' })
    const unsupported = await ask({ login_hint: '-', login_hint_token: 'x' })
    const malformed = await ask({ login_hint: '-', id_token_hint: 'x' })
    for (const { body } of [none, two, unsupported, malformed]) expect(body.error).toBe('invalid_request')
  })

  it('is refused for a user who may not sign in', async () => {
    await start()
    const { store, clock, auth } = started
    const { id } = await getUserByName({ store }, 'alice')
    await setUserStatus({ store, clock, revocations: auth.revocations }, { id, status: 'disabled' }, { actor: 'test' })
    expect((await ask()).body.error).toBe('unknown_user_id')
  })

  it('names a user by an ID token that this client was given', async () => {
    await start()
    const { body } = await ask()
    await decide(await openRequests(), 'allow')
    const hint = (await poll(body.auth_req_id)).body.id_token ?? ''
    expect((await ask({ login_hint: '-', id_token_hint: hint })).status).toBe(200)
    const foreign = await ask({ login_hint: '-', id_token_hint: hint }, basic('other-desk', 'desk-secret'))
    expect(foreign.body.error).toBe('invalid_request')
  })

  it('needs openid in its scope, and is otherwise judged as at the authorization endpoint', async () => {
    await start()
    expect((await ask({ scope: '-' })).body.error).toBe('invalid_request')
    expect((await ask({ scope: 'orders:read' })).body.error).toBe('invalid_scope')
    expect((await ask({ resource: 'https://evil.example' })).body.error).toBe('invalid_target')
    expect((await ask({ authorization_details: '[{}]' })).body.error).toBe('invalid_authorization_details')
    expect((await ask({ request: 'x' })).body.error).toBe('invalid_request')
  })

  it.each(['x'.repeat(101), 'two\nlines', 'turned \u202e around'])(
    'refuses the binding message %j',
    async (message) => {
      await start()
      expect((await ask({ binding_message: message })).body.error).toBe('invalid_binding_message')
    },
  )

  it('lasts as long as it asks for, ten minutes at most', async () => {
    await start()
    expect((await ask({ requested_expiry: '60' })).body.expires_in).toBe(60)
    expect((await ask({ requested_expiry: '9999' })).body.expires_in).toBe(600)
    for (const requested_expiry of ['0', '-1', '1.5', 'soon']) {
      expect((await ask({ requested_expiry })).body.error).toBe('invalid_request')
    }
    const { body } = await ask({ requested_expiry: '60' })
    started.clock.advance(60)
    expect((await poll(body.auth_req_id)).body.error).toBe('expired_token')
  })
})

describe('the mail about a request (CIBA Core section 8)', () => {
  const told = (): ReturnType<StartedAuth['mail']> => started.mail('approval_request')
  /** What a mail program would make a link of. */
  const linked = /https?:\/\/[^\s"<]+|\b[\w-]+\.[a-z]\w+/gi

  it('says who asks, what they say and until when, and where to decide', async () => {
    await start()
    await ask({ binding_message: 'Order <17>, 12.50 EUR' }, { ...deskBasic, host: 'evil.example' })
    const mail = await told()
    const alice = await getUserByName(started, 'alice')
    expect(mail).toMatchObject({ to: 'alice@example.com', userId: alice.id, link: `${issuer}/account/requests` })
    for (const said of ['“The <desk>”', '“Order <17>, 12.50 EUR”', '08:10 UTC', 'deny it']) {
      expect(mail.text).toContain(said)
    }
    expect(mail.html).toContain('Order &lt;17&gt;')
    expect(mail.html).not.toMatch(/<17>|<desk>/)
    expect(mail.text.match(linked)).toEqual([`${issuer}/account/requests`])
  })

  it.each(['https://evil.example/pay', 'evil.example', 'http://1.2.3.4/', 'a@evil.example', 'evil\u3002example'])(
    'makes no link of the message or name %s',
    async (text) => {
      await start({ metadata: { ...desk.metadata, client_name: text } })
      await ask({ binding_message: text })
      const mail = await told()
      expect(mail.text.match(linked)).toEqual([`${issuer}/account/requests`])
      expect([mail.text, mail.html].join()).not.toMatch(/https?:\/\/(?!auth\.)|[/.@\u3002](evil|example\b(?!\.com))/)
      expect(mail.text.replaceAll(' ', '')).toContain(`“${text}”`)
    },
  )

  // Browsers leave the first out of a name, and read the second as a letter (UTS 46 section 4).
  it.each(['evil.\ufe0fexample', 'evil.\u24d4xample'])('makes no link of %j either', async (text) => {
    await start()
    await ask({ binding_message: text })
    expect((await told()).text).toContain(text.replace('.', '. '))
  })

  it('speaks the language of who is asked', async () => {
    await start()
    const { id } = await getUserByName(started, 'alice')
    await started.store.users.setProfile({ id, name: null, locale: 'de', at: started.clock.now() })
    await ask()
    expect((await told()).subject).toContain('wartet auf Ihre Zustimmung')
  })

  it('goes to nobody without a verified address, which the client does not hear', async () => {
    await start()
    const bob = await getUserByName(started, 'bob')
    const address = { email: 'carl@example.com', email_canonical: 'carl@example.com', email_verified_at: null }
    const names = { username: 'carl', username_canonical: 'carl' }
    await started.store.users.insert({ ...bob, id: newUserId(), ...names, ...address })
    for (const login_hint of ['bob', 'carl']) {
      const asked = await ask({ login_hint })
      expect([asked.status, Object.keys(asked.body)]).toEqual([200, ['auth_req_id', 'expires_in', 'interval']])
    }
    expect(started.mailResults).toEqual(['queued', 'queued'])
    expect(await started.mails('approval_request')).toEqual([])
  })

  it('is not there where the request is refused, and no more of them than requests', async () => {
    await start()
    await ask({ binding_message: 'x'.repeat(101) })
    await ask({ login_hint: 'nobody' })
    expect(started.mailResults).toEqual([])
    for (let asked = 0; asked < 5; asked += 1) await ask()
    expect(await started.mails('approval_request')).toHaveLength(3)
  })

  it('keeps no request from standing where there is no way to send it, or no more may wait', async () => {
    started = await startAuth({ clients: [desk], mail: { inbox: false } })
    expect((await ask()).status).toBe(200)
    await started.close()
    started = await startAuth({ clients: [desk], mail: { most: 0 } })
    expect((await ask()).status).toBe(200)
    expect(started.mailResults).toEqual(['full'])
  })

  it('is given up once there is nothing to decide any more', async () => {
    await start()
    await ask({ requested_expiry: '60' })
    started.clock.advance(60)
    expect(await started.auth.outbox.deliver()).toBe(0)
    expect((await started.store.audit.list({ type: 'mail_given_up', limit: 1 }))[0]?.result).toBe('expired')
  })

  it('leads to a page on which nothing waits once the request was decided on', async () => {
    await start()
    await ask()
    await decide(await openRequests(), 'deny')
    const page = await browser.get(new URL((await told()).link ?? '').pathname)
    expect([page.has('nothing'), page.has('allow')]).toEqual([true, false])
  })
})

describe('how often a client may ask a user', () => {
  const refusals = async () => {
    const events = await started.store.audit.list({ type: 'backchannel_refused', limit: 10 })
    return events.map(({ result, count, client_id }) => ({ result, count, client_id }))
  }

  it('is three times in ten minutes, also at once, whatever others ask', async () => {
    await start()
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(17)
    expect(refused[0]).toMatchObject({ body: { error: 'too_many_requests' } })
    expect(refused[0]?.headers.get('retry-after')).toBe('600')
    expect(await refusals()).toEqual([{ result: 'asked_too_often', count: 17, client_id: 'bank-desk' }])
    const told = await started.mails('requests_stopped')
    expect(told).toHaveLength(1)
    expect(told[0]?.text).toContain('The <desk>')
    expect((await ask({}, basic('other-desk', 'desk-secret'))).status).toBe(200)
    expect((await ask({ login_hint: 'bob' })).status).toBe(200)
    started.clock.advance(599)
    expect((await ask()).status).toBe(429)
    started.clock.advance(1)
    expect((await ask()).status).toBe(200)
  })

  it('and the mail that tells of it makes no link of the client’s name either', async () => {
    await start({ metadata: { ...desk.metadata, client_name: 'https://evil.example/pay' } })
    for (let asked = 0; asked < 4; asked += 1) await ask()
    const [mail] = await started.mails('requests_stopped')
    expect(mail?.text).toContain('keeps asking')
    expect([mail?.text, mail?.html].join()).not.toMatch(/[/.](evil|example\b(?!\.com))/)
  })

  it('begins anew with each that is agreed to', async () => {
    await start()
    for (let payment = 1; payment <= 5; payment += 1) {
      expect((await ask()).status).toBe(200)
      await decide(await openRequests(), 'allow')
    }
  })

  it('is not at all for ten minutes after a denial', async () => {
    await start()
    await ask()
    await decide(await openRequests(), 'deny')
    const refused = await ask()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '600'])
    expect(await refusals()).toEqual([{ result: 'denied_before', count: 1, client_id: 'bank-desk' }])
    expect((await ask({}, basic('other-desk', 'desk-secret'))).status).toBe(200)
    started.clock.advance(600)
    expect((await ask()).status).toBe(200)
  })

  it('is not at all for ten minutes after the last denial, of several', async () => {
    await start()
    const denyOne = async (): Promise<void> => {
      const page = await openRequests()
      const [, link] = /id="requests"[\s\S]*?href="([^"]+)"/.exec(page.text) ?? []
      const request = page.has('allow') ? page : await browser.get((link ?? '').replaceAll('&amp;', '&'))
      await decide(request, 'deny')
    }
    await ask()
    await ask()
    await denyOne()
    started.clock.advance(50)
    await denyOne()
    started.clock.advance(599)
    expect((await ask()).status).toBe(429)
    started.clock.advance(1)
    expect((await ask()).status).toBe(200)
  })

  it('is not held up by a clock that was set back', async () => {
    await start()
    const other = basic('other-desk', 'desk-secret')
    await ask({}, other)
    await decide(await openRequests(), 'deny')
    for (let asked = 0; asked < 4; asked += 1) await ask()
    started.clock.advance(-86_400)
    for (const who of [deskBasic, other]) expect((await ask({}, who)).status).toBe(200)
  })
})

describe('the page of what waits for a user (CIBA Core section 8)', () => {
  it('shows client, scope and binding message, and leads to tokens', async () => {
    await start()
    const { body } = await ask({ binding_message: 'Order <17>', scope: 'openid orders:read offline_access' })
    expect((await poll(body.auth_req_id)).body.error).toBe('authorization_pending')
    const page = await openRequests()
    expect(page.has('allow') && page.has('deny')).toBe(true)
    for (const shown of ['The &lt;desk&gt;', 'data-scope="orders:read"', 'Order &lt;17&gt;', 'id="asked-from"']) {
      expect(page.text).toContain(shown)
    }
    expect((await decide(page, 'allow')).has('done')).toBe(true)
    started.clock.advance(5)
    const { status, body: tokens } = await poll(body.auth_req_id)
    expect(status).toBe(200)
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'openid orders:read offline_access' })
    expect(tokens.refresh_token).toMatch(/^ghr_/)
    const claims = claimsOf(tokens.access_token ?? '')
    expect(claimsOf(tokens.id_token ?? '')).toMatchObject({ aud: 'bank-desk', sub: claims.sub })
    expect((await openRequests()).has('nothing')).toBe(true)
  })

  it('lists several requests, each with its own decision', async () => {
    await start()
    const first = await ask({ binding_message: 'first' })
    started.clock.advance(1)
    const second = await ask({ binding_message: 'second' })
    const list = await openRequests()
    expect(list.has('requests')).toBe(true)
    const links = [...list.text.matchAll(/<li><div><a href="([^"]+)"/g)].map(([, link]) =>
      (link ?? '').replace('&amp;', '&'),
    )
    expect(links).toHaveLength(2)
    const page = await browser.get(links[1] ?? '')
    expect(page.text).toContain('<strong id="binding-message">second</strong>')
    await decide(page, 'allow')
    expect((await poll(second.body.auth_req_id)).status).toBe(200)
    expect((await poll(first.body.auth_req_id)).body.error).toBe('authorization_pending')
  })

  it('takes no decision of whoever has signed in too long ago for the client', async () => {
    await start({ metadata: { ...desk.metadata, default_max_age: 60 } })
    await openRequests()
    started.clock.advance(61)
    const { body } = await ask()
    const again = await decide(await openRequests(), 'allow')
    expect([again.has('password'), (await poll(body.auth_req_id)).body.error]).toEqual([true, 'authorization_pending'])
    await decide(await browser.signIn(again, 'alice', goodPassword), 'allow')
    const { id_token = '' } = (await poll(body.auth_req_id)).body
    expect(claimsOf(id_token).auth_time).toBe(started.clock.now())
  })

  it('is found from the account, which says so where something waits', async () => {
    await start()
    expect((await openRequests()).text).toContain('href="/account/requests" aria-current="page"')
    const overview = await browser.get('/account')
    expect([overview.has('waiting'), overview.text.includes('href="/account/requests"')]).toEqual([false, true])
    await ask()
    expect((await browser.get('/account')).text).toMatch(/<p id="waiting"[^>]*><a href="\/account\/requests">/)
    await decide(await openRequests(), 'deny')
    expect((await browser.get('/account')).has('waiting')).toBe(false)
  })

  it('is offered by the account only where a client may ask', async () => {
    const offered = async (options: Parameters<typeof startAuth>[0]): Promise<boolean> => {
      started = await startAuth(options)
      browser = new TestBrowser(started.url, issuer)
      await openRequests()
      const { text } = await browser.get('/account')
      await started.close()
      return text.includes('href="/account/requests"')
    }
    const registration = { ...noRegistration, grantTypes: [grantType] } as const
    expect(await offered({})).toBe(false)
    expect(await offered({ settings: { registration } })).toBe(false)
    expect(await offered({ settings: { registration: { ...registration, mode: 'token' } } })).toBe(true)
    await start()
  })

  it('shows nobody what is addressed to somebody else, and takes no decision of theirs', async () => {
    await start()
    const { body } = await ask()
    const ofAlice = await openRequests()
    expect(ofAlice.has('allow')).toBe(true)
    const ofBob = await browser.signIn(await browser.get('/login'), 'bob', goodPassword)
    expect(ofBob.status).toBe(200)
    expect((await openRequests('bob')).has('nothing')).toBe(true)
    // The page that alice was shown, sent on in bob's session.
    const taken = await decide(ofAlice, 'allow')
    expect(taken.status).toBe(404)
    expect((await poll(body.auth_req_id)).body.error).toBe('authorization_pending')
  })

  it('shows no device that was not asked for by its code', async () => {
    await start()
    expect((await openRequests()).has('nothing')).toBe(true)
    const flow = new URL(String((await browser.get('/account/requests')).url)).searchParams.get('flow') ?? ''
    const sent = await browser.post('/device', { flow, session: 'x', decision: 'allow' })
    expect(sent.status).toBe(404)
  })
})

describe('the auth_req_id at the token endpoint (CIBA Core section 11)', () => {
  it('is refused once the user has denied, with the status of a token endpoint', async () => {
    await start()
    const { body } = await ask()
    await decide(await openRequests(), 'deny')
    const answer = await poll(body.auth_req_id)
    expect([answer.status, answer.body.error]).toEqual([400, 'access_denied'])
  })

  it('slows down who polls too early', async () => {
    await start()
    const { body } = await ask()
    expect((await poll(body.auth_req_id)).body.error).toBe('authorization_pending')
    expect((await poll(body.auth_req_id)).body.error).toBe('slow_down')
  })

  it('is nothing to another client and as a device code, and is used once', async () => {
    await start()
    const { body } = await ask()
    await decide(await openRequests(), 'allow')
    expect((await poll(body.auth_req_id, basic('other-desk', 'desk-secret'))).body.error).toBe('invalid_grant')
    expect((await poll('')).body.error).toBe('invalid_request')
    const asDevice = { grant_type: deviceGrantType, device_code: body.auth_req_id ?? '' }
    const refused = await answered(await started.postForm('/oauth/token', asDevice, deskBasic))
    expect(refused.body.error).toBe('invalid_grant')
    expect((await poll(body.auth_req_id)).status).toBe(200)
    expect((await poll(body.auth_req_id)).body.error).toBe('invalid_grant')
  })
})

describe('a ping (CIBA Core section 10.2)', () => {
  type Ping = { readonly headers: IncomingHttpHeaders; readonly body: string }
  const startWithReceiver = async (): Promise<{ readonly pings: Ping[]; readonly arrived: Promise<void> }> => {
    const pings: Ping[] = []
    let tell: () => void = () => {}
    const arrived = new Promise<void>((resolve) => {
      tell = resolve
    })
    receiver = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      request.on('end', () => {
        pings.push({ headers: request.headers, body })
        response.writeHead(204).end()
        tell()
      })
    })
    const server = receiver
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await start({
      metadata: {
        backchannel_token_delivery_mode: 'ping',
        backchannel_client_notification_endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cb`,
      },
    })
    return { pings, arrived }
  }
  const token = 'notification-token-of-the-desk'

  it.each(['allow', 'deny'] as const)('tells the client of a decision to %s, with its own token', async (decision) => {
    const { pings, arrived } = await startWithReceiver()
    const { body } = await ask({ client_notification_token: token })
    await decide(await openRequests(), decision)
    await arrived
    expect(pings).toHaveLength(1)
    expect(pings[0]?.headers).toMatchObject({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })
    expect(JSON.parse(pings[0]?.body ?? '')).toEqual({ auth_req_id: body.auth_req_id })
    expect((await poll(body.auth_req_id)).status).toBe(decision === 'allow' ? 200 : 400)
  })

  it('needs the client’s token, which is kept sealed', async () => {
    await startWithReceiver()
    for (const wrong of ['-', 'short', 'with spaces in it, and long enough']) {
      expect((await ask({ client_notification_token: wrong })).body.error).toBe('invalid_request')
    }
    await ask({ client_notification_token: token })
    const alice = await started.store.users.findByCanonicalName('alice')
    const [row] = alice ? await started.store.decoupledRequests.listPending(alice.id, started.clock.now()) : []
    expect(row?.sealed_notification_token).toEqual(expect.any(String))
    expect(row?.sealed_notification_token).not.toContain(token)
  })

  it('that reaches nobody keeps nobody waiting, and the client can poll', async () => {
    await start({
      metadata: {
        backchannel_token_delivery_mode: 'ping',
        backchannel_client_notification_endpoint: 'http://127.0.0.1:9/',
      },
    })
    const { body } = await ask({ client_notification_token: token })
    expect((await decide(await openRequests(), 'allow')).has('done')).toBe(true)
    expect((await poll(body.auth_req_id)).status).toBe(200)
  })
})
