import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'
import { root } from '../flows/running-program.ts'
import { desk, phone, usual } from './browser.ts'
import { password } from './site.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** What pages are held to: WCAG 2.2, level AA, and what it builds on. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const pictures = process.env.GATEHOUSE_SCREENSHOTS ? join(root, 'screenshots') : undefined
/** Pages that have been judged, by what they are and what is on them: the same one again would be judged the same. */
const judged = new Set<string>()
/** Everything on a page that has a name of its own; a session's and a factor's are left out. */
const listParts =
  "[...new Set([...document.querySelectorAll('[id], [class]')].map(({ id, className }) => id.slice(0, 20) + '.' + className))].sort().join()"

/** What axe-core answers, as far as it is looked at. */
interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
}

/** Somebody at a browser. Each page that they come to is judged. */
export class Visitor {
  readonly page: Page
  readonly context: BrowserContext
  readonly #issuer: string
  /** Whose pages are judged: Gatehouse's and, where it is of our making, the app's. */
  readonly #origins: readonly string[]
  readonly #hasScripts: boolean
  readonly #strays: string[] = []

  private constructor(
    context: BrowserContext,
    page: Page,
    origins: readonly [string, ...string[]],
    hasScripts: boolean,
  ) {
    this.context = context
    this.page = page
    this.#issuer = origins[0]
    this.#origins = origins
    this.#hasScripts = hasScripts
    page.on('request', (request) => {
      const { origin } = new URL(request.url())
      if (!request.isNavigationRequest() && !origins.includes(origin)) this.#strays.push(request.url())
    })
  }

  /** A new browser, with nothing in it; `app` is the origin of an app whose pages are judged too. */
  static async arrive(
    browser: Browser,
    issuer: string,
    options: BrowserContextOptions = {},
    app = issuer,
  ): Promise<Visitor> {
    const context = await browser.newContext({ ...usual, ...options })
    return new Visitor(context, await context.newPage(), [issuer, app], options.javaScriptEnabled ?? true)
  }

  /** Another tab of the same browser. */
  async openTab(): Promise<Visitor> {
    return new Visitor(this.context, await this.context.newPage(), [this.#issuer, ...this.#origins], this.#hasScripts)
  }

  /** Goes to an address: a path of Gatehouse, or a whole one. */
  async goTo(address: string): Promise<void> {
    await this.page.goto(new URL(address, this.#issuer).href)
    await this.#judge()
  }

  /** Presses something that leads to another page. */
  async press(selector: string): Promise<void> {
    await this.#arriveBy(() => this.page.click(selector))
  }

  /** Does something that leads to another page sooner or later. */
  async #arriveBy(act: () => Promise<unknown>): Promise<void> {
    await Promise.all([this.page.waitForNavigation(), act()])
    await this.#judge()
  }

  /** Waits for something of the next page, which comes by itself. */
  async waitFor(selector: string): Promise<void> {
    await this.page.waitForSelector(selector)
    await this.#judge()
  }

  /** Waits until a part of the page says something, which it does by itself. */
  async waitForText(selector: string, text: string): Promise<void> {
    await this.page.locator(selector, { hasText: text }).waitFor()
  }

  fill(selector: string, text: string): Promise<void> {
    return this.page.fill(selector, text)
  }

  /** Signs in by the form of the sign-in page. */
  async signIn(username: string, secret = password): Promise<void> {
    await this.fill('#username', username)
    await this.fill('#password', secret)
    await this.press('#sign-in')
  }

  has(selector: string): Promise<boolean> {
    return this.page.locator(selector).first().isVisible()
  }

  textOf(selector: string): Promise<string> {
    return this.page.locator(selector).first().innerText()
  }

  /** The parameters with which the browser has come back to the app. */
  get callback(): URLSearchParams {
    return new URL(this.page.url()).searchParams
  }

  async leave(): Promise<void> {
    await this.context.close()
  }

  /** Looks at the page as somebody would who cannot see it well, or at night. */
  async #judge(): Promise<void> {
    expect(this.#strays, 'loaded from elsewhere').toEqual([])
    if (!this.#hasScripts || !this.#origins.includes(new URL(this.page.url()).origin)) return
    const title = (await this.page.title()).toLowerCase().replace(/\W+/g, '-')
    const kind = (await this.page.getAttribute('body', 'data-page')) ?? title
    const hasError = kind !== 'error' && (await this.page.locator('#error').count()) > 0
    const name = hasError ? `${kind}-error` : kind
    const parts = `${name} ${await this.page.evaluate(listParts)}`
    if (judged.has(parts)) return
    judged.add(parts)
    for (const colorScheme of ['dark', 'light'] as const) {
      await this.page.emulateMedia({ colorScheme })
      await this.#judgeByRules(`${name}, ${colorScheme}`)
      if (pictures !== undefined) await this.#takePictures(pictures, `${name}-${colorScheme}`)
    }
  }

  async #judgeByRules(name: string): Promise<void> {
    await this.page.evaluate(axe)
    // The script that was loaded just before says what it has found.
    const results = (await this.page.evaluate(`axe.run({ runOnly: ${JSON.stringify(rules)} })`)) as AxeResults
    const found = results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
    expect(found, name).toEqual([])
  }

  async #takePictures(folder: string, name: string): Promise<void> {
    mkdirSync(folder, { recursive: true })
    for (const [kind, size] of Object.entries({ desk, phone })) {
      await this.page.setViewportSize(size)
      await this.page.screenshot({ path: join(folder, `${name}-${kind}.png`), fullPage: true })
    }
    await this.page.setViewportSize(desk)
  }
}
