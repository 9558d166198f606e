import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BodyChecker } from '../http/check-body.ts'
import { goodPassword, noRegistration, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
beforeEach(async () => {
  const signUp = { mode: 'open', domains: [], scopes: [], roles: [], terms: undefined } as const
  started = await startAuth({ settings: { signUp, registration: { ...noRegistration, mode: 'open' } } })
})
afterEach(() => started.close())

const [username, password] = ['alice', goodPassword]

describe('a member that nobody asked for', () => {
  const email = 'zoe@example.com'
  it.each([
    ['/signup', { email, password, role: 'admin' }, 'role'],
    ['/signup', { email, password, email_verified: true }, 'email_verified'],
    ['/signup', { email, password, scopes: ['orders:write'] }, 'scopes'],
    ['/login', { username, password, roles: ['administrator'] }, 'roles'],
    ['/token/refresh', { refresh_token: 'ghr_x', sub: 'usr_x' }, 'sub'],
    ['/validate', { token: 'x', sub: 'usr_x' }, 'sub'],
    ['/logout', { all: true }, 'all'],
    ['/recover', { username, email }, 'email'],
    ['/admin/api/v1/first-administrator', { setup_token: 'x', username, password, scopes: [] }, 'scopes'],
  ])('is refused and named: POST %s with %j', async (path, body, name) => {
    const answer = await started.postJson(path, body)
    expect({ status: answer.status, ...((await answer.json()) as object) }).toMatchObject({
      status: 400,
      error: 'invalid_request',
      error_description: `The field ${name} is not one of this endpoint`,
    })
    expect(await started.mails('sign_up')).toEqual([])
  })

  it('is refused by every endpoint of JSON that names its members', () => {
    const open = started.auth.endpoints.filter(({ bodyKind, body }) => {
      if (bodyKind !== 'json' || !body) return false
      return !('additionalProperties' in body && body.additionalProperties === false)
    })
    // What a client does not mean of its metadata is left out (RFC 7591 section 2).
    expect(open.map(({ method, path }) => `${method} ${path.split('/').slice(0, 3).join('/')}`)).toEqual([
      'POST /oauth/register',
      'PUT /oauth/register',
    ])
  })

  it('is left alone in a form (RFC 6749 section 3.2), and in what a standard gives a form, as the answer of an authenticator', async () => {
    expect((await started.postForm('/oauth/token', { grant_type: 'nothing', colour: 'blue' })).status).not.toBe(500)
    const passkey = started.auth.endpoints.find(({ path, method }) => path === '/login/passkey' && method === 'POST')
    if (!passkey?.body) throw new Error('there is no such endpoint')
    const response = { clientDataJSON: 'a', authenticatorData: 'a', signature: 'a' }
    const assertion = { id: 'a', rawId: 'a', type: 'public-key', response, clientExtensionResults: {} }
    const checker = new BodyChecker('json', passkey.body)
    expect(checker.parse(JSON.stringify({ assertion }))).toEqual({ assertion })
  })
})
