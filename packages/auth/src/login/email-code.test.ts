import { afterEach, describe, expect, it } from 'vitest'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { addTotp, currentCode } from '../testing/totp.ts'

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

const start = async (options: Parameters<typeof startAuth>[0] = {}): Promise<void> => {
  started = await startAuth(options)
  browser = new TestBrowser(started.url, issuer)
}
const ask = async (username = 'alice'): Promise<ShownPage> =>
  browser.submit(await browser.get('/login/email'), { username, method: 'email_code' })
const codeOf = async (): Promise<string> => (await started.mails('sign_in_code'))[0]?.code ?? ''
/** Another code than this one. */
const not = (code: string): string => String((Number(code) + 1) % 1e8).padStart(8, '0')

describe('a code from a mail', () => {
  it('signs in the browser that asked for it, typed with a space or without', async () => {
    await start()
    const page = await ask('alice@example.com')
    const code = await codeOf()
    expect(code).toMatch(/^\d{8}$/)
    const done = await browser.submit(page, { code: `${code.slice(0, 4)} ${code.slice(4)}` })
    expect(done.text).toContain('<strong id="username">alice</strong>')
    expect((await browser.get('/account')).has('username')).toBe(true)
  })

  it('is worth nothing in another browser', async () => {
    await start()
    await ask()
    const other = new TestBrowser(started.url, issuer)
    const flow = (await other.get('/login')).form.fields.flow ?? ''
    const answer = await other.post('/login/email/code', { flow, code: await codeOf() })
    expect([answer.status, answer.has('error')]).toEqual([401, true])
  })

  it('can be tried five times, whatever is typed then, also in parallel', async () => {
    await start()
    const page = await ask()
    const code = await codeOf()
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => browser.submit(page, { code: not(code) })))
    expect(outcomes.filter(({ status }) => status === 401)).toHaveLength(5)
    expect(outcomes.filter(({ status }) => status === 429)).toHaveLength(45)
    expect((await browser.submit(page, { code })).status).toBe(429)
  })

  it('is used once, also by several posts at once', async () => {
    await start()
    const page = await ask()
    const code = await codeOf()
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => browser.submit(page, { code })))
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await browser.submit(page, { code })).status).toBe(401)
  })

  it('is good whoever else asks for one, and strangers cannot use up what is asked for from where one signs in', async () => {
    await start({ trustedProxies: ['127.0.0.1'] })
    const from = (address: string) => ({ 'x-forwarded-for': address })
    await started.postJson('/login', { username: 'alice', password: goodPassword }, from('198.51.100.7'))
    const page = await ask()
    const code = await codeOf()
    const mailed = async (address: string): Promise<number> => {
      const body = { username: 'alice' }
      return (await started.postJson('/login/code/send', body, from(address))).status
    }
    const countMails = async () => (await started.mails('sign_in_code')).length
    for (let stranger = 1; stranger < 6; stranger += 1) await mailed(`203.0.113.${stranger}`)
    expect([await mailed('203.0.113.9'), await countMails()]).toEqual([202, 3])
    expect([await mailed('198.51.100.7'), await countMails()]).toEqual([202, 4])
    expect((await browser.submit(page, { code })).has('username')).toBe(true)
  })

  it('is over after ten minutes, and with a newer one', async () => {
    await start()
    const page = await ask()
    const first = await codeOf()
    started.clock.advance(1)
    await ask()
    const second = await codeOf()
    expect((await browser.submit(page, { code: first })).status).toBe(first === second ? 200 : 401)
    started.clock.advance(600)
    expect((await browser.submit(page, { code: second })).status).toBe(401)
  })

  it('is that of the account that a browser has asked for last', async () => {
    await start()
    const unknown = await ask('nobody')
    const page = await ask()
    expect([unknown.status, page.status]).toEqual([200, 200])
    const code = await codeOf()
    expect((await ask('nobody')).status).toBe(200)
    expect((await browser.submit(page, { code })).status).toBe(401)
    // The mails of one second have no order.
    started.clock.advance(1)
    await ask()
    expect((await browser.submit(page, { code: await codeOf() })).has('username')).toBe(true)
  })

  it('lies in the database as a MAC that needs a key', async () => {
    await start()
    await ask()
    const code = await codeOf()
    const [row] = await Promise.all([started.store.mails.listNewest(1)])
    expect(JSON.stringify(row)).not.toContain(code)
  })

  it('does not stand for a second factor', async () => {
    await start()
    const secret = await addTotp(started, 'alice')
    const page = await browser.submit(await ask(), { code: await codeOf() })
    expect(page.has('use-recovery-code')).toBe(true)
    expect((await browser.get('/account')).has('password')).toBe(true)
    started.clock.advance(30)
    const done = await browser.submit(page, { code: currentCode(started, secret) })
    expect(done.text).toContain('<strong id="username">alice</strong>')
  })
})

describe('mails to sign in by', () => {
  it('are three in ten minutes, for one account by all its names; then its owner is told, once', async () => {
    await start()
    const statuses: number[] = []
    for (const name of ['alice', 'ALICE', 'alice@example.com', 'alice', 'alice', 'alice@example.com'])
      statuses.push((await ask(name)).status)
    // The fourth is answered as for nobody: 429 is for what was typed.
    expect(statuses).toEqual([200, 200, 200, 200, 429, 200])
    expect(await started.mails('sign_in_code')).toHaveLength(3)
    expect(await started.mails('sign_in_mails_stopped')).toHaveLength(1)
    started.clock.advance(600)
    expect((await ask()).status).toBe(200)
  })

  it('are refused alike for who does not exist', async () => {
    await start()
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1) statuses.push((await ask('nobody')).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    expect(await started.auth.outbox.listNewest(10)).toEqual([])
  })
})

describe('what strangers can fill', () => {
  it('is bounded: mails that one address asks for, whomever for', async () => {
    await start({ mailRequestLimit: 3 })
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1) statuses.push((await ask(`nobody-${index}`)).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
  })

  it('does not grow by tries with tokens that nobody was given', async () => {
    await start()
    const kept: string[] = []
    const { record } = started.store.signInFailures
    started.store.signInFailures.record = (failures) => {
      kept.push(...failures.map(({ key }) => key))
      return record(failures)
    }
    const answer = await started.postJson('/login/code', { login_token: `ghk_${'A'.repeat(43)}`, code: '12345678' })
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_credentials' }])
    expect(kept).toEqual([])
  })
})

describe('a code from one’s own screens', () => {
  const send = async (username = 'alice'): Promise<string> => {
    const sent = await started.postJson('/login/code/send', { username })
    return ((await sent.json()) as { login_token: string }).login_token
  }

  it('brings tokens that say how', async () => {
    await start()
    const login_token = await send()
    const wrong = await started.postJson('/login/code', { login_token, code: not(await codeOf()) })
    expect([wrong.status, await wrong.json()]).toMatchObject([401, { error: 'invalid_credentials' }])
    const answer = await started.postJson('/login/code', { login_token, code: await codeOf() })
    const { access_token } = (await answer.json()) as { access_token: string }
    expect(claimsOf(access_token)).toMatchObject({ amr: ['email'], acr: '1' })
    expect((await started.postJson('/login/code', { login_token, code: await codeOf() })).status).toBe(401)
  })

  it('asks for the second factor where there is one', async () => {
    await start()
    const secret = await addTotp(started, 'alice')
    const answer = await started.postJson('/login/code', { login_token: await send(), code: await codeOf() })
    const due = (await answer.json()) as { error: string; mfa_token: string }
    expect([answer.status, due.error]).toEqual([401, 'mfa_required'])
    started.clock.advance(30)
    const code = currentCode(started, secret)
    const done = await started.postJson('/login/mfa', { mfa_token: due.mfa_token, method: 'totp', code })
    const { access_token } = (await done.json()) as { access_token: string }
    expect(claimsOf(access_token)).toMatchObject({ amr: ['email', 'otp', 'mfa'], acr: '2' })
  })

  it('does not exist where it is not among the methods', async () => {
    await start({ settings: { signInMethods: new Set(['password']) } })
    expect((await started.postJson('/login/code/send', { username: 'alice' })).status).toBe(403)
    expect((await started.postJson('/login/code', { login_token: 'x', code: '1' })).status).toBe(403)
  })
})
