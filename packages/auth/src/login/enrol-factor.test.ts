import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { setPassword } from '../domain/users.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { currentCode } from '../testing/totp.ts'

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

async function start(roles: readonly string[] = []): Promise<void> {
  started = await startAuth({ settings: { secondFactor: { requiredForRoles: roles, rememberFor: seconds(0) } } })
  browser = new TestBrowser(started.url, issuer)
}

const secretOf = (page: ShownPage): string => /id="secret"[^>]*>([^<]*)</.exec(page.text)?.[1] ?? ''
/** The first code of the app that a page sets up. */
const firstCode = (page: ShownPage): string => currentCode(started, secretOf(page))
const signIn = (page: ShownPage): Promise<ShownPage> => browser.signIn(page, 'alice', goodPassword)

describe('a factor that is being added', () => {
  /** Somebody sets a new password just before the next transaction: everything was looked at, and nothing written. */
  function changePasswordBeforeNext(): void {
    const { store, clock, auth } = started
    const transaction = store.transaction.bind(store)
    store.transaction = async (run) => {
      store.transaction = transaction
      const user = await store.users.findByCanonicalName('alice')
      if (!user) throw new Error('no alice')
      const change = { user, password: 'another long passphrase', minimumLength: 15 }
      await setPassword({ ...auth, store, clock }, change, { actor: 'test' })
      return transaction(run)
    }
  }
  const factorsOf = async () => {
    const user = await started.store.users.findByCanonicalName('alice')
    return user ? started.store.factors.listByUser(user.id) : []
  }

  it.each([
    ['with a half sign-in', ['clerk'], '/login'],
    ['in a session', [], '/account/security'],
  ])('%s does not outlive a change of the password', async (_name, roles, place) => {
    await start(roles)
    const first = await signIn(await browser.get(place))
    const page = first.has('no-factors')
      ? await browser.post('/account/totp', { flow: first.form.fields.flow ?? '' })
      : first
    changePasswordBeforeNext()
    const answer = await browser.submit(page, { code: firstCode(page) })
    expect([answer.status, answer.has('recovery-codes')]).toEqual([403, false])
    expect(await factorsOf()).toEqual([])
  })

  it('half signed in is the first, also of two at once', async () => {
    await start(['clerk'])
    const pages = await Promise.all(
      [1, 2, 3].map(async () => {
        const own = new TestBrowser(started.url, issuer)
        return { own, page: await own.signIn(await own.get('/login'), 'alice', goodPassword) }
      }),
    )
    const answers = await Promise.all(pages.map(({ own, page }) => own.submit(page, { code: firstCode(page) })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403])
    expect(await factorsOf()).toHaveLength(1)
  })
})
