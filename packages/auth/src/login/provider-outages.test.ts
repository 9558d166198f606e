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

it('is not taken for broken because a stranger brings a logout that it cannot send', async () => {
  const { postForm } = await visits.start([visits.plainProvider()])
  for (let tries = 0; tries < 4; tries += 1) {
    expect((await postForm('/federation/plain/logout', { logout_token: 'nonsense' })).status).toBe(404)
  }
  expect((await visits.leave(visits.newBrowser(), 'plain')).get('state')).toMatch(/^[\w-]{43}$/)
})
