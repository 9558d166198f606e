import { afterEach, describe, expect, it } from 'vitest'
import { flowOf, PasskeyVisit, wrongAnswers } from '../testing/passkey-visit.ts'

let visit: PasskeyVisit
afterEach(() => visit.started.close())

describe('making a passkey in one’s account (WebAuthn section 7.1)', () => {
  it('keeps it, shows recovery codes with the first factor, and names it', async () => {
    visit = await PasskeyVisit.begin()
    expect((await visit.make(await visit.newPasskeyPage())).has('recovery-codes')).toBe(true)
    const page = await visit.browser.get('/account/security')
    const factor = /data-factor="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const renamed = await visit.browser.post('/account/passkeys/rename', {
      flow: flowOf(page),
      factor,
      name: '<b>mine</b>',
    })
    expect(renamed.text).toContain('&lt;b&gt;mine&lt;/b&gt;')
    const another = await visit.make(await visit.browser.post('/account/passkeys', { flow: flowOf(renamed) }))
    expect(another.has('recovery-codes')).toBe(false)
    expect(another.text.match(/data-factor=/g)).toHaveLength(2)
  })

  it('asks for a sign-in of the last five minutes, and takes nothing of another browser', async () => {
    visit = await PasskeyVisit.begin()
    const page = await visit.newPasskeyPage()
    visit.started.clock.advance(299)
    const own = visit.browser
    visit.forget()
    expect((await visit.make(page)).status).toBe(404)
    visit.browser = own
    visit.started.clock.advance(2)
    expect((await visit.make(page)).has('password')).toBe(true)
    const fields = { flow: flowOf(page), factor: 'x', name: 'x' }
    expect((await visit.browser.post('/account/passkeys/rename', fields)).has('password')).toBe(true)
    expect(await visit.started.store.factors.listByUser((await visit.findAlice()).id)).toEqual([])
  })

  it.each([...wrongAnswers, ['an algorithm that was not offered', { curve: 'P-384' }]] as typeof wrongAnswers)(
    'refuses %s, keeps nothing, and offers to try again',
    async (_name, changes) => {
      visit = await PasskeyVisit.begin()
      const page = await visit.make(await visit.newPasskeyPage(), changes)
      expect([page.status, page.has('error'), page.has('create-passkey')]).toEqual([400, true, true])
      const { id } = await visit.findAlice()
      expect(await visit.started.store.factors.listByUser(id)).toEqual([])
      expect(await visit.started.store.recoveryCodes.count(id)).toBe(0)
      expect((await visit.make(page)).has('recovery-codes')).toBe(true)
    },
  )
})
