import { seconds } from '@gatehouse/core/time'
import { buildFactor } from '@gatehouse/store/testing/rows'
import { describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { newPkce, type TestBrowser } from '../testing/browser.ts'
import { useProviderVisits } from '../testing/provider-visit.ts'

const visits = useProviderVisits()
const redirectUri = 'https://app.example.com/cb'
const web = {
  id: 'web',
  secret: 'web-secret',
  grantTypes: ['authorization_code'] as const,
  scopes: ['openid'],
  metadata: { redirect_uris: [redirectUri] },
  permissions: { ...noPermissions, skipConsent: true },
}
const hours = 3600
const start = () => visits.start([visits.provider(), visits.plainProvider()], {}, [web])
const authTimeIn = async (browser: TestBrowser) => (await visits.sessionIn(browser))?.session.auth_time
/** What an app hears that takes a sign-in of the last five minutes alone, and asks nobody. */
async function isRecent(browser: TestBrowser): Promise<boolean> {
  const asked = {
    ...{ client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'openid', prompt: 'none' },
    ...{ code_challenge: newPkce().challenge, code_challenge_method: 'S256', max_age: '300' },
  }
  const { callback } = await browser.get(`/oauth/authorize?${new URLSearchParams(asked)}`)
  return callback.has('code')
}

describe('a sign-in by a provider is as old as the provider says', () => {
  it('where it answers silently, by what was proven there long ago', async () => {
    const { clock } = await start()
    const browser = visits.newBrowser()
    const long = clock.now() - 8 * hours
    expect((await visits.signIn({ auth_time: long }, browser)).status).toBe(200)
    expect([await authTimeIn(browser), await isRecent(browser)]).toEqual([long, false])
    // Nor is it renewed by coming again, whatever page that is begun from.
    expect((await visits.signIn({ auth_time: long }, browser)).status).toBe(200)
    expect([await authTimeIn(browser), await isRecent(browser)]).toEqual([long, false])
  })

  it('and never newer than now', async () => {
    const { clock } = await start()
    const browser = visits.newBrowser()
    await visits.signIn({ auth_time: clock.now() + 8 * hours }, browser)
    expect([await authTimeIn(browser), await isRecent(browser)]).toEqual([clock.now(), true])
  })

  it('and what a second factor is asked for by counts from the sign-in here', async () => {
    const { clock, store } = await start()
    const browser = visits.newBrowser()
    await visits.signIn({ auth_time: clock.now() - 200 }, browser)
    const user = (await visits.sessionIn(browser))?.user
    if (!user) throw new Error('nobody is signed in')
    await store.factors.insert(buildFactor({ user_id: user.id, created_at: seconds(clock.now() - 100) }))
    const page = await browser.get('/account/linked')
    const flow = /flow=([\w-]{22})/.exec(page.text)?.[1] ?? ''
    expect((await browser.get(`/account/linked/add?provider=corp&flow=${flow}`)).url).toContain('/login/factor')
  })
})

describe('whoever has a session already', () => {
  it('is asked for it anew by the provider', async () => {
    await start()
    const browser = visits.newBrowser()
    const first = await visits.leave(browser)
    expect([first.get('prompt'), first.get('max_age')]).toEqual([null, null])
    await visits.signIn({}, browser)
    const again = await visits.leave(browser)
    expect([again.get('prompt'), again.get('max_age')]).toEqual(['login', '0'])
  })

  it.each(['corp', 'plain'])('has one as old as before by a provider that does not say: %s', async (name) => {
    const { clock } = await start()
    const browser = visits.newBrowser()
    const signIn = async () => {
      const sent = await visits.leave(browser, name)
      await visits.give(sent.get('nonce'))
      visits.upstream.answers.set('/userinfo', (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"sub":"person-1"}')
      })
      return (await visits.comeBack(browser, sent.get('state'), name)).status
    }
    const began = clock.now()
    expect([await signIn(), await authTimeIn(browser)]).toEqual([200, began])
    clock.advance(400)
    expect([await signIn(), await authTimeIn(browser), await isRecent(browser)]).toEqual([200, began, false])
  })
})

it('a device whose app takes late sign-ins alone is let in by one that the provider has asked for anew', async () => {
  const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
  const tv = { ...web, id: 'tv', secret: undefined, authMethod: 'none' as const, grantTypes: [grantType] as const }
  const late = { ...tv, metadata: { default_max_age: 300 } }
  const { postForm, clock } = await visits.start([visits.provider()], {}, [late, { ...tv, id: 'any' }])
  const leaveFor = async (client_id: string): Promise<URLSearchParams> => {
    const begun = await postForm('/oauth/device', { client_id, scope: 'openid' })
    const { user_code } = (await begun.json()) as { readonly user_code: string }
    const page = await browser.submit(await browser.get('/device'), { user_code })
    return visits.leave(browser, 'corp', `?flow=${page.form.fields.flow}`)
  }
  const browser = visits.newBrowser()
  expect((await leaveFor('any')).get('prompt')).toBeNull()
  const sent = await leaveFor('tv')
  expect(sent.get('prompt')).toBe('login')
  await visits.give(sent.get('nonce'), { auth_time: clock.now() - 8 * hours })
  expect((await visits.comeBack(browser, sent.get('state'))).has('allow')).toBe(false)
})
