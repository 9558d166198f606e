import { hash, pbkdf2Sync, scryptSync } from 'node:crypto'
import { formatMoment, seconds } from '@gatehouse/core/time'
import type { Tables } from '@gatehouse/store/store'
import { hash as argon2Hash } from '@node-rs/argon2'
import { hash as bcryptHash } from '@node-rs/bcrypt'
import { afterEach, describe, expect, it } from 'vitest'
import { addUser, canonicalName, getUserByName, setPassword, setUserStatus } from '../domain/users.ts'
import { goodPassword, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
afterEach(() => started.close())

const attempt = async (username: string, password: string, headers: Record<string, string> = {}) => {
  const response = await started.postJson('/login', { username, password }, headers)
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body, retryAfter: response.headers.get('retry-after') }
}
const dependencies = () => ({
  store: started.store,
  clock: started.clock,
  passwords: started.auth.passwords,
  revocations: started.auth.revocations,
  notices: started.auth.notices,
})
const by = { actor: 'test' }

describe('a refused sign-in', () => {
  it('looks the same for an unknown user, a wrong password, a locked and a disabled account', async () => {
    started = await startAuth()
    await addUser(
      dependencies(),
      { username: 'mallory', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 },
      by,
    )
    await addUser(dependencies(), { username: 'nopass', scopes: [], roles: [], minimumPasswordLength: 15 }, by)
    await addUser(
      dependencies(),
      { username: 'locked', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 },
      by,
    )
    await setUserStatus(dependencies(), { id: (await getUserByName(started, 'mallory')).id, status: 'disabled' }, by)
    for (let count = 0; count < 10; count += 1) await attempt('locked', 'wrong')
    const seen = await Promise.all([
      attempt('nobody', goodPassword),
      attempt('alice', 'wrong'),
      attempt('mallory', goodPassword),
      attempt('nopass', goodPassword),
      attempt('locked', goodPassword),
      attempt('\u0000', goodPassword),
    ])
    for (const { status, body } of seen) {
      const { request_id, ...rest } = body
      expect({ status, rest }).toEqual({
        status: 401,
        rest: { error: 'invalid_credentials', error_description: 'Invalid credentials' },
      })
      expect(request_id).toMatch(/^req_/)
    }
  })

  it('is counted the same against where it comes from, whatever it is refused for', async () => {
    started = await startAuth()
    const mallory = { username: 'mallory', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 }
    const { id } = await addUser(dependencies(), mallory, by)
    await setUserStatus(dependencies(), { id, status: 'disabled' }, by)
    const counts: number[] = []
    for (const [name, password] of [
      ['nobody', goodPassword],
      ['alice', 'wrong'],
      ['mallory', goodPassword],
    ] as const) {
      await attempt(name, password)
      const [row] = await started.store.signInFailures.find(['password:address:127.0.0.1'])
      counts.push(row?.count ?? 0)
    }
    expect(counts).toEqual([1, 2, 3])
  })

  it('is audited once a minute for one account and source, and by source alone for unknown accounts', async () => {
    started = await startAuth()
    const keys: string[] = []
    const { record } = started.store.signInFailures
    started.store.signInFailures.record = (failures) => {
      keys.push(...failures.map(({ key }) => key))
      return record(failures)
    }
    for (let count = 0; count < 5; count += 1) await attempt('alice', 'wrong')
    await attempt('my secret typed as a name', 'wrong')
    await attempt('another such name', 'wrong')
    const events = (await started.store.audit.list({ limit: 100, type: 'sign_in' })).filter(
      ({ result }) => result !== 'ok',
    )
    expect(events.map(({ target, count }) => [target === null ? 'unknown' : 'alice', count]).sort()).toEqual([
      ['alice', 5],
      ['unknown', 2],
    ])
    expect(JSON.stringify(events)).not.toContain('secret typed')
    expect(keys.length).toBeGreaterThan(0)
    expect(keys.join()).not.toContain('secret typed')
    started.clock.advance(60)
    await attempt('alice', 'wrong')
    expect(
      (await started.store.audit.list({ limit: 100, type: 'sign_in' })).filter(({ result }) => result !== 'ok'),
    ).toHaveLength(3)
  })
})

describe('throttling', () => {
  it('locks an account for one address after ten failures, whatever spelling, and opens again by itself', async () => {
    started = await startAuth()
    for (const name of ['alice', 'ALICE', ' alice', 'Alice ', 'ａlice']) {
      for (let count = 0; count < 2; count += 1) expect((await attempt(name, 'wrong')).status).toBe(401)
    }
    expect((await attempt('alice', goodPassword)).status).toBe(401)
    started.clock.advance(900)
    expect((await attempt('alice', goodPassword)).status).toBe(200)
  })

  it.each([
    [
      'a password that an administrator sets',
      async () => {
        const user = await getUserByName(started, 'alice')
        await setPassword(dependencies(), { user, password: goodPassword, minimumLength: 15 }, by)
      },
    ],
    [
      'being enabled',
      async () =>
        setUserStatus(dependencies(), { id: (await getUserByName(started, 'alice')).id, status: 'active' }, by),
    ],
  ])('of an account ends by %s, from every address, and strangers stay counted', async (_how, letIn) => {
    const few = { failures: 4, within: 900 }
    const many = { failures: 100, within: 900 }
    started = await startAuth({
      limits: { pair: { failures: 2, within: 900 }, account: few, address: many, unjudged: many, everyone: many },
      trustedProxies: ['127.0.0.1'],
    })
    const addresses = ['203.0.113.1', '203.0.113.2', '203.0.113.3'].map((address) => ({ 'x-forwarded-for': address }))
    for (const from of addresses) for (let count = 0; count < 2; count += 1) await attempt('alice', 'wrong', from)
    for (const name of ['alicia', 'alicia']) await attempt(name, 'wrong', addresses[0])
    for (const from of addresses) expect((await attempt('alice', goodPassword, from)).status).toBe(401)
    const counted = async () =>
      (
        await started.store.signInFailures.find([
          'password:address:203.0.113.1',
          'password:everyone',
          `password:account:${hash('sha256', 'alicia', 'base64url')}`,
          `password:pair:${hash('sha256', 'alicia', 'base64url')}|203.0.113.1`,
        ])
      ).map(({ key, count }) => [key, count])
    const before = await counted()
    expect(before).toHaveLength(4)
    await letIn()
    expect(await counted()).toEqual(before)
    for (const from of addresses) expect((await attempt('alice', goodPassword, from)).status).toBe(200)
  })

  it('says to those who run the place until when it lasts, and to nobody else', async () => {
    const many = { failures: 100, within: 900 }
    const limits = {
      pair: { failures: 2, within: 900 },
      account: { failures: 3, within: 86_400 },
      address: many,
      unjudged: many,
    }
    started = await startAuth({
      limits: { ...limits, everyone: { failures: 10, within: 60 } },
      trustedProxies: ['127.0.0.1'],
    })
    const from = (address: string) => ({ 'x-forwarded-for': address })
    const why = () => started.refusals.map(({ cause }) => (cause instanceof Error ? cause.message : '')).at(-1)
    const at = (later: number) => formatMoment(seconds(started.clock.now() + later))
    for (let count = 0; count < 3; count += 1) await attempt('alice', 'wrong', from('203.0.113.1'))
    const locked = await attempt('alice', goodPassword, from('203.0.113.1'))
    expect(why()).toBe(
      `locked until ${at(86_400)} after 3 wrong passwords from addresses that it has never signed in from`,
    )
    expect(JSON.stringify(locked)).not.toMatch(/locked|until|2027/)
    for (let count = 0; count < 2; count += 1) await attempt('nobody', 'wrong', from('203.0.113.2'))
    await attempt('nobody', 'wrong', from('203.0.113.2'))
    expect(why()).toBe(`locked until ${at(900)} after 2 wrong passwords from this address`)
    for (let count = 0; count < 3; count += 1) await attempt(`name ${count}`, 'wrong', from('203.0.113.3'))
    await attempt('another', 'wrong', from('203.0.113.4'))
    expect(why()).toMatch(/^locked until .* after 10 wrong passwords for any accounts/)
  })

  it('does not last longer where the clock is set back, and goes on counting then', async () => {
    const limits = { failures: 2, within: 900 }
    started = await startAuth({
      limits: { pair: limits, account: limits, address: limits, unjudged: limits, everyone: limits },
    })
    for (let count = 0; count < 2; count += 1) await attempt('alice', 'wrong')
    expect((await attempt('alice', goodPassword)).status).toBe(429)
    started.clock.advance(-3600)
    expect((await attempt('alice', goodPassword)).status).toBe(200)
    for (let count = 0; count < 2; count += 1) await attempt('alice', 'wrong')
    expect((await attempt('alice', goodPassword)).status).toBe(429)
  })

  it('is not slipped under by parallel tries', async () => {
    started = await startAuth({
      limits: {
        pair: { failures: 5, within: 900 },
        account: { failures: 100, within: 900 },
        address: { failures: 1000, within: 900 },
        unjudged: { failures: 1000, within: 900 },
        everyone: { failures: 1000, within: 60 },
      },
    })
    await Promise.all(Array.from({ length: 50 }, () => attempt('alice', 'wrong')))
    const locked = started.signIns.filter((result) => result === 'locked')
    expect(locked).toHaveLength(45)
  })

  it('lets any number of right sign-ins of one account go on side by side', async () => {
    started = await startAuth()
    // Three times as many as may fail: that many hashes wait for each other, and for no more than five seconds.
    const seen = await Promise.all(Array.from({ length: 30 }, () => attempt('alice', goodPassword)))
    expect(seen.map(({ status }) => status)).toEqual(Array(30).fill(200))
  })

  it('forgets failures on success', async () => {
    started = await startAuth()
    for (let round = 0; round < 3; round += 1) {
      for (let count = 0; count < 9; count += 1) await attempt('alice', 'wrong')
      expect((await attempt('alice', goodPassword)).status).toBe(200)
    }
  })

  const from = (address: string) => ({ 'x-forwarded-for': address })

  it('lets strangers lock an account only for addresses that it does not come from', async () => {
    const limits = {
      pair: { failures: 10, within: 900 },
      account: { failures: 20, within: 86_400 },
      address: { failures: 1000, within: 900 },
      unjudged: { failures: 1000, within: 900 },
      everyone: { failures: 10_000, within: 60 },
    }
    started = await startAuth({ trustedProxies: ['127.0.0.1'], limits })
    expect((await attempt('alice', goodPassword, from('192.0.2.1'))).status).toBe(200)
    for (let stranger = 1; stranger <= 25; stranger += 1)
      await attempt('alice', 'wrong', from(`198.51.100.${stranger}`))
    expect((await attempt('alice', goodPassword, from('203.0.113.9'))).status).toBe(401)
    expect((await attempt('alice', goodPassword, from('192.0.2.1'))).status).toBe(200)
  })

  it('counts an IPv6 subscriber as one, and answers 429 past the limit of an address, before any hash', async () => {
    const limits = {
      pair: { failures: 10, within: 900 },
      account: { failures: 100, within: 900 },
      address: { failures: 8, within: 900 },
      unjudged: { failures: 1000, within: 900 },
      everyone: { failures: 10_000, within: 60 },
    }
    started = await startAuth({ trustedProxies: ['127.0.0.1'], limits })
    for (let user = 0; user < 8; user += 1) await attempt(`user${user}`, 'wrong', from(`2001:db8:1:2::${user + 1}`))
    const refused = await attempt('alice', goodPassword, from('2001:db8:1:2:ffff::1'))
    expect([refused.status, refused.body.error, refused.retryAfter]).toEqual([429, 'too_many_requests', '900'])
    expect((await attempt('alice', goodPassword, from('2001:db8:1:3::1'))).status).toBe(200)
  })

  it('does not believe X-Forwarded-For from peers that are no trusted proxy', async () => {
    const limits = {
      pair: { failures: 3, within: 900 },
      account: { failures: 100, within: 900 },
      address: { failures: 4, within: 900 },
      unjudged: { failures: 1000, within: 900 },
      everyone: { failures: 10_000, within: 60 },
    }
    started = await startAuth({ limits })
    for (let user = 0; user < 4; user += 1) await attempt(`user${user}`, 'wrong', from(`198.51.100.${user}`))
    expect((await attempt('alice', goodPassword, from('203.0.113.9'))).status).toBe(429)
  })
})

describe('hashing', () => {
  it('answers 503 with Retry-After past the queue, and at once', async () => {
    started = await startAuth({ hashing: { atATime: 1, mayWait: 2 } })
    const seen = await Promise.all(Array.from({ length: 20 }, (_, index) => attempt(`user${index}`, 'wrong')))
    const turnedAway = seen.filter(({ status }) => status === 503)
    expect(turnedAway.length).toBeGreaterThan(0)
    expect(turnedAway.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true)
    expect(seen.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(3)
  })

  it('refuses a password over 1024 bytes before anything else', async () => {
    started = await startAuth()
    for (const password of ['x'.repeat(1025), 'ü'.repeat(513)]) {
      const { status, body } = await attempt('alice', password)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
    expect(started.signIns).toEqual([])
  })

  it('compares whole passwords: no cut at 72 bytes, no end at NUL, one Unicode form', async () => {
    started = await startAuth()
    const long = `${'long password '.repeat(6)}end`
    await addUser(
      dependencies(),
      { username: 'long', password: long, scopes: [], roles: [], minimumPasswordLength: 15 },
      by,
    )
    await addUser(
      dependencies(),
      { username: 'nul', password: 'before nul\u0000after nul', scopes: [], roles: [], minimumPasswordLength: 15 },
      by,
    )
    await addUser(
      dependencies(),
      { username: 'form', password: 'cafe\u0301 au lait matinal', scopes: [], roles: [], minimumPasswordLength: 15 },
      by,
    )
    expect((await attempt('long', long.slice(0, 72))).status).toBe(401)
    expect((await attempt('long', long)).status).toBe(200)
    expect((await attempt('nul', 'before nul')).status).toBe(401)
    expect((await attempt('nul', 'before nul\u0000after nul')).status).toBe(200)
    expect((await attempt('form', 'caf\u00e9 au lait matinal')).status).toBe(200)
  })

  const salt = Buffer.from('0123456789abcdef')
  const imported: Record<string, () => Promise<string> | string> = {
    'bcrypt $2b$': () => bcryptHash('imported pass', 5),
    'bcrypt $2y$': async () => (await bcryptHash('imported pass', 5)).replace('$2b$', '$2y$'),
    'scrypt (passlib)': () =>
      `$scrypt$ln=10,r=8,p=1$${b64(salt)}$${b64(scryptSync('imported pass', salt, 32, { N: 1024, r: 8, p: 1 }))}`,
    'pbkdf2 (passlib)': () =>
      `$pbkdf2-sha256$1000$${b64(salt).replaceAll('+', '.')}$${b64(pbkdf2Sync('imported pass', salt, 1000, 32, 'sha256')).replaceAll('+', '.')}`,
    'pbkdf2 (PHC)': () =>
      `$pbkdf2-sha512$i=1000$${b64(salt)}$${b64(pbkdf2Sync('imported pass', salt, 1000, 64, 'sha512'))}`,
    'pbkdf2 (Django)': () =>
      `pbkdf2_sha256$1000$saltysalt$${pbkdf2Sync('imported pass', 'saltysalt', 1000, 32, 'sha256').toString('base64')}`,
    'weaker argon2id': () =>
      argon2Hash('imported pass', { algorithm: 2, memoryCost: 8192, timeCost: 1, parallelism: 1 }),
    argon2i: () => argon2Hash('imported pass', { algorithm: 1, memoryCost: 19456, timeCost: 2, parallelism: 1 }),
  }
  const b64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
  for (const [name, make] of Object.entries(imported)) {
    it(`takes over ${name} and replaces it at the first sign-in`, async () => {
      started = await startAuth()
      await addUser(
        dependencies(),
        { username: 'moved', passwordHash: await make(), scopes: [], roles: [], minimumPasswordLength: 15 },
        by,
      )
      expect((await attempt('moved', 'imported fail')).status).toBe(401)
      expect((await attempt('moved', 'imported pass')).status).toBe(200)
      expect((await getUserByName(started, 'moved')).password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      expect((await attempt('moved', 'imported pass')).status).toBe(200)
    })
  }

  it('refuses to import a hash that it could not check', async () => {
    started = await startAuth()
    const add = (passwordHash: string) =>
      addUser(dependencies(), { username: 'x', passwordHash, scopes: [], roles: [], minimumPasswordLength: 15 }, by)
    for (const hash of ['5f4dcc3b5aa765d61d8327deb882cf99', '$1$abc$def', 'plain'])
      await expect(add(hash)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describe('a new password', () => {
  it('must be long enough and not among the first that attackers try', async () => {
    started = await startAuth()
    const user = await getUserByName(started, 'alice')
    const set = (password: string) => setPassword(dependencies(), { user, password, minimumLength: 15 }, by)
    const bad = [
      'short',
      'fourteen chars',
      'passwordpassword',
      'PasswordPassword',
      'aaaaaaaaaaaaaaaaaaaa',
      'alice-alice-alice-1',
      '123456789012345678',
      'qwertyuiopasdfghjkl',
    ]
    for (const password of bad) await expect(set(password), password).rejects.toMatchObject({ code: 'weak_password' })
    await set('a sentence that nobody else would write')
    expect((await attempt('alice', goodPassword)).status).toBe(401)
    expect((await attempt('alice', 'a sentence that nobody else would write')).status).toBe(200)
  })

  it('ends every session, and so does disabling the account', async () => {
    started = await startAuth()
    const user = await getUserByName(started, 'alice')
    const valid = async (token: string) =>
      ((await (await started.postJson('/validate', { token })).json()) as { valid: boolean }).valid
    const first = await started.signIn()
    await setPassword(dependencies(), { user, password: 'another good password', minimumLength: 15 }, by)
    expect(await valid(first.access_token)).toBe(false)
    expect((await started.postJson('/token/refresh', { refresh_token: first.refresh_token })).status).toBe(400)
    const second = await started.signIn({ password: 'another good password' })
    await setUserStatus(dependencies(), { id: user.id, status: 'disabled' }, by)
    expect(await valid(second.access_token)).toBe(false)
    const ended = await started.store.audit.list({ limit: 10, type: 'session_ended' })
    expect(ended.map(({ actor, detail }) => [actor, JSON.parse(detail)])).toEqual(
      Array(2).fill(['test', { user: user.id }]),
    )
    expect((await started.postJson('/token/refresh', { refresh_token: second.refresh_token })).status).toBe(400)
  })
})

describe('a change of password', () => {
  it('holds although a sign-in stored the old hash anew at the same moment', async () => {
    started = await startAuth()
    const user = await getUserByName(started, 'alice')
    let looks = 0
    const store = {
      ...started.store,
      transaction: <T>(run: (tables: Tables) => Promise<T>) =>
        started.store.transaction((tables) => {
          const findById: Tables['users']['findById'] = async (id) => {
            const found = await tables.users.findById(id)
            looks += 1
            // What another process may do on Postgres between the look and the change.
            if (looks === 1)
              await tables.users.setPasswordHash({
                id,
                expected: found?.password_hash ?? null,
                hash: 'x',
                at: user.updated_at,
              })
            return found
          }
          const users = { ...tables.users, findById }
          return run(new Proxy(tables, { get: (all, name) => (name === 'users' ? users : Reflect.get(all, name)) }))
        }),
    }
    const change = { user, password: 'another good password', minimumLength: 15 }
    await setPassword({ ...dependencies(), store }, change, by)
    expect((await attempt('alice', 'another good password')).status).toBe(200)
  })
})

describe('a user name', () => {
  it('has one form in which it is compared', async () => {
    started = await startAuth()
    for (const name of ['Alice', ' alice ', 'ALICE', 'ａｌｉｃｅ']) expect(canonicalName(name)).toBe('alice')
    for (const name of ['', '   ', 'a\u0000b', 'a\nb', 'x'.repeat(256)]) expect(canonicalName(name)).toBeUndefined()
    await expect(
      addUser(dependencies(), { username: 'ALICE', scopes: [], roles: [], minimumPasswordLength: 15 }, by),
    ).rejects.toMatchObject({ code: 'already_exists' })
  })
})
