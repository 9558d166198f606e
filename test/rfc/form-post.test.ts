import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Provider, redirectUri, startProvider } from './provider.ts'

// OAuth 2.0 Form Post Response Mode.

let provider: Provider
beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider.close())

it('2 the page posts the code, by itself or by a button, to the redirect URI and nowhere else', async () => {
  const page = await provider.authorize({ response_mode: 'form_post' })
  expect(page.status).toBe(200)
  expect(page.form.action).toBe(redirectUri)
  expect(Object.keys(page.form.fields).sort()).toEqual(['code', 'iss', 'state'])
  expect(page.has('continue')).toBe(true)
  expect(page.text).toContain('<noscript>')
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(/form-action 'self' https:\/\/app\.example\.com;/)
  expect(policy).toContain("script-src 'self'")
  expect(page.text).toMatch(/<script src="\/_gatehouse\/assets\/submit\.js\?v=[\w-]+" defer><\/script>/)
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
  expect(page.headers.get('cache-control')).toBe('no-store')
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  const { status } = await provider.exchange(page.form.fields.code ?? '')
  expect(status).toBe(200)
})

it.each([
  `"><script>alert(1)</script>`,
  `' onclick='x`,
  '</form><form action="https://evil.test">',
  '&quot;&#34;',
  '<!--',
  '\u2028\u0000',
])('2 a state is data in it, whatever it looks like (%#)', async (state) => {
  const page = await provider.authorize({ response_mode: 'form_post', state })
  expect(page.form.fields.state).toBe(state)
  expect(page.text.match(/<form\b/g)).toHaveLength(1)
  expect(page.text.match(/<script\b/g)).toHaveLength(1)
})

it('2 an error comes the same way', async () => {
  const page = await provider.authorize({ response_mode: 'form_post', scope: 'admin' })
  expect(page.form).toMatchObject({ action: redirectUri, fields: { error: 'invalid_scope', state: 'state-1' } })
})
