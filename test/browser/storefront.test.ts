import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isMissing, patience, startBrowser } from './browser.ts'
import { type ShopSite, startShopSite } from './shop-site.ts'
import { Visitor } from './visitor.ts'

/** Everything of the page that a script of it can read, where a token could be. */
const readable = `JSON.stringify([
  document.cookie, { ...localStorage }, { ...sessionStorage }, location.href, document.referrer,
  document.documentElement.outerHTML, performance.getEntries().map(({ name }) => name),
])`
/** A JWT, a token or code of Gatehouse’s, or its cookie’s value. */
const secret = /eyJ[\w-]+\.|gh[a-z]_[\w-]{20}|[\w-]{22}\.[\w-]{43}/

describe.skipIf(isMissing).each([
  ['on the issuer’s host', 'localhost'],
  ['on a host of its own', 'shop.localhost'],
])('the storefront %s, in a real browser', patience, (_name, host) => {
  let browser: Browser
  let shop: ShopSite
  let visitors: Visitor[] = []
  beforeAll(async () => {
    ;[browser, shop] = await Promise.all([startBrowser(), startShopSite(host)])
  })
  afterEach(async () => {
    await Promise.all(visitors.map((visitor) => visitor.leave()))
    visitors = []
  })
  afterAll(async () => {
    await Promise.all([browser.close(), shop.remove()])
  })

  const arrive = async (javaScriptEnabled = true): Promise<Visitor> => {
    const visitor = await Visitor.arrive(browser, shop.issuer, { javaScriptEnabled }, shop.app)
    visitors.push(visitor)
    return visitor
  }
  const signIn = async (visitor: Visitor, address = `${shop.app}/shop`): Promise<void> => {
    await visitor.goTo(address)
    await visitor.signIn('alice')
  }
  const placeOrder = async (visitor: Visitor, item: string): Promise<void> => {
    await visitor.fill('#item', item)
    await visitor.press('#place')
  }
  const isLive = (visitor: Visitor): Promise<void> => visitor.waitForText('#live', 'Live')

  it('leads to sign in and back to where one was going', async () => {
    const visitor = await arrive()
    await signIn(visitor, `${shop.app}/shop?from=a%2Fb&x=1`)
    expect(visitor.page.url()).toBe(`${shop.app}/shop?from=a%2Fb&x=1`)
    expect(await visitor.textOf('#subject')).toMatch(/^usr_/)
    await isLive(visitor)
    // Where one has come from is a step back; the sign-in is no trap on the way.
    await visitor.goTo(`${shop.app}/shop`)
    expect(visitor.page.url()).toBe(`${shop.app}/shop`)
  })

  it('has no token in anything that a script can read, and no cookie either', async () => {
    const visitor = await arrive()
    await signIn(visitor)
    await isLive(visitor)
    expect(await visitor.page.evaluate('document.cookie')).toBe('')
    expect(await visitor.page.evaluate(readable)).not.toMatch(secret)
    const answer = await visitor.page.evaluate(
      `fetch('/_gatehouse/session').then(async (response) => [await response.text(), ...response.headers].join())`,
    )
    expect(answer).toContain('"sub":"usr_')
    expect(answer).not.toMatch(secret)
    const cookies = await visitor.context.cookies(shop.app)
    expect(cookies.filter(({ value }) => secret.test(value)).map(({ name }) => name)).toEqual(['gatehouse_app'])
    for (const { name, httpOnly, sameSite } of cookies) expect([name, httpOnly, sameSite]).toEqual([name, true, 'Lax'])
  })

  it('shows an order in every tab, and ends the live list at logout in another one', async () => {
    const first = await arrive()
    await signIn(first)
    await isLive(first)
    const second = await first.openTab()
    await second.goTo(`${shop.app}/shop`)
    await isLive(second)
    await placeOrder(second, 'croquet mallet')
    await first.waitForText('#orders', 'croquet mallet')
    expect(await second.textOf('#orders')).toContain('croquet mallet')
    await second.press('#sign-out')
    expect(await second.has('#goodbye')).toBe(true)
    await first.waitForText('#live', 'Signed out')
    await first.goTo(`${shop.app}/shop`)
    expect(await first.has('#password')).toBe(true)
  })

  it('ends the live list also where one signs out at the issuer', async () => {
    const visitor = await arrive()
    await signIn(visitor)
    await isLive(visitor)
    const account = await visitor.openTab()
    await account.goTo('/account')
    await account.press('#sign-out-link')
    await account.press('#sign-out')
    await visitor.waitForText('#live', 'Signed out')
  })

  it.each([true, false])('keeps a form that is sent after the session ended (scripts: %s)', async (hasScripts) => {
    const visitor = await arrive(hasScripts)
    await signIn(visitor)
    const elsewhere = await visitor.openTab()
    await elsewhere.goTo(`${shop.app}/shop`)
    await elsewhere.press('#sign-out')
    const item = `tea & "cake" <ü> ${hasScripts}`
    await placeOrder(visitor, item)
    expect(await visitor.has('#password')).toBe(true)
    await visitor.signIn('alice')
    // Whoever signs in now may be somebody else: they are shown what waits, and asked.
    expect(await visitor.textOf('#fields')).toContain(item)
    await visitor.press('#send')
    await visitor.waitFor('#orders')
    expect(visitor.page.url()).toBe(`${shop.app}/shop`)
    expect((await visitor.textOf('#orders')).split(item)).toHaveLength(2)
  })

  it('has two tabs sign in, one after the other, and leads each to its own page', async () => {
    const first = await arrive()
    const second = await first.openTab()
    await first.goTo(`${shop.app}/shop?tab=1`)
    await second.goTo(`${shop.app}/shop?tab=2`)
    await first.signIn('alice')
    await second.signIn('alice')
    for (const [index, { page }] of [first, second].entries()) {
      expect(page.url()).toBe(`${shop.app}/shop?tab=${index + 1}`)
    }
    await isLive(first)
    await isLive(second)
  })

  it('tells who may not order that they may not, on a page', async () => {
    const visitor = await arrive()
    await visitor.goTo(`${shop.app}/shop`)
    await visitor.signIn('bob')
    expect(await visitor.has('#place')).toBe(false)
    expect(await visitor.has('#may-not-order')).toBe(true)
  })

  it('tells who orders nonsense', async () => {
    const visitor = await arrive()
    await signIn(visitor)
    await visitor.page.evaluate(`document.getElementById('order').noValidate = true`)
    await visitor.fill('#quantity', '0')
    await visitor.press('#place')
    expect(await visitor.has('#no-order')).toBe(true)
  })

  it('is not ordered from by a page of somebody else', async () => {
    const visitor = await arrive()
    await signIn(visitor)
    // Of the same site: the cookie comes along, and does not count.
    await visitor.page.goto(shop.neighbour)
    const answered = visitor.page.waitForResponse(`${shop.app}/shop/orders`)
    await visitor.page.setContent(`<form method="post" action="${shop.app}/shop/orders">
      <input name="item" value="stolen"><input name="quantity" value="1"><button id="go">Win</button></form>`)
    await visitor.page.click('#go')
    const answer = await answered
    expect([answer.status(), (await answer.request().allHeaders()).cookie]).toEqual([
      403,
      expect.stringContaining('gatehouse_app='),
    ])
    await visitor.goTo(`${shop.app}/shop`)
    expect(await visitor.textOf('#orders')).not.toContain('stolen')
  })
})
