import { describe, expect, it } from 'vitest'
import { useProviderVisits } from '../testing/provider-visit.ts'
import { goodPassword } from '../testing/start-auth.ts'

const visits = useProviderVisits()

/** From now on the provider hangs up on whoever brings a code. */
const breakTokens = () => visits.upstream.answers.set('/token', (_, response) => void response.destroy())

describe('a provider that does not answer', () => {
  it('is left alone after three sign-ins although it was known where to send people, and nobody else notices', async () => {
    await visits.start([visits.provider(), visits.provider({ name: 'other', title: 'Other' })])
    await visits.signIn()
    for (let tries = 0; tries < 3; tries += 1) {
      const browser = visits.newBrowser()
      const sent = await visits.leave(browser)
      breakTokens()
      const page = await visits.comeBack(browser, sent.get('state'))
      expect([page.status, page.has('sign-in')]).toEqual([503, true])
    }
    const asked = visits.asked('/token')
    const browser = visits.newBrowser()
    const page = await browser.get('/federation/corp/start')
    expect([page.status, page.headers.get('location')]).toEqual([503, null])
    expect(visits.asked('/token')).toBe(asked)
    expect(page.text).toMatch(/<p id="provider-corp"[\s\S]*<a id="provider-other"/)
    expect((await visits.leave(browser, 'other')).get('state')).toMatch(/^[\w-]{43}$/)
    expect((await browser.signIn(await browser.get('/login'), 'alice', goodPassword)).status).toBe(200)
  })

  it('is left alone whatever strangers bring to its addresses meanwhile', async () => {
    const { postForm, url } = await visits.start()
    for (let tries = 0; tries < 3; tries += 1) {
      const browser = visits.newBrowser()
      const sent = await visits.leave(browser)
      breakTokens()
      await visits.comeBack(browser, sent.get('state'))
      await postForm('/federation/corp/logout', { logout_token: 'nonsense' })
      await fetch(`${url}/federation/corp/metadata`)
    }
    expect((await visits.newBrowser().get('/federation/corp/start')).status).toBe(503)
  })
})

describe('a provider that a stranger calls broken', () => {
  it.each(['server_error', 'temporarily_unavailable', 'slow_down'])('is asked on: %s', async (error) => {
    await visits.start([visits.provider(), visits.plainProvider()])
    for (const name of ['corp', 'plain']) {
      for (let tries = 0; tries < 4; tries += 1) {
        const browser = visits.newBrowser()
        const state = (await visits.leave(browser, name)).get('state') ?? ''
        const page = await browser.get(`/federation/${name}/callback?${new URLSearchParams({ error, state })}`)
        expect(page.status).toBe(503)
      }
    }
    expect((await visits.signIn()).status).toBe(200)
    expect((await visits.leave(visits.newBrowser(), 'plain')).get('state')).toMatch(/^[\w-]{43}$/)
  })
})

it('is heard by its logout tokens while it is left alone, by the keys that are known of it', async () => {
  const { clock, postForm } = await visits.start()
  const browser = visits.newBrowser()
  await visits.signIn({ sid: 'there' }, browser)
  for (let tries = 0; tries < 3; tries += 1) {
    const other = visits.newBrowser()
    const sent = await visits.leave(other)
    breakTokens()
    await visits.comeBack(other, sent.get('state'))
  }
  expect((await visits.newBrowser().get('/federation/corp/start')).status).toBe(503)
  const now = clock.now()
  const logout_token = await visits.upstream.signIdToken({
    ...{ sid: 'there', jti: 'once', iat: now, exp: now + 60 },
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
  expect((await postForm('/federation/corp/logout', { logout_token })).status).toBe(200)
  expect(await visits.sessionIn(browser)).toBeUndefined()
})

it('is not taken for broken because a stranger brings a logout that it cannot send', async () => {
  const { postForm } = await visits.start([visits.plainProvider()])
  for (let tries = 0; tries < 4; tries += 1) {
    expect((await postForm('/federation/plain/logout', { logout_token: 'nonsense' })).status).toBe(404)
  }
  expect((await visits.leave(visits.newBrowser(), 'plain')).get('state')).toMatch(/^[\w-]{43}$/)
})
