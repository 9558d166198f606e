import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BrowserSite, startBrowserSite } from './testing/browser-site.ts'

let site: BrowserSite
beforeAll(async () => {
  site = await startBrowserSite()
})
afterAll(() => site.close())

const day = 86_400
/** More than one tick of the gateway. */
const aTick = () => new Promise((resolve) => setTimeout(resolve, 1200))

it('an event stream of a browser’s session outlasts what is remembered of that, does not keep it in use, and ends when it is idle', async () => {
  const browser = site.newBrowser()
  await site.signIn(browser, `${site.app}/`)
  let ended: string | undefined
  void browser.call(`${site.app}/events`).then(({ text }) => {
    ended = text
  })
  await aTick()
  // The idle limit is 14 days; a request in between begins it anew.
  site.clock.advance(10 * day)
  await aTick()
  expect((await browser.call(`${site.app}/api/orders`)).status).toBe(200)
  site.clock.advance(10 * day)
  await aTick()
  expect(ended).toBeUndefined()
  site.clock.advance(4 * day + 1)
  await expect.poll(() => ended, { timeout: 5000 }).toBe('data: first\n\n')
  expect((await browser.call(`${site.app}/events`)).status).toBe(401)
})

it('a route of the file ends its streams with the token where it says so', async () => {
  const strict = await startBrowserSite(`
      - { path: /**, require: signed-in, streams: { until: token } }`)
  try {
    const browser = strict.newBrowser()
    await strict.signIn(browser, `${strict.app}/`)
    let ended: string | undefined
    void browser.call(`${strict.app}/events`).then(({ text }) => {
      ended = text
    })
    await aTick()
    expect(ended).toBeUndefined()
    strict.clock.advance(301)
    await expect.poll(() => ended, { timeout: 5000 }).toBe('data: first\n\n')
  } finally {
    await strict.close()
  }
})
