import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findFreePort } from '../flows/running-program.ts'
import { isMissing, patience, startBrowser } from './browser.ts'
import { type BrowserSite, startBrowserSite } from './site.ts'
import { Visitor } from './visitor.ts'

/** Bytes that are no text, and some that look like the end of the form. */
const picture = Buffer.from([0, 255, 13, 10, 45, 45, 1, 2])
const page = (main: string) =>
  `<!doctype html><html lang="en"><title>App</title><main><h1>App</h1>${main}</main></html>`
const formTo = (action: string) => `<form method="post" enctype="multipart/form-data" action="${action}">
<label>Note <input id="note" name="note"></label><label>File <input id="file" type="file" name="picture"></label>
<button id="upload">Upload</button></form>`

/** An app with a form that takes a file, and says what it got. */
async function startApp(): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (request.method === 'GET') return void response.end(page(formTo(request.url === '/fresh' ? '/fresh/up' : '/up')))
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const note = /name="note"\r\n\r\n([^\r]*)/.exec(body.toString())?.[1] ?? ''
      response.end(page(`<p id="got">${note}: ${body.includes(picture) ? 'the picture' : 'no picture'}</p>`))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return server
}

describe.skipIf(isMissing)('a form with a file, in a real browser', patience, () => {
  let browser: Browser
  let site: BrowserSite
  let app: Server
  let shop: string
  let visitors: Visitor[] = []
  beforeAll(async () => {
    app = await startApp()
    const upstream = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
    // The app's host has the issuer's port, which is known when the site is.
    const port = await findFreePort()
    ;[browser, site] = await Promise.all([
      startBrowser(),
      startBrowserSite(
        `services:
  shop:
    host: shop.localhost:${port}
    upstream: ${upstream}
    session: cookie
    routes:
      - { path: /**, require: signed-in }
      - { path: /open, require: nothing }
      - { path: /fresh/**, require: { max_age: 8s } }
`,
        port,
      ),
    ])
    shop = `http://shop.localhost:${port}`
    await site.addUser('kim')
  })
  afterEach(async () => {
    await Promise.all(visitors.map((visitor) => visitor.leave()))
    visitors = []
  })
  afterAll(async () => {
    await Promise.all([browser.close(), site.remove()])
    app.close().closeAllConnections()
  })

  const arrive = async (javaScriptEnabled: boolean): Promise<Visitor> => {
    const visitor = await Visitor.arrive(browser, site.issuer, { javaScriptEnabled }, shop)
    visitors.push(visitor)
    return visitor
  }
  const upload = async (visitor: Visitor, note: string): Promise<void> => {
    await visitor.fill('#note', note)
    await visitor.page.setInputFiles('#file', { name: 'cat.png', mimeType: 'image/png', buffer: picture })
    await visitor.press('#upload')
  }

  it.each([true, false])(
    'is shown to who has signed in, and sent when they say so (scripts: %s)',
    async (hasScripts) => {
      const visitor = await arrive(hasScripts)
      await visitor.goTo(`${shop}/open`)
      await upload(visitor, 'Grüße')
      await visitor.signIn('kim')
      expect(new URL(visitor.page.url()).pathname).toBe('/_gatehouse/form')
      expect(await visitor.textOf('#fields')).toMatch(/note\s*Grüße\s*picture\s*File cat\.png, 8 bytes/)
      expect(await visitor.textOf('#sender')).toContain('kim')
      await visitor.press('#send')
      expect(await visitor.textOf('#got')).toBe('Grüße: the picture')
      // A step back shows that there is nothing left to send.
      await visitor.page.goBack()
      await visitor.waitFor('#gone')
    },
  )

  it.each([true, false])(
    'goes by itself where its sender is known, if scripts run (scripts: %s)',
    async (hasScripts) => {
      const visitor = await arrive(hasScripts)
      await visitor.goTo(`${shop}/fresh`)
      await visitor.signIn('kim')
      await visitor.page.waitForTimeout(9000)
      await upload(visitor, 'again')
      await visitor.signIn('kim')
      if (!hasScripts) await visitor.press('#send')
      await visitor.waitFor('#got')
      expect(await visitor.textOf('#got')).toBe('again: the picture')
    },
  )
})
