import { afterEach, describe, expect, it } from 'vitest'
import { optionsOf, PasskeyVisit, wrongAnswers } from '../testing/passkey-visit.ts'
import { claimsOf, goodPassword } from '../testing/start-auth.ts'

let visit: PasskeyVisit
afterEach(() => visit.started.close())

describe('passkeys over the JSON API', () => {
  const options = (body: object = {}): Promise<Response> => visit.started.postJson('/login/passkey/options', body)
  const login = (body: object): Promise<Response> => visit.started.postJson('/login/passkey', body)
  const half = async (): Promise<Record<string, string>> => {
    const answer = await visit.started.postJson('/login', {
      username: 'alice',
      password: goodPassword,
      scope: 'orders:read',
    })
    return (await answer.json()) as Record<string, string>
  }

  it('bring tokens, once for each challenge', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const assertion = visit.authenticator.get(await optionsOf(await options()))
    const answers = await Promise.all([1, 2].map(() => login({ assertion, scope: 'orders:read' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401])
    const tokens = (await answers.find(({ status }) => status === 200)?.json()) as Record<string, string>
    expect(tokens.scope).toBe('orders:read')
    expect(claimsOf(tokens.access_token ?? '')).toMatchObject({ acr: '2', amr: ['pop', 'user', 'mfa'] })
  })

  it.each(wrongAnswers)('refuse %s', async (_name, changes) => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const answer = await login({ assertion: visit.authenticator.get(await optionsOf(await options()), changes) })
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_credentials' }])
  })

  it('refuse what is malformed before anything is looked at', async () => {
    visit = await PasskeyVisit.begin()
    for (const body of [{}, { assertion: 'x' }, { assertion: { id: 'a', rawId: 'a', type: 'public-key' } }]) {
      expect((await login(body)).status).toBe(400)
    }
    const assertion = { id: 'a', rawId: 'a', type: 'public-key', response: {} }
    expect((await login({ assertion, client_id: 'nobody' })).status).toBe(400)
  })

  it('are a method of POST /login/mfa, with a challenge for that token alone', async () => {
    visit = await PasskeyVisit.begin()
    await visit.makePasskey()
    const body = await half()
    expect(body.methods).toEqual(['passkey', 'recovery_code'])
    const { mfa_token } = body
    const asked = await optionsOf(await options({ mfa_token }))
    expect(asked).toMatchObject({ userVerification: 'preferred', allowCredentials: [{ type: 'public-key' }] })
    const show = (assertion: unknown) =>
      visit.started.postJson('/login/mfa', { mfa_token, method: 'passkey', assertion })
    expect((await show(visit.authenticator.get(await optionsOf(await options())))).status).toBe(401)
    const other = await half()
    const ofOther = await optionsOf(await options({ mfa_token: other.mfa_token }))
    expect((await show(visit.authenticator.get(ofOther))).status).toBe(401)
    expect((await show(undefined)).status).toBe(401)
    const good = await show(visit.authenticator.get(asked, { isVerified: false }))
    const tokens = (await good.json()) as Record<string, string>
    expect(claimsOf(tokens.access_token ?? '')).toMatchObject({ acr: '2', amr: ['pwd', 'pop', 'user', 'mfa'] })
    expect(await visit.usesOf()).toEqual([visit.started.clock.now()])
    expect((await options({ mfa_token })).status).toBe(401)
  })

  it('tell nothing of who has one, and stop an address that begins without end', async () => {
    visit = await PasskeyVisit.begin()
    expect((await options({ mfa_token: 'ghm_unknown' })).status).toBe(401)
    const before = await (await options()).json()
    await visit.makePasskey()
    const after = await (await options()).json()
    const withoutChallenge = (value: unknown) => JSON.stringify(value).replace(/"challenge":"[^"]+"/, '')
    expect(withoutChallenge(after)).toBe(withoutChallenge(before))
    let status = 200
    for (let count = 0; count < 1100 && status === 200; count += 1) status = (await options()).status
    expect(status).toBe(429)
  })
})
