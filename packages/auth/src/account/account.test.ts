import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'
const pkce = newPkce()
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth({
    clients: [
      {
        id: 'spa',
        authMethod: 'none',
        secret: undefined,
        grantTypes: ['authorization_code', 'refresh_token'],
        metadata: { client_name: 'The <i>app</i>', redirect_uris: [redirectUri] },
      },
      {
        id: 'tv',
        authMethod: 'none',
        secret: undefined,
        grantTypes: [deviceGrant, 'refresh_token'],
        scopes: ['orders:read'],
        metadata: { client_name: 'Living room' },
      },
    ],
  })
  browser = new TestBrowser(started.url, issuer)
})
afterEach(() => started.close())

const signIn = (page: ShownPage, password = goodPassword): Promise<ShownPage> => browser.signIn(page, 'alice', password)
const isValid = async (token: string | undefined): Promise<boolean> =>
  ((await (await started.postJson('/validate', { token })).json()) as { valid: boolean }).valid

/** A code for the app, with consent. */
async function askForCode(): Promise<string> {
  const query = new URLSearchParams({
    client_id: 'spa',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid offline_access',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
  })
  let page = await browser.get(`/oauth/authorize?${query}`)
  if (page.has('password')) page = await signIn(page)
  if (page.has('allow')) page = await browser.submit(page, { decision: 'allow' })
  return page.callback.get('code') ?? ''
}

const redeem = (code: string): Promise<Response> =>
  started.postForm('/oauth/token', {
    grant_type: 'authorization_code',
    client_id: 'spa',
    code,
    redirect_uri: redirectUri,
    code_verifier: pkce.verifier,
  })

/** Tokens of the app, with consent. */
const connect = async (): Promise<Record<string, string>> =>
  (await (await redeem(await askForCode())).json()) as Record<string, string>

/** A device that the signed-in user has let in; its code. */
async function approveDevice(): Promise<string> {
  const asked = await started.postForm('/oauth/device', { client_id: 'tv', scope: 'openid offline_access orders:read' })
  const { device_code, user_code } = (await asked.json()) as Record<string, string>
  const page = await browser.submit(await browser.get('/device'), { user_code: user_code ?? '' })
  await browser.submit(page, { decision: 'allow' })
  return device_code ?? ''
}
const fetchForDevice = (device_code: string): Promise<Response> =>
  started.postForm('/oauth/token', { grant_type: deviceGrant, client_id: 'tv', device_code })

describe('the account’s pages', () => {
  it.each(['/account', '/account/password', '/account/sessions', '/account/applications', '/account/security'])(
    'ask who is there, and lead back to %s',
    async (path) => {
      const page = await browser.get(path)
      expect(page.has('password')).toBe(true)
      const shown = await signIn(page)
      expect(shown.url).toBe(started.url + path)
      expect(shown.status).toBe(200)
    },
  )

  it('are shown where nothing can be written, as far as they have no forms', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-account-'))
    const file = { url: join(folder, 'gatehouse.db'), clock: new ManualClock() }
    const [store, other] = [await openStore(file), await openStore(file)]
    const locked = await startAuth({ store, clock: file.clock })
    const visitor = new TestBrowser(locked.url, issuer)
    await visitor.signIn(await visitor.get('/account'), 'alice', goodPassword)
    file.clock.advance(120)
    let unlock = () => {}
    let holds = () => {}
    const held = new Promise<void>((resolve) => (holds = resolve))
    const lock = other.transaction(async ({ users }) => {
      await users.count()
      holds()
      await new Promise<void>((resolve) => (unlock = resolve))
    })
    await held
    try {
      expect((await visitor.get('/account')).status).toBe(200)
      expect((await visitor.get('/account/history')).status).toBe(200)
      expect((await visitor.get('/account/password')).status).toBe(503)
    } finally {
      unlock()
      await lock
      await locked.close()
      await other.close()
      rmSync(folder, { recursive: true })
    }
  })

  it('take no form of another site, of another browser, or of another kind of page', async () => {
    await signIn(await browser.get('/account/sessions'))
    const { flow = '' } = (await browser.get('/account/password')).form.fields
    const foreign = await browser.post(
      '/account/sessions',
      { flow, session: 'others' },
      { 'sec-fetch-site': 'cross-site' },
    )
    expect(foreign.status).toBe(403)
    const stranger = new TestBrowser(started.url, issuer)
    await stranger.get('/account')
    expect((await stranger.post('/account/sessions', { flow, session: 'others' })).status).toBe(404)
    const logout = (await browser.get('/oauth/logout')).form.fields.flow ?? ''
    expect((await browser.post('/account/sessions', { flow: logout, session: 'others' })).status).toBe(404)
  })
})

describe('changing the password', () => {
  it('asks for the old one and for a good new one, and ends every session', async () => {
    const tokens = await connect()
    const page = await browser.get('/account/password')
    const next = 'a long new passphrase'
    expect((await browser.submit(page, { current: 'wrong', new: next })).status).toBe(401)
    expect((await browser.submit(page, { current: goodPassword, new: 'short' })).status).toBe(400)
    expect(await isValid(tokens.access_token)).toBe(true)
    expect((await browser.submit(page, { current: goodPassword, new: next })).has('changed')).toBe(true)
    expect(await isValid(tokens.access_token)).toBe(false)
    expect((await browser.get('/account')).has('password')).toBe(true)
    expect((await signIn(await browser.get('/account'))).status).toBe(401)
    expect((await signIn(await browser.get('/account'), next)).has('username')).toBe(true)
  })

  it('lets nobody guess the old one', async () => {
    const page = await signIn(await browser.get('/account/password'))
    const guess = (current: string) => browser.submit(page, { current, new: 'a long new passphrase' })
    const guesses = await Promise.all(Array.from({ length: 8 }, (_, index) => guess(`wrong ${index}`)))
    expect(guesses.map(({ status }) => status).sort()).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    expect((await guess(goodPassword)).status).toBe(429)
  })

  it('asks for a new sign-in after five minutes', async () => {
    const page = await signIn(await browser.get('/account/password'))
    started.clock.advance(301)
    const answer = await browser.submit(page, { current: goodPassword, new: 'a long new passphrase' })
    expect(answer.has('sign-in')).toBe(true)
  })
})

describe('sessions', () => {
  it('are listed with where they are, and end one by one or all but this one', async () => {
    const elsewhere = await started.signIn()
    const other = new TestBrowser(started.url, issuer)
    await other.signIn(await other.get('/account'), 'alice', goodPassword)
    const page = await signIn(await browser.get('/account/sessions'))
    expect(page.text.match(/data-session=/g)).toHaveLength(3)
    expect(page.has('this-session')).toBe(true)
    const { flow = '' } = page.form.fields
    const { sid } = JSON.parse(Buffer.from(elsewhere.access_token.split('.')[1] ?? '', 'base64url').toString()) as {
      sid: string
    }
    await browser.post('/account/sessions', { flow, session: 'of somebody else' })
    expect(await isValid(elsewhere.access_token)).toBe(true)
    await browser.post('/account/sessions', { flow, session: sid })
    expect(await isValid(elsewhere.access_token)).toBe(false)
    const left = await browser.post('/account/sessions', { flow, session: 'others' })
    expect(left.text.match(/data-session=/g)).toHaveLength(1)
    expect((await other.get('/account')).has('password')).toBe(true)
  })
})

describe('many sessions', () => {
  it('are not all on one page, the present one always is, and all others can be ended', async () => {
    const page = await signIn(await browser.get('/account/sessions'))
    for (let index = 0; index < 30; index += 1) {
      started.clock.advance(1)
      await started.signIn()
    }
    const many = await browser.get('/account/sessions')
    expect(many.text.match(/data-session=/g)).toHaveLength(26)
    expect(many.has('this-session')).toBe(true)
    expect(many.text).toMatch(/id="hidden-sessions">5 /)
    const { flow = '' } = page.form.fields
    const left = await browser.post('/account/sessions', { flow: many.form.fields.flow ?? flow, session: 'others' })
    expect(left.text.match(/data-session=/g)).toHaveLength(1)
  })
})

describe('connected applications', () => {
  it('are listed, and lose everything when they are withdrawn', async () => {
    const tokens = await connect()
    const page = await browser.get('/account/applications')
    expect(page.text).toContain('The &lt;i&gt;app&lt;/i&gt;')
    const after = await browser.submit(page, {})
    expect(after.has('no-applications')).toBe(true)
    expect(await isValid(tokens.access_token)).toBe(false)
    const refresh = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: tokens.refresh_token ?? '' }
    expect((await started.postForm('/oauth/token', refresh)).status).toBe(400)
    const query = new URLSearchParams({
      client_id: 'spa',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid offline_access',
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
    })
    expect((await browser.get(`/oauth/authorize?${query}`)).has('allow')).toBe(true)
  })

  it('get nothing any more for a code that they had not used', async () => {
    const code = await askForCode()
    await browser.submit(await browser.get('/account/applications'), {})
    const refused = await redeem(code)
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_grant' }])
    expect((await redeem(await askForCode())).status).toBe(200)
  })

  it('are devices too, and what one had not fetched is taken back with the rest', async () => {
    await connect()
    const tokens = (await (await fetchForDevice(await approveDevice())).json()) as Record<string, string>
    const waiting = await approveDevice()
    const page = await browser.get('/account/applications')
    expect(page.text).toContain('Living room')
    expect(page.text).toContain('orders:read')
    expect(page.text.match(/data-client=/g)).toHaveLength(2)
    const { flow = '' } = page.form.fields
    const after = await browser.post('/account/applications', { flow, client: 'tv' })
    expect(after.text.match(/data-client=/g)).toHaveLength(1)
    expect(await isValid(tokens.access_token)).toBe(false)
    const refused = await fetchForDevice(waiting)
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'access_denied' }])
  })

  it('are none where somebody has only signed in here', async () => {
    await signIn(await browser.get('/account'))
    await started.signIn()
    expect((await browser.get('/account/applications')).has('no-applications')).toBe(true)
  })
})
