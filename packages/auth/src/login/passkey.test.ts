import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { type CreationOptions, type RequestOptions, relyingPartyOf } from '../domain/passkey-options.ts'
import { createPasskeys } from '../domain/passkeys.ts'
import { signInMethods } from '../domain/sign-in-methods.ts'
import { addUser, setPassword, setUserStatus } from '../domain/users.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { type AnswerChanges, SoftwareAuthenticator } from '../testing/software-authenticator.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { proveByPasskey } from './passkey.ts'

const redirectUri = 'https://app.example.com/cb'
const pkce = newPkce()
const session = '__Host-gatehouse_session'

let started: StartedAuth
let browser: TestBrowser
let authenticator: SoftwareAuthenticator
afterEach(() => started.close())

async function start(roles: readonly string[] = []): Promise<void> {
  const web = {
    id: 'web',
    secret: 'web-secret',
    grantTypes: ['authorization_code'] as const,
    metadata: { redirect_uris: [redirectUri] },
    permissions: { ...noPermissions, skipConsent: true },
  }
  const secondFactor = { requiredForRoles: roles, rememberFor: seconds(86_400) }
  started = await startAuth({ settings: { secondFactor }, clients: [web] })
  browser = new TestBrowser(started.url, issuer)
  authenticator = new SoftwareAuthenticator(issuer)
}

const signIn = (page: ShownPage, name = 'alice'): Promise<ShownPage> => browser.signIn(page, name, goodPassword)
const flowOf = (page: ShownPage): string => page.form.fields.flow ?? ''
const forget = (): void => {
  browser = new TestBrowser(started.url, issuer)
}
const findAlice = async () => {
  const user = await started.store.users.findByCanonicalName('alice')
  if (!user) throw new Error('no alice')
  return user
}

/** What a page asks its browser for, and the form that the answer goes into. */
function askedOn<Options>(page: ShownPage): { options: Options; action: string } {
  const [, action = '', text = ''] = /<form class="passkey"[^>]* action="([^"]*)"[^>]* data-options="([^"]*)"/.exec(
    page.text.replaceAll('\n', ' '),
  ) ?? ['', '', '{}']
  // The page is of our own making.
  return { options: JSON.parse(text.replaceAll('&quot;', '"')) as Options, action }
}

/** Makes a passkey on a page that asks for one. */
const make = (page: ShownPage, changes: AnswerChanges = {}): Promise<ShownPage> => {
  const { options, action } = askedOn<CreationOptions>(page)
  const answer = JSON.stringify(authenticator.create(options, changes))
  return browser.post(action, { flow: flowOf(page), name: 'Phone', answer })
}

/** Signs in by the password, and shows the page on which a passkey is made. */
async function newPasskeyPage(name = 'alice'): Promise<ShownPage> {
  const security = await signIn(await browser.get('/account/security'), name)
  return browser.post('/account/passkeys', { flow: flowOf(security) })
}

/** Gives alice a passkey, and forgets who has signed in. */
async function makePasskey(): Promise<void> {
  expect((await make(await newPasskeyPage())).has('recovery-codes')).toBe(true)
  forget()
}

/** When alice’s passkeys were last used, by what is noted of it. */
const usesOf = async () =>
  (await started.store.factors.listByUser((await findAlice()).id)).map(({ last_used_at }) => last_used_at)

/** The challenge that a sign-in page's script fetches. */
async function begin(page: ShownPage, headers: Record<string, string> = {}): Promise<Response> {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return started.postJson('/login/passkey/begin', { flow: flowOf(page) }, { cookie, ...headers })
}
const optionsOf = async (response: Response): Promise<RequestOptions> =>
  ((await response.json()) as { public_key: RequestOptions }).public_key
const answerOn = (page: ShownPage, answer: unknown): Promise<ShownPage> =>
  browser.post('/login/passkey/form', { flow: flowOf(page), answer: JSON.stringify(answer) })
async function signInByPasskey(page: ShownPage, changes: AnswerChanges = {}): Promise<ShownPage> {
  return answerOn(page, authenticator.get(await optionsOf(await begin(page)), changes))
}

const authorize = (more: Record<string, string> = {}): Promise<ShownPage> => {
  const asked = { client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'openid' }
  const challenge = { code_challenge: pkce.challenge, code_challenge_method: 'S256' }
  return browser.get(`/oauth/authorize?${new URLSearchParams({ ...asked, ...challenge, ...more })}`)
}
const claimsFor = async (answer: ShownPage): Promise<Record<string, unknown>> => {
  const form = { grant_type: 'authorization_code', code: answer.callback.get('code') ?? '', redirect_uri: redirectUri }
  const body = { ...form, code_verifier: pkce.verifier }
  const response = await started.postForm('/oauth/token', body, basic('web', 'web-secret'))
  return claimsOf(((await response.json()) as { id_token: string }).id_token)
}

/** What a stranger, or somebody’s own browser in the wrong place, could answer. */
const wrongAnswers: readonly (readonly [string, AnswerChanges])[] = [
  ['another origin', { origin: 'https://evil.test' }],
  ['another relying party', { rpId: 'evil.test' }],
  ['another challenge', { challenge: 'A'.repeat(43) }],
  ['nobody verified', { isVerified: false }],
  ['nobody present', { isPresent: false }],
  ['a frame of another site', { clientData: { crossOrigin: true, topOrigin: 'https://evil.test' } }],
]

describe('signing in by a passkey on the page (WebAuthn section 7.2)', () => {
  it('is two factors, and says so', async () => {
    await start()
    await makePasskey()
    const claims = await claimsFor(await signInByPasskey(await authorize({ acr_values: '2' })))
    expect(claims).toMatchObject({ acr: '2', amr: ['pop', 'user', 'mfa'] })
  })

  it('makes a new session each time, whatever cookie was there', async () => {
    await start()
    await makePasskey()
    browser.cookies.set(session, 'A'.repeat(43))
    await signInByPasskey(await browser.get('/login'))
    const first = browser.cookies.get(session)
    await signInByPasskey(await browser.get('/login'))
    expect(new Set([first, browser.cookies.get(session), 'A'.repeat(43)]).size).toBe(3)
  })

  it.each([
    ...wrongAnswers,
    ['no user', { userHandle: null }],
    ['an old counter', { count: 0 }],
  ] as typeof wrongAnswers)('refuses %s, and offers to try again', async (_name, changes) => {
    await start()
    const { count: _, ...shown } = changes
    await make(await newPasskeyPage(), changes.count === undefined ? {} : { count: 3 })
    forget()
    const page = await signInByPasskey(await browser.get('/login'), changes.count === undefined ? shown : changes)
    expect([page.status, page.has('error'), page.has('use-passkey')]).toEqual([401, true, true])
    expect(browser.cookies.has(session)).toBe(false)
    expect(started.signIns.at(-1)).toMatch(/wrong|refused/)
  })

  it('says the same of a passkey that nobody has, of a forged one, and of a disabled account’s', async () => {
    await start()
    await makePasskey()
    const shown: string[] = []
    const show = async (change: (assertion: ReturnType<SoftwareAuthenticator['get']>) => unknown) => {
      forget()
      const page = await browser.get('/login')
      const assertion = authenticator.get(await optionsOf(await begin(page)))
      const answer = await answerOn(page, change(assertion))
      shown.push(`${answer.status} ${answer.text.replaceAll(flowOf(page), 'FLOW')}`)
    }
    await show((assertion) => ({ ...assertion, id: 'AAAA', rawId: 'AAAA' }))
    await show(({ response, ...assertion }) => ({ ...assertion, response: { ...response, signature: 'AAAA' } }))
    await setUserStatus(
      { store: started.store, clock: started.clock, revocations: started.auth.revocations },
      { id: (await findAlice()).id, status: 'disabled' },
      { actor: 'test' },
    )
    await show((assertion) => assertion)
    expect(new Set(shown).size).toBe(1)
    expect(shown[0]).toMatch(/^401 /)
  })

  it('takes a challenge once, in the flow and in the browser that it was made for', async () => {
    await start()
    await makePasskey()
    const page = await browser.get('/login')
    const assertion = authenticator.get(await optionsOf(await begin(page)))
    const answers = await Promise.all([1, 2, 3].map(() => answerOn(page, assertion)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    forget()
    const [one, other] = [await browser.get('/login'), await browser.get('/login')]
    expect((await answerOn(other, authenticator.get(await optionsOf(await begin(one))))).status).toBe(401)
    forget()
    expect((await begin(one)).status).toBe(404)
    expect((await answerOn(one, assertion)).status).toBe(404)
  })

  it('is begun and answered by no other site', async () => {
    await start()
    await makePasskey()
    const page = await browser.get('/login')
    expect((await begin(page, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const answer = JSON.stringify(authenticator.get(await optionsOf(await begin(page))))
    const fields = { flow: flowOf(page), answer }
    expect((await browser.post('/login/passkey/form', fields, { origin: 'https://evil.test' })).status).toBe(403)
    for (const text of ['', '[]', '{}', '{"id":"a b"}', answer.slice(1)]) {
      expect((await browser.post('/login/passkey/form', { ...fields, answer: text })).status).toBe(400)
    }
  })

  it('asks everybody for the same, whoever they may be', async () => {
    await start()
    const before = await optionsOf(await begin(await browser.get('/login')))
    await makePasskey()
    const after = await optionsOf(await begin(await browser.get('/login')))
    expect({ ...after, challenge: '' }).toEqual({ ...before, challenge: '' })
    expect(after).toMatchObject({ rpId: 'auth.example.com', allowCredentials: [], userVerification: 'required' })
  })

  it('is for accounts without a password too, and not for passkeys that were removed', async () => {
    await start()
    await makePasskey()
    const { id, password_hash } = await findAlice()
    const change = { id, expected: password_hash, hash: null, at: started.clock.now() }
    await started.store.users.setPasswordHash(change)
    const page = await signInByPasskey(await browser.get('/account/security'))
    expect(page.has('passkeys')).toBe(true)
    const factor = /data-factor="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const removed = await browser.post('/account/factors/remove', { flow: flowOf(page), factor })
    expect(removed.has('no-passkeys')).toBe(true)
    expect(await started.store.recoveryCodes.count(id)).toBe(0)
    forget()
    expect((await signInByPasskey(await browser.get('/login'))).status).toBe(401)
  })
})

describe('making a passkey in one’s account (WebAuthn section 7.1)', () => {
  it('keeps it, shows recovery codes with the first factor, and names it', async () => {
    await start()
    expect((await make(await newPasskeyPage())).has('recovery-codes')).toBe(true)
    const page = await browser.get('/account/security')
    const factor = /data-factor="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const renamed = await browser.post('/account/passkeys/rename', {
      flow: flowOf(page),
      factor,
      name: '<b>mine</b>',
    })
    expect(renamed.text).toContain('&lt;b&gt;mine&lt;/b&gt;')
    const another = await make(await browser.post('/account/passkeys', { flow: flowOf(renamed) }))
    expect(another.has('recovery-codes')).toBe(false)
    expect(another.text.match(/data-factor=/g)).toHaveLength(2)
  })

  it('asks for a sign-in of the last five minutes, and takes nothing of another browser', async () => {
    await start()
    const page = await newPasskeyPage()
    started.clock.advance(299)
    const own = browser
    forget()
    expect((await make(page)).status).toBe(404)
    browser = own
    started.clock.advance(2)
    expect((await make(page)).has('password')).toBe(true)
    const fields = { flow: flowOf(page), factor: 'x', name: 'x' }
    expect((await browser.post('/account/passkeys/rename', fields)).has('password')).toBe(true)
    expect(await started.store.factors.listByUser((await findAlice()).id)).toEqual([])
  })

  it.each([...wrongAnswers, ['an algorithm that was not offered', { curve: 'P-384' }]] as typeof wrongAnswers)(
    'refuses %s, keeps nothing, and offers to try again',
    async (_name, changes) => {
      await start()
      const page = await make(await newPasskeyPage(), changes)
      expect([page.status, page.has('error'), page.has('create-passkey')]).toEqual([400, true, true])
      const { id } = await findAlice()
      expect(await started.store.factors.listByUser(id)).toEqual([])
      expect(await started.store.recoveryCodes.count(id)).toBe(0)
      expect((await make(page)).has('recovery-codes')).toBe(true)
    },
  )
})

describe('a passkey as the second factor', () => {
  const show = (page: ShownPage, changes: AnswerChanges = {}, more: Record<string, string> = {}) => {
    const { options, action } = askedOn<RequestOptions>(page)
    const answer = JSON.stringify(authenticator.get(options, changes))
    return browser.post(action, { flow: flowOf(page), method: 'passkey', answer, ...more })
  }

  it('is asked for after the password, and enough there without looking who holds it', async () => {
    await start()
    await makePasskey()
    const page = await signIn(await authorize())
    expect([page.has('show-passkey'), page.has('code'), page.has('use-recovery-code')]).toEqual([true, false, true])
    expect(browser.cookies.has(session)).toBe(false)
    expect(askedOn<RequestOptions>(page).options.allowCredentials).toHaveLength(1)
    const claims = await claimsFor(await show(page, { isVerified: false }))
    expect(claims).toMatchObject({ acr: '2', amr: ['pwd', 'pop', 'user', 'mfa'] })
    expect(await usesOf()).toEqual([started.clock.now()])
  })

  it('is all that is asked for where an app wants more than the password was', async () => {
    await start()
    await make(await newPasskeyPage())
    started.clock.advance(60)
    const page = await authorize({ acr_values: '2' })
    expect([page.has('show-passkey'), page.has('password')]).toEqual([true, false])
    expect(await claimsFor(await show(page))).toMatchObject({ acr: '2', auth_time: started.clock.now() - 60 })
  })

  it('is the user’s own, and shown for this very flow', async () => {
    await start()
    await makePasskey()
    const { store, clock, auth } = started
    const bob = { username: 'bob', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 }
    await addUser({ store, clock, passwords: auth.passwords, revocations: auth.revocations }, bob, { actor: 'test' })
    await make(await newPasskeyPage('bob'))
    forget()
    const page = await signIn(await browser.get('/login'))
    const { options } = askedOn<RequestOptions>(page)
    const send = (assertion: unknown) =>
      browser.post('/login/factor', { flow: flowOf(page), method: 'passkey', answer: JSON.stringify(assertion) })
    expect((await send(authenticator.get({ ...options, allowCredentials: [] }))).status).toBe(401)
    const other = await signIn(await browser.get('/login'))
    expect((await send(authenticator.get(askedOn<RequestOptions>(other).options))).status).toBe(401)
    expect((await send({})).status).toBe(401)
    expect((await show(page)).status).toBe(401)
    expect((await show(await signIn(await browser.get('/login')))).has('username')).toBe(true)
  })

  it('lets a browser be remembered', async () => {
    await start()
    await makePasskey()
    await show(await signIn(await browser.get('/login')), {}, { remember: 'yes' })
    browser.cookies.delete(session)
    expect((await signIn(await browser.get('/login'))).has('username')).toBe(true)
  })

  it('can be what those set up who must have one', async () => {
    await start(['clerk'])
    const page = await signIn(await authorize())
    const address = /id="passkey-instead"[^>]*href="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const wrong = await make(await browser.get(address), { origin: 'https://evil.test' })
    expect(wrong.status).toBe(400)
    expect(browser.cookies.has(session)).toBe(false)
    const codes = await make(wrong)
    const next = /id="continue"[^>]*href="([^"]+)"/.exec(codes.text)?.[1] ?? ''
    const claims = await claimsFor(await browser.get(next))
    expect(claims).toMatchObject({ acr: '2', amr: ['pwd', 'pop', 'user', 'mfa'] })
    forget()
    const again = await signIn(await browser.get('/login'))
    expect((await browser.get(`/login/enrol/passkey?flow=${flowOf(again)}`)).status).toBe(403)
  })
})

describe('an account that changes while somebody signs in by its passkey', () => {
  it.each(['disabled', 'without the passkey', 'with another password'])('lets nobody in: %s', async (change) => {
    await start()
    await makePasskey()
    const { store, clock, auth } = started
    const { notices, passwords, revocations } = auth
    const passkeys = createPasskeys({ store, clock, notices, relyingParty: relyingPartyOf(issuer) })
    const dependencies = { store, clock, passkeys, notices, passwords, revocations }
    const user = await findAlice()
    const changes: Record<string, () => Promise<unknown>> = {
      disabled: () => setUserStatus(dependencies, { id: user.id, status: 'disabled' }, { actor: 'test' }),
      'without the passkey': () => store.factors.deleteByUser(user.id),
      'with another password': () =>
        setPassword(dependencies, { user, password: 'another long passphrase', minimumLength: 15 }, { actor: 'test' }),
    }
    const tried = { assertion: authenticator.get(await passkeys.beginAssertion({})), place: {}, by: {} }
    const counted: string[] = []
    const proven = proveByPasskey(
      { ...dependencies, signInMethods: () => new Set(signInMethods), onSignIn: (result) => counted.push(result) },
      tried,
      async ({ alongside }) => {
        await changes[change]?.()
        return store.transaction(alongside)
      },
    )
    await expect(proven).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect(counted).toEqual(['refused'])
  })
})

describe('passkeys over the JSON API', () => {
  const options = (body: object = {}): Promise<Response> => started.postJson('/login/passkey/options', body)
  const login = (body: object): Promise<Response> => started.postJson('/login/passkey', body)
  const half = async (): Promise<Record<string, string>> => {
    const answer = await started.postJson('/login', { username: 'alice', password: goodPassword, scope: 'orders:read' })
    return (await answer.json()) as Record<string, string>
  }

  it('bring tokens, once for each challenge', async () => {
    await start()
    await makePasskey()
    const assertion = authenticator.get(await optionsOf(await options()))
    const answers = await Promise.all([1, 2].map(() => login({ assertion, scope: 'orders:read' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401])
    const tokens = (await answers.find(({ status }) => status === 200)?.json()) as Record<string, string>
    expect(tokens.scope).toBe('orders:read')
    expect(claimsOf(tokens.access_token ?? '')).toMatchObject({ acr: '2', amr: ['pop', 'user', 'mfa'] })
  })

  it.each(wrongAnswers)('refuse %s', async (_name, changes) => {
    await start()
    await makePasskey()
    const answer = await login({ assertion: authenticator.get(await optionsOf(await options()), changes) })
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_credentials' }])
  })

  it('refuse what is malformed before anything is looked at', async () => {
    await start()
    for (const body of [{}, { assertion: 'x' }, { assertion: { id: 'a', rawId: 'a', type: 'public-key' } }]) {
      expect((await login(body)).status).toBe(400)
    }
    const assertion = { id: 'a', rawId: 'a', type: 'public-key', response: {} }
    expect((await login({ assertion, client_id: 'nobody' })).status).toBe(400)
  })

  it('are a method of POST /login/mfa, with a challenge for that token alone', async () => {
    await start()
    await makePasskey()
    const body = await half()
    expect(body.methods).toEqual(['passkey', 'recovery_code'])
    const { mfa_token } = body
    const asked = await optionsOf(await options({ mfa_token }))
    expect(asked).toMatchObject({ userVerification: 'preferred', allowCredentials: [{ type: 'public-key' }] })
    const show = (assertion: unknown) => started.postJson('/login/mfa', { mfa_token, method: 'passkey', assertion })
    expect((await show(authenticator.get(await optionsOf(await options())))).status).toBe(401)
    const other = await half()
    const ofOther = await optionsOf(await options({ mfa_token: other.mfa_token }))
    expect((await show(authenticator.get(ofOther))).status).toBe(401)
    expect((await show(undefined)).status).toBe(401)
    const good = await show(authenticator.get(asked, { isVerified: false }))
    const tokens = (await good.json()) as Record<string, string>
    expect(claimsOf(tokens.access_token ?? '')).toMatchObject({ acr: '2', amr: ['pwd', 'pop', 'user', 'mfa'] })
    expect(await usesOf()).toEqual([started.clock.now()])
    expect((await options({ mfa_token })).status).toBe(401)
  })

  it('tell nothing of who has one, and stop an address that begins without end', async () => {
    await start()
    expect((await options({ mfa_token: 'ghm_unknown' })).status).toBe(401)
    const before = await (await options()).json()
    await makePasskey()
    const after = await (await options()).json()
    const withoutChallenge = (value: unknown) => JSON.stringify(value).replace(/"challenge":"[^"]+"/, '')
    expect(withoutChallenge(after)).toBe(withoutChallenge(before))
    let status = 200
    for (let count = 0; count < 1100 && status === 200; count += 1) status = (await options()).status
    expect(status).toBe(429)
  })
})
