import { describe, expect, it } from 'vitest'
import { defaultBrand } from './brand.ts'
import { html } from './html.ts'
import { buildLook } from './look.ts'
import { renderPage } from './page.ts'

const policyOf = (target: string): string =>
  String(
    renderPage(buildLook('en', defaultBrand), { name: 'test', title: 'A page', body: html``, formTargets: [target] })
      .headers?.['content-security-policy'],
  )

describe('the policy of a page', () => {
  it.each([
    ['https://app.example.com:8443/cb', "form-action 'self' https://app.example.com:8443; "],
    ['com.example.app:/cb', "form-action 'self' com.example.app:; "],
    // A policy can name no IPv6 address.
    ['http://[::1]:4000/cb', "form-action 'self' http:; "],
    ['https://app.example,default-src/cb', "form-action 'self' https:; "],
    ['https://app.example;sandbox/cb', "form-action 'self' https:; "],
    ['https://*/cb', "form-action 'self' https:; "],
  ])('lets its form lead to %s, and says nothing else', (target, expected) => {
    expect(policyOf(target)).toContain(expected)
    expect(policyOf(target)).not.toMatch(/sandbox|,/)
  })
})
