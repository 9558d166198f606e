import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Brand } from '@gatehouse/auth/pages/brand'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveBrand } from './resolve-brand.ts'
import type { ConfigurationFile } from './schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-brand-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true }))
beforeAll(() => {
  for (const name of ['messages', 'wrong-messages', 'templates', 'wrong-templates', 'empty']) mkdirSync(at(name))
  writeFileSync(at('logo.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  writeFileSync(at('logo.bmp'), 'BM')
  writeFileSync(at('large.css'), 'x'.repeat(200_001))
  writeFileSync(at('messages/de.yaml'), 'sign_in.title: Herein\n')
  writeFileSync(at('wrong-messages/de.yaml'), 'sign_in.titel: Herein\nsign_in.title: 5\n')
  writeFileSync(at('wrong-messages/xx.yaml'), 'sign_in.title: x\n')
  writeFileSync(at('templates/layout.eta'), '<b><%= it.brand %></b><%~ it.body %>')
  writeFileSync(at('wrong-templates/layout.eta'), '<% if ( %>')
  writeFileSync(at('wrong-templates/error.eta'), '<%= it.nothing.there %>')
})

const resolve = (brand: ConfigurationFile['brand']): { readonly brand: Brand; readonly problems: string[] } => {
  const problems: string[] = []
  const content = { issuer: 'https://auth.example.com', ...(brand ? { brand } : {}) }
  const resolved = resolveBrand(content, (key, message) => problems.push(`${key.join('.')}: ${message}`))
  return { brand: resolved, problems }
}

describe('a brand', () => {
  it('is Gatehouse unless said otherwise', () => {
    expect(resolve(undefined)).toMatchObject({ brand: { name: 'Gatehouse', links: {} }, problems: [] })
  })

  it('has a name, a logo, words and templates of its own', () => {
    const { brand, problems } = resolve({
      name: 'Acme',
      logo: at('logo.svg'),
      messages: at('messages'),
      templates: at('templates'),
    })
    expect(problems).toEqual([])
    expect(brand.logo?.type).toBe('image/svg+xml')
    expect(brand.messages).toEqual({ de: { 'sign_in.title': 'Herein' } })
    const data = { page: 'x', title: '', body: '<p>', locale: 'en', brand: '<i>', text: (key: string) => key }
    expect(brand.templates?.get('layout')?.(data)).toBe('<b>&lt;i&gt;</b><p>')
  })

  it.each([
    [{ logo: 'nowhere.svg' }, /^brand\.logo: cannot be read/],
    [{ logo: 'logo.bmp' }, /^brand\.logo: expected one of \.svg/],
    [{ css: 'large.css' }, /^brand\.css: has 200001 bytes/],
    [{ messages: 'nowhere' }, /^brand\.messages: cannot be read/],
    [{ messages: 'empty' }, /^brand\.messages: no file/],
    [{ messages: 'wrong-messages' }, /de\.yaml: there is no text sign_in\.titel/],
    [{ messages: 'wrong-messages' }, /de\.yaml: sign_in\.title: expected a text/],
    [{ messages: 'wrong-messages' }, /xx\.yaml: expected one of en\.yaml/],
    [{ templates: 'wrong-templates' }, /layout\.eta: /],
    [{ templates: 'wrong-templates' }, /error\.eta: /],
  ])('is refused at the start: %j', (brand, problem) => {
    const files = Object.fromEntries(Object.entries(brand).map(([key, name]) => [key, at(name)]))
    expect(resolve(files).problems.join('\n')).toMatch(problem)
  })
})
