import { afterEach, describe, expect, it } from 'vitest'
import { relyingPartyOf } from '../domain/passkey-options.ts'
import { createPasskeys } from '../domain/passkeys.ts'
import { signInMethods } from '../domain/sign-in-methods.ts'
import { setPassword, setUserStatus } from '../domain/users.ts'
import { flowOf, optionsOf, PasskeyVisit, sessionCookie, wrongAnswers } from '../testing/passkey-visit.ts'
import type { SoftwareAuthenticator } from '../testing/software-authenticator.ts'
import { issuer } from '../testing/start-auth.ts'
import { proveByPasskey } from './passkey.ts'

let visit: PasskeyVisit
afterEach(() => visit.started.close())

describe('signing in by a passkey on the page (WebAuthn section 7.2)', () => {
  it('is two factors, and says so', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const claims = await visit.claimsFor(await visit.show(await visit.authorize({ acr_values: '2' })))
    expect(claims).toMatchObject({ acr: '2', amr: ['pop', 'user', 'mfa'] })
  })

  it('makes a new session each time, whatever cookie was there', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    visit.browser.cookies.set(sessionCookie, 'A'.repeat(43))
    await visit.show(await visit.browser.get('/login'))
    const first = visit.browser.cookies.get(sessionCookie)
    await visit.show(await visit.browser.get('/login'))
    expect(new Set([first, visit.browser.cookies.get(sessionCookie), 'A'.repeat(43)]).size).toBe(3)
  })

  it.each([...wrongAnswers, ['no user', { userHandle: null }]] as typeof wrongAnswers)(
    'refuses %s, and offers to try again',
    async (_name, changes) => {
      visit = await PasskeyVisit.begin()
      await visit.makePasskey()
      const page = await visit.show(await visit.browser.get('/login'), changes)
      expect([page.status, page.has('error'), page.has('use-passkey')]).toEqual([401, true, true])
      expect(visit.browser.cookies.has(sessionCookie)).toBe(false)
      expect(visit.started.signIns.at(-1)).toMatch(/wrong|refused/)
    },
  )

  it('refuses a counter that goes back, and tells the account’s history', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey('alice', { count: 3 })
    expect((await visit.show(await visit.browser.get('/login'), { count: 2 })).status).toBe(401)
    await visit.show(await visit.browser.get('/login'), { count: 4 })
    expect((await visit.browser.get('/account/history')).text).toContain('data-event="passkey_went_back"')
  })

  it('says the same of a passkey that nobody has, of a forged one, and of a disabled account’s', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const shown: string[] = []
    const show = async (change: (assertion: ReturnType<SoftwareAuthenticator['get']>) => unknown) => {
      visit.forget()
      const page = await visit.browser.get('/login')
      const assertion = visit.authenticator.get(await optionsOf(await visit.fetchOptions(page)))
      const answer = await visit.answerOn(page, change(assertion))
      shown.push(`${answer.status} ${answer.text.replaceAll(flowOf(page), 'FLOW')}`)
    }
    await show((assertion) => ({ ...assertion, id: 'AAAA', rawId: 'AAAA' }))
    await show(({ response, ...assertion }) => ({ ...assertion, response: { ...response, signature: 'AAAA' } }))
    await setUserStatus(
      { store: visit.started.store, clock: visit.started.clock, revocations: visit.started.auth.revocations },
      { id: (await visit.findAlice()).id, status: 'disabled' },
      { actor: 'test' },
    )
    await show((assertion) => assertion)
    expect(new Set(shown).size).toBe(1)
    expect(shown[0]).toMatch(/^401 /)
  })

  it('takes a challenge once, in the flow and in the browser that it was made for', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const page = await visit.browser.get('/login')
    const assertion = visit.authenticator.get(await optionsOf(await visit.fetchOptions(page)))
    const answers = await Promise.all([1, 2, 3].map(() => visit.answerOn(page, assertion)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    visit.forget()
    const [one, other] = [await visit.browser.get('/login'), await visit.browser.get('/login')]
    expect(
      (await visit.answerOn(other, visit.authenticator.get(await optionsOf(await visit.fetchOptions(one))))).status,
    ).toBe(401)
    visit.forget()
    expect((await visit.fetchOptions(one)).status).toBe(404)
    expect((await visit.answerOn(one, assertion)).status).toBe(404)
  })

  it('is begun and answered by no other site', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const page = await visit.browser.get('/login')
    expect((await visit.fetchOptions(page, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const answer = JSON.stringify(visit.authenticator.get(await optionsOf(await visit.fetchOptions(page))))
    const fields = { flow: flowOf(page), answer }
    expect((await visit.browser.post('/login/passkey/form', fields, { origin: 'https://evil.test' })).status).toBe(403)
    for (const text of ['', '[]', '{}', '{"id":"a b"}', answer.slice(1)]) {
      expect((await visit.browser.post('/login/passkey/form', { ...fields, answer: text })).status).toBe(400)
    }
  })

  it('asks everybody for the same, whoever they may be', async () => {
    visit = await PasskeyVisit.begin()
    const before = await optionsOf(await visit.fetchOptions(await visit.browser.get('/login')))
    await visit.makePasskey()
    const after = await optionsOf(await visit.fetchOptions(await visit.browser.get('/login')))
    expect({ ...after, challenge: '' }).toEqual({ ...before, challenge: '' })
    expect(after).toMatchObject({ rpId: 'auth.example.com', allowCredentials: [], userVerification: 'required' })
  })

  it('is for accounts without a password too, and not for passkeys that were removed', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const { id, password_hash } = await visit.findAlice()
    const change = { id, expected: password_hash, hash: null, at: visit.started.clock.now() }
    await visit.started.store.users.setPasswordHash(change)
    const page = await visit.show(await visit.browser.get('/account/security'))
    expect(page.has('passkeys')).toBe(true)
    const factor = /data-factor="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const removed = await visit.browser.post('/account/factors/remove', { flow: flowOf(page), factor })
    expect(removed.has('no-passkeys')).toBe(true)
    expect(await visit.started.store.recoveryCodes.count(id)).toBe(0)
    visit.forget()
    expect((await visit.show(await visit.browser.get('/login'))).status).toBe(401)
  })
})

describe('an account that changes while somebody signs in by its passkey', () => {
  it.each(['disabled', 'without the passkey', 'with another password'])('lets nobody in: %s', async (change) => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const { store, clock, auth } = visit.started
    const { notices, passwords, revocations } = auth
    const passkeys = createPasskeys({ store, clock, notices, relyingParty: relyingPartyOf(issuer) })
    const dependencies = { store, clock, passkeys, notices, passwords, revocations }
    const user = await visit.findAlice()
    const changes: Record<string, () => Promise<unknown>> = {
      disabled: () => setUserStatus(dependencies, { id: user.id, status: 'disabled' }, { actor: 'test' }),
      'without the passkey': () => store.factors.deleteByUser(user.id),
      'with another password': () =>
        setPassword(dependencies, { user, password: 'another long passphrase', minimumLength: 15 }, { actor: 'test' }),
    }
    const tried = { assertion: visit.authenticator.get(await passkeys.beginAssertion({})), place: {}, by: {} }
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
