import { afterEach, describe, expect, it } from 'vitest'
import type { RequestOptions } from '../domain/passkey-options.ts'
import { replaceRecoveryCodes } from '../domain/recovery-codes.ts'
import { addUser } from '../domain/users.ts'
import { askedOn, flowOf, PasskeyVisit, sessionCookie } from '../testing/passkey-visit.ts'
import { goodPassword } from '../testing/start-auth.ts'

let visit: PasskeyVisit
afterEach(() => visit.started.close())

describe('a passkey as the second factor', () => {
  it('is asked for after the password, and enough there without looking who holds it', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const page = await visit.signIn(await visit.authorize())
    expect([page.has('show-passkey'), page.has('code'), page.has('use-recovery-code')]).toEqual([true, false, true])
    expect(visit.browser.cookies.has(sessionCookie)).toBe(false)
    expect(askedOn<RequestOptions>(page).options.allowCredentials).toHaveLength(1)
    const claims = await visit.claimsFor(await visit.showFactor(page, { isVerified: false }))
    expect(claims).toMatchObject({ acr: '2', amr: ['pwd', 'pop', 'user', 'mfa'] })
    expect(await visit.usesOf()).toEqual([visit.started.clock.now()])
  })

  it('is all that is asked for where an app wants more than the password was', async () => {
    visit = await PasskeyVisit.begin()
    await visit.make(await visit.newPasskeyPage())
    visit.started.clock.advance(60)
    const page = await visit.authorize({ acr_values: '2' })
    expect([page.has('show-passkey'), page.has('password')]).toEqual([true, false])
    expect(await visit.claimsFor(await visit.showFactor(page))).toMatchObject({
      acr: '2',
      auth_time: visit.started.clock.now() - 60,
    })
  })

  it('that has worn off stays the key that it was, and goes on beside another factor', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    await visit.show(await visit.browser.get('/login'))
    expect(await visit.claimsFor(await visit.authorize())).toMatchObject({ acr: '2', amr: ['pop', 'user', 'mfa'] })
    visit.started.clock.advance(86_401)
    expect(await visit.claimsFor(await visit.authorize())).toMatchObject({ acr: '1', amr: ['pop', 'user'] })
    const { store, clock } = visit.started
    const [code = ''] = await replaceRecoveryCodes(store, clock, (await visit.findAlice()).id)
    const flow = flowOf(await visit.authorize({ acr_values: '2' }))
    const answer = await visit.browser.post('/login/factor', { flow, method: 'recovery_code', code })
    expect(await visit.claimsFor(answer)).toMatchObject({ acr: '2', amr: ['pop', 'user', 'rc', 'mfa'] })
  })

  it('is the user’s own, and shown for this very flow', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const { store, clock, auth } = visit.started
    const bob = { username: 'bob', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 }
    await addUser({ store, clock, passwords: auth.passwords, revocations: auth.revocations }, bob, { actor: 'test' })
    await visit.make(await visit.newPasskeyPage('bob'))
    visit.forget()
    const page = await visit.signIn(await visit.browser.get('/login'))
    const { options } = askedOn<RequestOptions>(page)
    const send = (assertion: unknown) =>
      visit.browser.post('/login/factor', { flow: flowOf(page), method: 'passkey', answer: JSON.stringify(assertion) })
    expect((await send(visit.authenticator.get({ ...options, allowCredentials: [] }))).status).toBe(401)
    const other = await visit.signIn(await visit.browser.get('/login'))
    expect((await send(visit.authenticator.get(askedOn<RequestOptions>(other).options))).status).toBe(401)
    expect((await send({})).status).toBe(401)
    expect((await visit.showFactor(page)).status).toBe(401)
    expect((await visit.showFactor(await visit.signIn(await visit.browser.get('/login')))).has('username')).toBe(true)
  })

  it('lets a browser be remembered', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    await visit.showFactor(await visit.signIn(await visit.browser.get('/login')), {}, { remember: 'yes' })
    visit.browser.cookies.delete(sessionCookie)
    expect((await visit.signIn(await visit.browser.get('/login'))).has('username')).toBe(true)
  })

  it('can be what those set up who must have one', async () => {
    visit = await PasskeyVisit.begin(['clerk'])
    const page = await visit.signIn(await visit.authorize())
    const address = /id="passkey-instead"[^>]*href="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const wrong = await visit.make(await visit.browser.get(address), { origin: 'https://evil.test' })
    expect(wrong.status).toBe(400)
    expect(visit.browser.cookies.has(sessionCookie)).toBe(false)
    const codes = await visit.make(wrong)
    const next = /id="continue"[^>]*href="([^"]+)"/.exec(codes.text)?.[1] ?? ''
    const claims = await visit.claimsFor(await visit.browser.get(next))
    expect(claims).toMatchObject({ acr: '2', amr: ['pwd', 'pop', 'user', 'mfa'] })
    visit.forget()
    const again = await visit.signIn(await visit.browser.get('/login'))
    expect((await visit.browser.get(`/login/enrol/passkey?flow=${flowOf(again)}`)).status).toBe(403)
  })
})
