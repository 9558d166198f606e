import { describe, expect, it } from 'vitest'
import { createCookies } from '../http/cookies.ts'
import { type Brand, defaultBrand, styleOfColors, type Template } from './brand.ts'
import { html } from './html.ts'
import { createLooks, noOffers } from './look.ts'
import { renderPage } from './page.ts'

const cookies = createCookies('https://auth.example.com')
const looksOf = (brand: Brand = defaultBrand) => createLooks({ cookies, brand: () => brand, offers: () => noOffers })
const bodyOf = (brand: Brand, page: { name?: string; title?: string } = {}): string =>
  String(
    renderPage(looksOf(brand).of({ headers: {} }), { name: 'sign-in', title: 'Sign in', body: html`<p>x</p>`, ...page })
      .text,
  )

describe('a look', () => {
  it('speaks the language that was chosen here, then one that the browser likes, then English', () => {
    const looks = looksOf()
    const [cookie = ''] = looks.remember('xx es')
    const headers = { 'accept-language': 'de' }
    expect(looks.of({ headers }).locale).toBe('de')
    expect(looks.of({ headers: { ...headers, cookie: cookie.split(';')[0] } }).locale).toBe('es')
    expect(looks.of({ headers: { cookie: '__Host-gatehouse_locale=xx' } }).locale).toBe('en')
    expect(looks.of({ headers: {} }).locale).toBe('en')
    expect(looks.remember('xx')).toEqual([])
  })

  it('escapes what is put into a text, unless it is markup', () => {
    const look = looksOf().of({ headers: {} })
    expect(look.html('frame.signed_in_as', { username: '<b>' }).text).toContain('&lt;b&gt;')
    expect(look.html('frame.signed_in_as', { username: html`<b>x</b>` }).text).toContain('<b>x</b>')
  })

  it('offers languages only where the page can be asked for again', () => {
    const looks = looksOf()
    const shown = (method: string) => {
      const look = looks.of({ headers: {}, method, url: '/login?flow=a-b&next=//evil.test&x=%22' })
      return String(renderPage(look, { name: 'sign-in', title: 'Sign in', body: html`` }).text)
    }
    expect(shown('GET')).toContain('value="/login?flow=a-b"')
    expect(shown('POST')).not.toContain('id="locale"')
  })
})

describe('a brand', () => {
  it('names the pages, links from their foot, and is escaped', () => {
    const text = bodyOf({ name: 'A & B', colors: {}, links: { terms: 'https://example.com/t?a="' } })
    expect(text).toContain('<title>Sign in · A &amp; B</title>')
    expect(text).toContain('href="https://example.com/t?a=&quot;"')
    expect(text).not.toContain('id="privacy"')
  })

  it('says what its scopes mean', () => {
    const messages = { en: { 'consent.scope.orders:read': 'see your orders', 'consent.scope.openid': 'know you' } }
    const look = looksOf({ ...defaultBrand, messages }).of({ headers: { 'accept-language': 'de' } })
    expect(['orders:read', 'openid', 'orders:write'].map((scope) => look.scope(scope))).toEqual([
      'see your orders',
      'wissen, wer Sie sind',
      'orders:write',
    ])
  })

  it.each([
    ['#ffff00', '#000000'],
    ['#1d5bb8', '#ffffff'],
    ['#777777', '#000000'],
  ])('writes on %s in %s', (accent, ink) => {
    expect(styleOfColors({ accent })).toContain(`--accent:${accent};--on-accent:${ink}`)
  })

  it('puts its templates around pages, and does without one that fails', () => {
    const templates = new Map<string, Template>([
      ['layout', ({ body, brand }) => `<div class="own">${brand} ${body}</div>`],
      ['sign-in', ({ body, text }) => `${text('sign_in.title')}! ${body}`],
      [
        'broken',
        () => {
          throw new Error('no')
        },
      ],
    ])
    const brand: Brand = { ...defaultBrand, templates }
    expect(bodyOf(brand)).toContain('<div class="own">Gatehouse Sign in! <p>x</p></div>')
    expect(bodyOf(brand, { name: 'broken' })).toContain('<div class="own">Gatehouse <p>x</p></div>')
  })
})
