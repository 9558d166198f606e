import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { UserId } from '@gatehouse/core/brand'
import { ManualClock } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { buildFactor, buildLinkedIdentity } from '@gatehouse/store/testing/rows'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSite, get, postJson, type Site } from './running-program.ts'
import { type Service, startService } from './service.ts'

const host = { host: 'auth.example.com' }
const password = 'a password for carol'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

let site: Site
afterEach(() => site.remove())

const login = (username = 'carol', secret = password) =>
  postJson(`${site.url}/login`, { username, password: secret }, host)
const json = (text: string) => JSON.parse(text) as Record<string, unknown>
const orders = '{ scopes: [orders:read] }'

/** Until a running Gatehouse has heard of what the command line did; that takes less than a second. */
const soon = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 1500, interval: 20 })

describe('from the command line', () => {
  it('a user gets other scopes and roles, and whoever loses one goes on with nothing that had it', async () => {
    site = await createSite(service.route('/things', orders))
    await site.start()
    await site.run(['user', 'add', 'carol', '--scope', 'orders:read', '--role', 'clerk'], `${password}\n`)
    const { access_token, refresh_token } = (await login()).json
    const call = () => get(`${site.url}/things`, { ...host, authorization: `Bearer ${access_token}` })
    expect((await call()).status).toBe(200)

    const more = await site.run(['user', 'change', 'carol', '--scope', 'orders:read,orders:reed', '--json'])
    expect(json(more.stdout)).toMatchObject({
      ...{ username: 'carol', scopes: ['orders:read', 'orders:reed'], roles: ['clerk'] },
      ...{ gained: ['orders:reed'], lost: [], sessions_ended: 0 },
      warnings: ['orders:reed: no route, client or role asks for this scope; did you mean orders:read?'],
    })
    expect((await call()).status).toBe(200)
    expect(String((await login()).json.scope).split(' ')).toContain('orders:reed')

    const less = await site.run(['user', 'change', 'carol', '--no-scope', '--role', 'clerk,auditor'])
    expect(less).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/lost orders:read, orders:reed: all/),
    })
    await soon(async () => expect((await call()).status).toBe(401))
    expect((await postJson(`${site.url}/token/refresh`, { refresh_token }, host)).status).toBe(400)
    expect((await login()).json.scope).toBe('')
    const same = await site.run(['user', 'change', 'carol', '--role', 'auditor,clerk'])
    expect(same.stdout).toContain('carol has had the scopes (none) and the roles clerk auditor')
    expect(await site.run(['user', 'change', 'carol'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--no-role'),
    })
    expect(await site.run(['user', 'change', 'nobody', '--no-role'])).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining('no such user') },
    })
  })

  it('a user is removed with all that was issued to them, once that is said to be meant', async () => {
    site = await createSite(service.route('/things', orders))
    await site.start()
    const added = json(
      (await site.run(['user', 'add', 'carol', '--scope', 'orders:read', '--json'], `${password}\n`)).stdout,
    )
    const { access_token } = (await login()).json
    const call = () => get(`${site.url}/things`, { ...host, authorization: `Bearer ${access_token}` })
    expect((await call()).status).toBe(200)
    expect(await site.run(['user', 'remove', 'carol'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    })
    expect((await call()).status).toBe(200)
    const removed = await site.run(['user', 'remove', 'carol', '--yes', '--json'])
    expect(json(removed.stdout)).toEqual({ id: added.id, username: 'carol', removed: true })
    await soon(async () => expect((await call()).status).toBe(401))
    expect((await login()).status).toBe(401)
    expect(json((await site.run(['user', 'list', '--json'])).stdout)).toEqual([])
    expect((await site.run(['user', 'remove', 'carol', '--yes'])).code).toBe(2)
  })

  it('a user is signed out of one session or of all, and second factors that are lost are removed', async () => {
    site = await createSite(service.route('/things', orders))
    await site.start()
    await site.run(['user', 'add', 'carol', '--scope', 'orders:read'], `${password}\n`)
    const tokens = [(await login()).json.access_token, (await login()).json.access_token]
    const statuses = async () => {
      const calls = tokens.map((token) => get(`${site.url}/things`, { ...host, authorization: `Bearer ${token}` }))
      return (await Promise.all(calls)).map(({ status }) => status)
    }
    expect(await statuses()).toEqual([200, 200])
    const sessions = json(`{"all":${(await site.run(['user', 'sessions', 'carol', '--json'])).stdout}}`).all
    expect(sessions).toMatchObject([{ address: '127.0.0.1', amr: ['pwd'] }, { amr: ['pwd'] }])
    // Those of one second come in any order.
    const id = String(json(Buffer.from(String(tokens[0]).split('.')[1] ?? '', 'base64url').toString()).sid)
    expect((await site.run(['user', 'sessions', 'carol'])).stdout).toContain(id)
    const one = await site.run(['user', 'sign-out', 'carol', '--session', id])
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^carol: ended one session; .*second factor/) })
    await soon(async () => expect(await statuses()).toEqual([401, 200]))
    expect(await site.run(['user', 'sign-out', 'carol', '--session', id])).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining('gatehouse user sessions carol') },
    })
    const all = await site.run(['user', 'sign-out', 'carol', '--json'])
    expect(json(all.stdout)).toMatchObject({ username: 'carol', sessions_ended: 1 })
    await soon(async () => expect(await statuses()).toEqual([401, 401]))
    expect(json((await site.run(['user', 'sessions', 'carol', '--json'])).stdout)).toEqual([])
    expect(await site.run(['user', 'reset-factors', 'carol'])).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining('--yes') },
    })
    const reset = await site.run(['user', 'reset-factors', 'carol', '--yes'])
    expect(reset).toMatchObject({ code: 0, stdout: 'carol has no second factor\n' })
  })

  it('whose second factors are removed is said to need a password only where they sign in by no outside provider', async () => {
    site = await createSite(service.route('/things', orders))
    await site.run(['migrate'])
    const ids: Record<string, UserId> = {}
    for (const name of ['carol', 'dave']) {
      const added = json((await site.run(['user', 'add', name, '--no-password', '--json'])).stdout)
      ids[name] = added.id as UserId
    }
    const store = await openStore({ url: join(site.folder, 'data/gatehouse.db'), clock: new ManualClock() })
    try {
      for (const user_id of Object.values(ids)) await store.factors.insert(buildFactor({ user_id, name: 'a\u009b2Jb' }))
      await store.linkedIdentities.insert(buildLinkedIdentity({ user_id: ids.dave as UserId }))
    } finally {
      await store.close()
    }
    expect(await site.run(['user', 'reset-factors', 'carol', '--yes'])).toMatchObject({
      code: 0,
      stdout: 'removed a 2Jb of carol; all sessions ended\n',
      stderr: expect.stringContaining('gatehouse user set-password carol'),
    })
    const linked = await site.run(['user', 'reset-factors', 'dave', '--yes', '--json'])
    expect(json(linked.stdout)).toMatchObject({ username: 'dave', sessions_ended: 0, removed: [{ kind: 'totp' }] })
    expect(json(linked.stdout)).not.toHaveProperty('warnings')
  })

  it('a name or an address that is taken is told in words, with what to do', async () => {
    site = await createSite(service.route('/things', orders))
    await site.run(['migrate'])
    const email = ['--email', 'carol@example.com']
    const first = await site.run(['user', 'add', 'carol', '--no-password', '--scope', 'orders:reed', ...email])
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('warning: orders:reed: no route') })
    const again = await site.run(['user', 'add', 'Carol', '--no-password'])
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('gatehouse user change carol') })
    const address = await site.run(['user', 'add', 'dave', '--no-password', ...email])
    expect(address).toMatchObject({ code: 1, stderr: expect.stringContaining('another user has this address') })
    await site.run(['client', 'add', 'robot'])
    const client = await site.run(['client', 'add', 'robot'])
    expect(client).toMatchObject({ code: 1, stderr: 'gatehouse: The name is taken\n' })
    for (const { stderr } of [again, address]) expect(stderr).not.toMatch(/sqlite|constraint/i)
  })

  it('what a user or a client is given by a name that the configuration does not have is warned of, also the second time', async () => {
    site = await createSite(
      `${service.route('/things', '{ scopes: [orders:read], roles: [clerk] }')}roles: { auditor: { scopes: [orders:audit] } }\n`,
    )
    await site.run(['migrate'])
    const scope = 'orders:raed: no route, client or role asks for this scope; did you mean orders:read?'
    const client = ['client', 'add', 'robot', '--scope', 'orders:raed,orders:audit', '--audience', 'https://no.example']
    const added = await site.run([...client, '--json'])
    expect([added.code, json(added.stdout).warnings]).toEqual([
      0,
      [scope, 'https://no.example: no service has this audience, and no token gets it'],
    ])
    const user = [
      'user',
      'add',
      'carol',
      '--no-password',
      '--scope',
      'orders:raed',
      '--role',
      'auditr,clerk,administrator',
    ]
    const { code, stderr } = await site.run(user)
    expect([code, stderr.trim().split('\n')]).toEqual([
      0,
      [
        `warning: ${scope}`,
        'warning: auditr: neither `roles` nor any rule or provider names this role; did you mean auditor?',
      ],
    ])
    const changed = await site.run(['user', 'change', 'carol', '--role', 'clrk,auditor', '--json'])
    expect(json(changed.stdout).warnings).toEqual([expect.stringContaining('did you mean clerk?')])
  })

  it('a user gets another address, which is theirs at once', async () => {
    site = await createSite()
    await site.run(['migrate'])
    const add = (name: string, email: string) => site.run(['user', 'add', name, '--no-password', '--email', email])
    await add('carol@example.com', 'carol@example.com')
    await add('dave', 'dave@example.com')
    const taken = await site.run(['user', 'change', 'carol@example.com', '--email', 'Dave@example.com'])
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('another user has this address') })
    expect((await site.run(['user', 'change', 'dave', '--email', 'nonsense'])).code).toBe(2)
    const both = ['user', 'change', 'dave', '--email', 'new@example.com', '--role', 'two words']
    expect((await site.run(both)).code).toBe(2)
    expect((await site.run(['user', 'list'])).stdout).not.toContain('new@example.com')
    const changed = await site.run(['user', 'change', 'carol@example.com', '--email', 'caroline@example.com', '--json'])
    expect([changed.code, json(changed.stdout)]).toEqual([
      0,
      expect.objectContaining({
        username: 'caroline@example.com',
        email: 'caroline@example.com',
        email_verified: true,
      }),
    ])
    expect(await site.run(['user', 'change', 'dave', '--email', 'd@example.com', '--no-role'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^dave now has the address d@example.com; before: dave@example.com\ndave has had/),
    })
  })

  it('no user gets a password that is known from a breach; where that cannot be found out it is said', async () => {
    const breached = 'correct horse battery staple 9'
    site = await createSite('passwords: { breached: { file: breached.txt } }\n')
    writeFileSync(join(site.folder, 'breached.txt'), `${createHash('sha1').update(breached).digest('hex')}:3\n`)
    await site.run(['migrate'])
    const refused = { code: 1, stderr: expect.stringContaining('known from a breach') }
    expect(await site.run(['user', 'add', 'carol'], `${breached}\n`)).toMatchObject(refused)
    expect(await site.run(['user', 'add', 'carol'], `${password}\n`)).toMatchObject({ code: 0, stderr: '' })
    expect(await site.run(['user', 'set-password', 'carol'], `${breached}\n`)).toMatchObject(refused)
    // Nobody answers there: what the service does then is to take it.
    site.configure(
      'issuer: https://auth.example.com\nmaster_key: ${KEY}\npasswords: { breached: { url: "https://127.0.0.1:1/range" } }\n',
    )
    const taken = await site.run(['user', 'set-password', 'carol', '--json'], `${breached}\n`)
    expect([taken.code, json(taken.stdout).warnings]).toEqual([0, [expect.stringContaining('could not be asked')]])
    const added = await site.run(['user', 'add', 'dave'], `${breached}\n`)
    expect(added).toMatchObject({ code: 0, stderr: expect.stringContaining('warning: the list of breached passwords') })
  })

  it('a user who is locked out is let in, and it is said until when they were', async () => {
    site = await createSite()
    await site.start()
    await site.run(['user', 'add', 'carol'], `${password}\n`)
    const lock = async (): Promise<string> => {
      await Promise.all(Array.from({ length: 10 }, () => login('carol', 'wrong')))
      // Of one address so many refusals are kept a second.
      await new Promise((done) => setTimeout(done, 1100))
      const refused = await login()
      expect([refused.status, refused.json.error_description]).toEqual([401, 'Invalid credentials'])
      return String(refused.json.request_id)
    }
    const id = await lock()
    const said = await vi.waitFor(
      async () => {
        const finished = await site.run(['explain', id])
        expect(finished.code).toBe(0)
        return finished.stdout
      },
      { timeout: 10_000, interval: 200 },
    )
    expect(said).toMatch(
      /^found: {3}locked until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ after 10 wrong passwords from this address$/m,
    )
    expect(said).toMatch(/^needed: {2}.*gatehouse user enable/m)
    expect((await site.run(['user', 'enable', 'carol'])).code).toBe(0)
    expect((await login()).status).toBe(200)
    await lock()
    expect((await site.run(['user', 'set-password', 'carol'], `${password}\n`)).code).toBe(0)
    expect((await login()).status).toBe(200)
  })
})
