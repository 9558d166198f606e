import { afterEach, describe, expect, it } from 'vitest'
import { TestBrowser } from '../testing/browser.ts'
import { issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
afterEach(() => started.close())

const visit = () => new TestBrowser(started.url, issuer).get('/dev/inbox')
const tell = async (username = 'alice'): Promise<void> => {
  const user = await started.store.users.findByCanonicalName('alice')
  if (!user) throw new Error('there is alice')
  await started.store.transaction((tables) =>
    started.auth.notices.tell(tables, 'factor_added', {
      user: { ...user, username },
      what: '<img src=x onerror=alert(1)>',
      by: { address: '192.0.2.7' },
    }),
  )
}

describe('the inbox of development mode', () => {
  it('shows mails, the newest first, with links that can be followed and markup that cannot run', async () => {
    started = await startAuth()
    expect((await visit()).has('no-mails')).toBe(true)
    await tell('first')
    started.clock.advance(60)
    await started.auth.outbox.deliver()
    await tell('second')
    const page = await visit()
    expect(page.status).toBe(200)
    expect(page.text.indexOf('account second')).toBeLessThan(page.text.indexOf('account first'))
    expect(page.text.indexOf('account second')).toBeGreaterThan(0)
    expect(page.text).toContain(`<a class="link" href="${issuer}/account">`)
    expect(page.text).toContain('alice@example.com')
    expect(page.text).not.toContain('<img src=x')
    expect(page.text).toContain('&lt;!doctype html&gt;')
  })

  it('does not exist anywhere else', async () => {
    started = await startAuth({ mail: { inbox: false } })
    await tell()
    const page = await visit()
    expect(page.status).toBe(404)
    expect(page.text).not.toContain('alice')
    expect(started.auth.endpoints.filter(({ path }) => path.startsWith('/dev/'))).toEqual([])
  })
})
