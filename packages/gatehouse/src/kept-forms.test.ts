import { request } from 'node:http'
import { endSession } from '@gatehouse/auth/domain/sessions'
import { addUser } from '@gatehouse/auth/domain/users'
import type { ShownPage } from '@gatehouse/auth/testing/browser'
import type { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { goodPassword } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BrowserSite, startBrowserSite } from './testing/browser-site.ts'

let site: BrowserSite
let bob: string
beforeAll(async () => {
  site = await startBrowserSite()
  const { store, clock, program } = site
  const { passwords, revocations } = program.auth
  const added = await addUser(
    { store, clock, passwords, revocations },
    {
      username: 'bob',
      password: goodPassword,
      email: 'bob@example.com',
      roles: [],
      scopes: [],
      minimumPasswordLength: 15,
    },
    { actor: 'test' },
  )
  bob = added.id
})
afterAll(() => site.close())

let browser: HostBrowser
beforeEach(() => {
  browser = site.newBrowser()
  site.received.length = 0
})

const fields = 'item=lamp&item=chair&note=a%0D%0Ab+%26+c&empty='
const boundary = '----gatehouse-test'
/** A form with a file whose bytes are no text. */
const withFile = [
  `--${boundary}\r\nContent-Disposition: form-data; name="item"\r\n\r\nlämp`,
  `--${boundary}\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2`,
  `--${boundary}\r\nContent-Disposition: form-data; name="photo"; filename="a<b>.png"\r\nContent-Type: image/png\r\n\r\n\x00\x01\r\n--x`,
  `--${boundary}--\r\n`,
].join('\r\n')

const signInAs = (login: ShownPage, username = 'alice') => browser.submit(login, { username, password: goodPassword })
/** Sends a form without a session and signs in: what one is shown then. */
const sendAndSignIn = async (path: string, body: string, type?: string, username?: string): Promise<ShownPage> =>
  signInAs(await browser.post(site.app + path, body, type === undefined ? {} : { 'content-type': type }), username)
/** Where a page leads that says that a form waits on. */
const linkOf = ({ text }: ShownPage): string =>
  site.app + (/id="send-again" class="button primary" href="([^"]+)"/.exec(text)?.[1] ?? '')
const isAutomatic = ({ text }: ShownPage): boolean => text.includes('/_gatehouse/assets/submit.js')

describe('a form without a session', () => {
  it('is kept, shown to who has signed in, and sent when they say so: as it was, and once', async () => {
    const page = await sendAndSignIn('/orders?draft=1', fields)
    expect(new URL(page.url).pathname).toBe('/_gatehouse/form')
    expect(page.form.action).toMatch(/^\/orders\?draft=1&gatehouse_form=[\w-]{43}$/)
    expect(page.text).toContain('<dt>item</dt><dd>chair</dd>')
    expect(page.text).toContain('<code id="target">/orders</code>')
    expect(page.text).toContain('alice')
    // Nobody was known when it was sent: it does not go by itself.
    expect(isAutomatic(page)).toBe(false)
    expect(site.received).toEqual([])
    const answer = await browser.submit(page)
    expect(JSON.parse(answer.text)).toMatchObject({ body: fields, url: '/orders?draft=1' })
    expect(site.received).toMatchObject([
      { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ])
    const again = await browser.submit(page)
    expect([again.text.includes('id="gone"'), site.received.length]).toEqual([true, 1])
  })

  it.each([
    ['with a file', `multipart/form-data; boundary=${boundary}`, withFile],
    ['of plain text', 'text/plain', 'note=a\r\nb=1=2\r\n'],
  ])('%s comes as it was, byte for byte', async (_name, type, body) => {
    const page = await sendAndSignIn('/orders', body, type)
    const answer = await browser.submit(page)
    expect(JSON.parse(answer.text)).toMatchObject({ body })
    expect(site.received[0]?.headers).toMatchObject({
      'content-type': type,
      'content-length': String(Buffer.byteLength(body)),
    })
  })

  it('is shown with its files, and without what nobody should read over a shoulder', async () => {
    const { text } = await sendAndSignIn('/orders', withFile, `multipart/form-data; boundary=${boundary}`)
    expect(text).toContain('<dt>item</dt><dd>lämp</dd>')
    expect(text).toContain('<dt>photo</dt><dd>File a&lt;b&gt;.png, 7 bytes</dd>')
    expect(text).toContain('<dt>password</dt><dd>••••</dd>')
    expect(text).not.toContain('hunter2')
  })

  it('is not kept where another site has sent it, where it is no form, or where it is too large', async () => {
    const status = async (body: string, headers: Record<string, string>) => {
      const answer = await browser.post(`${site.app}/orders`, body, headers)
      return answer.url.includes('/login') ? 'kept' : answer.status
    }
    expect(await status(fields, {})).toBe('kept')
    expect(await status(fields, { 'sec-fetch-site': 'cross-site' })).toBe(401)
    expect(await status('{}', { 'content-type': 'application/json' })).toBe(401)
    expect(await status(fields, { 'sec-fetch-mode': 'cors' })).toBe(401)
    expect(await status(fields, { 'content-encoding': 'gzip' })).toBe(401)
    expect(await status(`a=${'x'.repeat(70_000)}`, {})).toBe(401)
  })

  it('waits for half an hour, and then no more', async () => {
    const page = await sendAndSignIn('/orders', fields)
    site.clock.advance(1801)
    expect((await browser.submit(page)).text).toContain('id="gone"')
    expect((await browser.visit(page.url)).text).toContain('id="gone"')
    site.clock.advance(-1801)
    expect(site.received).toEqual([])
  })
})

describe('a form whose sender is known', () => {
  const tooOld = async (): Promise<ShownPage> => {
    await signInAs(await browser.visit(`${site.app}/`))
    site.received.length = 0
    site.clock.advance(400)
    return browser.post(`${site.app}/fresh/pay`, 'amount=3')
  }
  const back = () => site.clock.advance(-400)

  it('goes by itself when they have signed in anew', async () => {
    const login = await tooOld()
    expect(login.url).toContain('/login?')
    const page = await signInAs(login)
    expect(isAutomatic(page)).toBe(true)
    const answer = await browser.submit(page)
    expect(JSON.parse(answer.text)).toMatchObject({ body: 'amount=3', url: '/fresh/pay' })
    back()
  })

  it('goes by itself no more once the service was away, or it would come and go as long as that is', async () => {
    const page = await signInAs(await tooOld())
    expect(isAutomatic(page)).toBe(true)
    await site.stopService()
    const refused = await browser.submit(page)
    await site.startService()
    const shown = await browser.visit(linkOf(refused))
    expect([shown.form.action, isAutomatic(shown)]).toEqual([page.form.action, false])
    back()
  })

  it('is not sent by somebody else who signs in, nor shown to them', async () => {
    const login = await tooOld()
    // Somebody else takes over the browser, and the very same way back.
    for (const name of ['gatehouse_session']) browser.jars.get('localhost:8080')?.delete(name)
    const other = await browser.visit(login.url)
    const page = await signInAs(other, 'bob')
    expect(page.text).toContain('id="gone"')
    expect(page.text).not.toContain('amount')
    expect(site.received).toEqual([])
    back()
  })

  it('is not sent by somebody else either whose session was ended meanwhile, and is nowhere any more', async () => {
    await signInAs(await browser.visit(`${site.app}/`))
    site.received.length = 0
    const { store, clock, program } = site
    const alice = await store.users.findByCanonicalName('alice')
    for (const { id } of alice ? await store.sessions.listByUser(alice.id) : []) {
      const ended = await store.transaction((tables) =>
        endSession({ tables, clock, revocations: program.auth.revocations }, id, { actor: 'test' }),
      )
      await program.auth.revocations.announce(ended)
    }
    const login = await browser.post(`${site.app}/orders`, fields)
    const page = await signInAs(login, 'bob')
    expect([page.text.includes('id="gone"'), page.text.includes('lamp')]).toEqual([true, false])
    expect(site.received).toEqual([])
  })

  it('is kept again where the sign-in has become too old once more, and cannot be sent by the old way then', async () => {
    const page = await signInAs(await tooOld())
    site.clock.advance(400)
    const login = await browser.submit(page)
    expect(login.url).toContain('/login?')
    const second = await signInAs(login)
    expect(isAutomatic(second)).toBe(true)
    expect((await browser.submit(page)).text).toContain('id="gone"')
    await browser.submit(second)
    expect(site.received).toMatchObject([{ url: '/fresh/pay', body: 'amount=3' }])
    site.clock.advance(-400)
    back()
  })
})

it('a form that is kept again is kept once, however many send it together', async () => {
  const page = await sendAndSignIn('/fresh/pay', 'amount=3')
  site.clock.advance(400)
  const action = new URL(page.form.action, page.url).href
  const headers = {
    ...{ accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' },
    ...{ 'sec-fetch-dest': 'document', 'content-length': '0' },
  }
  const answers = await Promise.all(Array.from({ length: 5 }, () => browser.send(action, { method: 'POST', headers })))
  const led = answers.map((answer) => new URL(answer.headers.get('location') ?? '', action).pathname)
  expect(led.filter((path) => path === '/oauth/authorize')).toHaveLength(1)
  expect(led.filter((path) => path === '/_gatehouse/form')).toHaveLength(4)
  site.clock.advance(-400)
})

describe('a form that waits', () => {
  const waiting = () => sendAndSignIn('/orders', fields)

  it('is sent by the browser alone that had sent it, whoever is signed in elsewhere', async () => {
    const page = await waiting()
    const thief = site.newBrowser()
    await site.signIn(thief, `${site.app}/`)
    site.received.length = 0
    const action = new URL(page.form.action, page.url).href
    expect((await thief.post(action, '')).text).toContain('id="gone"')
    expect((await thief.visit(page.url)).text).toContain('id="gone"')
    expect(site.received).toEqual([])
    expect((await browser.submit(page)).status).toBe(200)
  })

  it('is sent by the person alone who has signed in for it', async () => {
    const page = await waiting()
    const cookies = browser.jars.get('shop.localhost:8080')
    browser.jars.get('localhost:8080')?.delete('gatehouse_session')
    cookies?.delete('gatehouse_app')
    await signInAs(await browser.visit(`${site.app}/`), 'bob')
    expect(site.received.at(-1)?.headers['x-gatehouse-subject']).toBe(bob)
    site.received.length = 0
    expect((await browser.submit(page)).status).toBe(403)
    expect((await browser.visit(page.url)).text).toContain('id="gone"')
    expect(site.received).toEqual([])
  })

  it('is sent also by a browser that tells by Origin alone where a form comes from', async () => {
    const page = await waiting()
    const { href, origin } = new URL(page.form.action, page.url)
    // Spec: Fetch section 3.2, append a request Origin header.
    const told = page.headers.get('referrer-policy') === 'no-referrer' ? 'null' : origin
    const headers = { accept: 'text/html', origin: told, 'content-length': '0' }
    expect((await browser.send(href, { method: 'POST', headers })).status).toBe(200)
    expect(site.received).toMatchObject([{ method: 'POST', url: '/orders', body: fields }])
  })

  it('asks anew where the session has ended meanwhile: somebody else may sit at the browser', async () => {
    const page = await waiting()
    browser.jars.get('localhost:8080')?.delete('gatehouse_session')
    browser.jars.get('shop.localhost:8080')?.delete('gatehouse_app')
    const second = await signInAs(await browser.submit(page))
    expect([isAutomatic(second), site.received]).toEqual([false, []])
    expect((await browser.submit(second)).status).toBe(200)
  })

  it('does not go by itself that was sent by the cookie of a session that is over', async () => {
    await signInAs(await browser.visit(`${site.app}/`))
    site.received.length = 0
    const idle = 31 * 86_400
    site.clock.advance(idle)
    const page = await signInAs(await browser.post(`${site.app}/orders`, fields))
    expect([isAutomatic(page), site.received]).toEqual([false, []])
    expect((await browser.submit(page)).status).toBe(200)
    site.clock.advance(-idle)
  })

  it('is not sent by another site, nor to another place', async () => {
    const page = await waiting()
    const action = new URL(page.form.action, page.url).href
    expect((await browser.post(action, '', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await browser.post(action, '', { 'sec-fetch-site': 'same-site' })).status).toBe(403)
    expect((await browser.post(action.replace('/orders', '/payments'), '')).text).toContain('id="gone"')
    expect((await browser.post(action.replace('?', '?x=1&'), '')).text).toContain('id="gone"')
    expect((await browser.visit(action)).status).toBe(200)
    expect(site.received).toMatchObject([{ method: 'GET', body: '' }])
    expect((await browser.submit(page)).status).toBe(200)
  })

  it('is sent once, however many send it together', async () => {
    const page = await waiting()
    await Promise.all(Array.from({ length: 10 }, () => browser.submit(page)))
    expect(site.received).toHaveLength(1)
  })

  it('is judged by the rule like any other request', async () => {
    const page = await sendAndSignIn('/api/secrets', fields)
    expect((await browser.submit(page)).status).toBe(403)
    expect(site.received).toEqual([])
  })
})

describe('a form that does not get to the service', () => {
  const isKept = ({ text }: ShownPage): boolean => text.includes('id="still-kept"')

  it('is kept on where no connection can be made, and sent once when there is one', async () => {
    const page = await sendAndSignIn('/orders?draft=1', withFile, `multipart/form-data; boundary=${boundary}`)
    await site.stopService()
    const refused = await browser.submit(page)
    expect([refused.status, isKept(refused)]).toEqual([502, true])
    const shown = await browser.visit(linkOf(refused))
    expect(shown.form.action).toBe(page.form.action)
    await site.startService()
    const answers = await Promise.all([browser.submit(shown), browser.submit(shown)])
    expect(answers.map(({ status }) => status)).toContain(200)
    expect(site.received).toMatchObject([{ url: '/orders?draft=1', body: Buffer.from(withFile).toString() }])
  })

  it('waits for somebody else who sends it no more than before', async () => {
    const page = await sendAndSignIn('/orders', fields)
    await site.stopService()
    const refused = await browser.submit(page)
    await site.startService()
    const other = site.newBrowser()
    await other.submit(await other.visit(`${site.app}/`), { username: 'bob', password: goodPassword })
    expect((await other.visit(linkOf(refused))).text).toContain('id="gone"')
  })

  it('is gone where the service may have heard of it: it is sent once', async () => {
    const page = await sendAndSignIn('/broken', fields)
    const refused = await browser.submit(page)
    expect([refused.status, isKept(refused)]).toEqual([502, false])
    expect((await browser.submit(page)).text).toContain('id="gone"')
  })

  it('waits on where the route has had enough requests', async () => {
    const page = await sendAndSignIn('/limited', fields)
    expect((await browser.visit(`${site.app}/limited`)).status).toBe(200)
    const refused = await browser.submit(page)
    expect([refused.status, isKept(refused)]).toEqual([429, true])
    site.clock.advance(60)
    expect((await browser.submit(await browser.visit(linkOf(refused)))).status).toBe(200)
    expect(site.received).toMatchObject([{ method: 'GET' }, { method: 'POST', body: fields }])
    site.clock.advance(-60)
  })

  it('waits on where its sender went away before the service heard of it', async () => {
    const page = await sendAndSignIn('/orders', fields)
    const { consume } = site.store.keptForms
    let isTaken = false
    vi.spyOn(site.store.keptForms, 'consume').mockImplementation(async (hash, now) => {
      const row = await consume(hash, now)
      isTaken = true
      await new Promise((done) => setTimeout(done, 100))
      return row
    })
    const { host, pathname, search, origin } = new URL(page.form.action, page.url)
    const cookie = [...(browser.jars.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = {
      host,
      cookie,
      origin,
      accept: 'text/html',
      'sec-fetch-site': 'same-origin',
      'content-length': '0',
    }
    const gone = request({ host: '127.0.0.1', port: site.port, method: 'POST', path: pathname + search, headers })
    gone.on('error', () => undefined).end()
    await vi.waitFor(() => expect(isTaken).toBe(true))
    gone.destroy()
    await new Promise((done) => setTimeout(done, 250))
    expect(site.received).toEqual([])
    expect((await browser.submit(page)).status).toBe(200)
    expect(site.received).toMatchObject([{ body: fields }])
  })

  it('is not told to be kept where that failed', async () => {
    const page = await sendAndSignIn('/orders', fields)
    await site.stopService()
    const insert = vi.spyOn(site.store.keptForms, 'insert').mockRejectedValue(new Error('away'))
    const refused = await browser.submit(page)
    insert.mockRestore()
    await site.startService()
    expect([refused.status, isKept(refused)]).toEqual([502, false])
  })
})
