import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { defaultBrand } from './brand.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const styleOf = (text: string): string => /href="([^"]*page\.css[^"]*)"/.exec(text)?.[1] ?? ''

describe('what pages load', () => {
  it('is there, under an address that changes with it, and kept by browsers', async () => {
    const before = styleOf(await (await fetch(`${started.url}/login`)).text())
    const style = await fetch(started.url + before)
    expect(style.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(style.headers.get('cache-control')).toContain('immutable')
    const brand = { ...defaultBrand, colors: { accent: '#aa0000' }, css: '.own{color:red}' }
    started.auth.replaceSettings({ ...started.settings, brand })
    const after = styleOf(await (await fetch(`${started.url}/login`)).text())
    expect(after).not.toBe(before)
    const text = await (await fetch(started.url + after)).text()
    expect(text).toContain('--accent:#aa0000')
    expect(text.endsWith('.own{color:red}')).toBe(true)
  })

  it('is the logo of the brand, byte for byte, and runs nothing when it is opened by itself', async () => {
    const bytes = new Uint8Array([0, 255, 128, 10])
    started.auth.replaceSettings({
      ...started.settings,
      brand: { ...defaultBrand, logo: { type: 'image/png', bytes } },
    })
    const logo = await fetch(`${started.url}/_gatehouse/assets/logo`)
    expect(new Uint8Array(await logo.arrayBuffer())).toEqual(bytes)
    expect(logo.headers.get('content-security-policy')).toContain('sandbox')
  })

  it('is under 60 kB with the page, and the page has no style or script within itself', async () => {
    const browser = new TestBrowser(started.url, issuer)
    await browser.signIn(await browser.get('/account'), 'alice', goodPassword)
    for (const path of ['/login', '/account', '/account/security', '/account/sessions']) {
      const { text, headers } = await browser.get(path)
      const loaded = [...text.matchAll(/(?:href|src)="(\/_gatehouse\/assets[^"]*)"/g)].map(([, address]) => address)
      expect(loaded.length).toBeGreaterThan(0)
      const sizes = await Promise.all(
        [...new Set(loaded)].map(async (address) => (await (await fetch(started.url + address)).text()).length),
      )
      expect(sizes.reduce((sum, size) => sum + size, text.length)).toBeLessThan(60_000)
      expect(text).not.toMatch(/<style|<script>|\sstyle=|\son\w+=/)
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
    }
  })
})
