import { setUserStatus } from '@gatehouse/auth/domain/users'
import { type ShownPage, TestBrowser } from '@gatehouse/auth/testing/browser'
import { goodPassword, issuer, type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'
import type { UserId } from '@gatehouse/core/brand'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/**
 * Finding out who has an account: by what is answered, by how much is done, and by what is left behind. Whoever asks gets the
 * same bytes after the same hashes, rows and events, whether they name somebody or nobody.
 */

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth({ mail: { perRecipient: 100 } })
  const { store, clock, auth } = started
  const alice = await store.users.findByCanonicalName('alice')
  if (!alice) throw new Error('there is alice')
  const named = (name: string) => ({
    ...{ ...alice, id: `usr_${name}` as UserId, username: name, username_canonical: name },
    ...{ email: `${name}@example.com`, email_canonical: `${name}@example.com` },
  })
  await store.users.insert(named('dora'))
  await setUserStatus(
    { store, clock, revocations: auth.revocations },
    { id: 'usr_dora' as UserId, status: 'disabled' },
    {},
  )
  await store.users.insert({ ...named('ulla'), email_verified_at: null })
  await store.users.insert({ ...named('nora'), email: null, email_canonical: null, email_verified_at: null })
  await store.users.insert({ ...named('petra'), password_hash: null })
})
afterEach(() => started.close())

const password = 'a meadow of foxgloves'

/** An answer without what differs from one request to the next, whoever asks. */
const bytesOf = (status: number, headers: Headers, text: string, name: string): string =>
  [
    status,
    ...[...headers].filter(([header]) => !['date', 'set-cookie', 'content-length'].includes(header)).map(String),
    text,
  ]
    .join('\n')
    .replaceAll(/flow(=|" value=")[\w-]{22}/g, 'flow')
    .replaceAll(/gh[a-z]_[\w-]{43}/g, 'token')
    .replaceAll(/req_[\w-]+/g, 'request')
    .replaceAll(name, 'NAME')

interface Seen {
  readonly bytes: string
  readonly hashes: number
  readonly mails: number
  readonly events: number
}

/** What one request looks like from outside, and what it has done inside. */
async function watch(name: string, request: () => Promise<ShownPage | Response>): Promise<Seen> {
  const { auth, store } = started
  const spies = [vi.spyOn(auth.passwords, 'hash'), vi.spyOn(auth.passwords, 'check')]
  const countRows = async () => ({
    mails: (await store.mails.listNewest(1000)).length,
    events: (await store.audit.list({ limit: 1000 })).reduce((sum, { count }) => sum + count, 0),
  })
  const before = await countRows()
  const answer = await request()
  const after = await countRows()
  const hashes = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
  for (const spy of spies) spy.mockRestore()
  const text = answer instanceof Response ? await answer.text() : answer.text
  return {
    bytes: bytesOf(answer.status, answer.headers, text, name),
    hashes,
    mails: after.mails - before.mails,
    events: after.events - before.events,
  }
}

const byPage = (path: string, fields: (name: string) => Record<string, string>) => async (name: string) => {
  const browser = new TestBrowser(started.url, issuer)
  const page = await browser.get(path)
  return () => browser.submit(page, fields(name))
}
const byJson = (path: string, body: (name: string) => object) => async (name: string) => () =>
  started.postJson(path, body(name))

/** Every way in which a stranger can name somebody. */
const ways: Record<string, (name: string) => Promise<() => Promise<ShownPage | Response>>> = {
  'signing in on the page': byPage('/login', (username) => ({ username, password })),
  'signing in by JSON': byJson('/login', (username) => ({ username, password })),
  'recovery on the page': byPage('/recover', (username) => ({ username })),
  'recovery by JSON': byJson('/recover', (username) => ({ username })),
  'asking for a link': byPage('/login/email', (username) => ({ username, method: 'email_link' })),
  'asking for a code': byPage('/login/email', (username) => ({ username, method: 'email_code' })),
  'asking for a code by JSON': byJson('/login/code/send', (username) => ({ username })),
}
const names = {
  'an account': 'alice',
  'an account by its address': 'alice@example.com',
  'a disabled account': 'dora',
  'an account with an unverified address': 'ulla',
  'an account by an unverified address': 'ulla@example.com',
  'an account without an address': 'nora',
  'an account without a password': 'petra',
  'an address that nobody has': 'nobody@example.com',
  'what cannot be a name': 'a\u0001b',
}

describe.each(Object.keys(ways))('%s', (way) => {
  it.each(Object.entries(names))('is the same for %s as for nobody', async (_, name) => {
    const request = ways[way]
    if (!request) throw new Error('no such way')
    const nobody = await watch('nobody', await request('nobody'))
    expect(await watch(name, await request(name))).toEqual(nobody)
  })
})

describe('signing up', () => {
  const signUps = {
    'on the page': byPage('/signup', (email) => ({ email, password })),
    'by JSON': byJson('/signup', (email) => ({ email, password })),
  }

  it.each(Object.entries(signUps))(
    '%s is the same for an address that has an account as for a new one',
    async (_, request) => {
      const fresh = await watch('nobody@example.com', await request('nobody@example.com'))
      expect(fresh).toMatchObject({ hashes: 1, mails: 1 })
      for (const taken of ['alice@example.com', 'ALICE@EXAMPLE.COM', 'dora@example.com', 'ulla@example.com']) {
        expect(await watch(taken, await request(taken)), taken).toEqual(fresh)
      }
    },
  )

  it('tells the owner of the address alone, and changes nothing of the account', async () => {
    const request = signUps['on the page']
    await (await request('alice@example.com'))()
    const told = await started.mail('account_exists')
    expect(told.to).toBe('alice@example.com')
    expect(told.link).toBe(`${issuer}/login`)
    expect(await started.mails('sign_up')).toEqual([])
    expect((await started.postJson('/login', { username: 'alice', password: goodPassword })).status).toBe(200)
  })
})

describe('a code that is wrong', () => {
  it('is the same for whoever it was asked for, as often as it is tried', async () => {
    const outcomes = async (name: string): Promise<readonly string[]> => {
      const sent = await started.postJson('/login/code/send', { username: name })
      const { login_token } = (await sent.json()) as { login_token: string }
      const seen: string[] = []
      for (let index = 0; index < 7; index += 1) {
        const answer = await started.postJson('/login/code', { login_token, code: '00000000' })
        seen.push(bytesOf(answer.status, answer.headers, await answer.text(), name))
      }
      return seen
    }
    const nobody = await outcomes('nobody')
    expect(await outcomes('alice')).toEqual(nobody)
    expect(await outcomes('ulla')).toEqual(nobody)
  })
})

describe('two names of one account', () => {
  const ask = async (username: string): Promise<readonly [number, string]> => {
    const answer = await started.postJson('/login/code/send', { username })
    return [answer.status, ((await answer.json()) as { login_token?: string }).login_token ?? '']
  }
  const guess = async (login_token: string): Promise<number> =>
    (await started.postJson('/login/code', { login_token, code: '00000000' })).status

  it.each(['/login/email', '/recover'])(
    'are refused apart from each other, as if nobody had them: %s',
    async (path) => {
      const statusesOf = async (names: readonly string[]): Promise<readonly number[]> => {
        const statuses: number[] = []
        for (const username of names) {
          const browser = new TestBrowser(started.url, issuer)
          const fields = { username, ...(path === '/recover' ? {} : { method: 'email_link' }) }
          statuses.push((await browser.submit(await browser.get(path), fields)).status)
        }
        return statuses
      }
      const asked = (name: string) => [...Array(4).fill(name), ...Array(4).fill(`${name}@example.com`)] as string[]
      expect(await statusesOf(asked('alice'))).toEqual(await statusesOf(asked('nobody')))
    },
  )

  it('are not told by the codes that are mailed, nor by how often one that was not can be tried', async () => {
    const seenOf = async (name: string) => {
      const statuses: number[] = []
      let last = ''
      for (const username of [name, name, name, `${name}@example.com`, name]) {
        const [status, token] = await ask(username)
        statuses.push(status)
        last = token || last
      }
      for (let index = 0; index < 7; index += 1) statuses.push(await guess(last))
      return statuses
    }
    const seen = await seenOf('nobody')
    expect(seen).toEqual([202, 202, 202, 202, 429, 401, 401, 401, 401, 401, 429, 429])
    expect(await seenOf('alice')).toEqual(seen)
    expect(await started.mails('sign_in_code')).toHaveLength(3)
  })

  it('are not told by how often a code can be tried that the outbox has dropped', async () => {
    await started.close()
    started = await startAuth({ mail: { perRecipient: 2 } })
    const seenOf = async (name: string) => {
      await ask(name)
      await ask(name)
      const [, token] = await ask(`${name}@example.com`)
      const seen: number[] = []
      for (let index = 0; index < 7; index += 1) seen.push(await guess(token))
      return seen
    }
    expect(await seenOf('alice')).toEqual(await seenOf('nobody'))
  })

  it('are not told by a hundred wrong codes for the one', async () => {
    const seenOf = async (name: string) => {
      for (let mail = 0; mail < 21; mail += 1) {
        const [, token] = await ask(name)
        for (let index = 0; index < 5; index += 1) await guess(token)
        started.clock.advance(601)
      }
      const [, token] = await ask(`${name}@example.com`)
      return guess(token)
    }
    expect(await seenOf('nobody')).toBe(401)
    expect(await seenOf('alice')).toBe(401)
  })
})
