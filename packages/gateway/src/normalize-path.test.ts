import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalizePath } from './normalize-path.ts'

describe('normalizePath', () => {
  it.each([
    '/',
    '/orders',
    '/orders/',
    '/Orders/42',
    "/a-b_c~d!$&'()*+,=:@",
    '/v1.2/file.tar.gz',
    '/...',
    '/.well-known',
    '/a/.hidden',
    '/caf%C3%A9',
    '/50%25',
    '/a%20b',
    '/%EF%BC%8Fadmin',
  ])('leaves the canonical path %s as it is', (path) => {
    expect(normalizePath(path)).toBe(path)
  })

  it.each([
    ['/%61dmin', '/admin'],
    ['/%7Euser', '/~user'],
    ['/a%2db%5Fc', '/a-b_c'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%3ab', '/a%3Ab'],
    ['/{id}', '/%7Bid%7D'],
    ['/a|b"<>`^[]', '/a%7Cb%22%3C%3E%60%5E%5B%5D'],
    ['/a%2Etxt', '/a.txt'],
  ])('turns %s into %s', (path, canonical) => {
    expect(normalizePath(path)).toBe(canonical)
  })

  it.each([
    '',
    'orders',
    '//',
    '//orders',
    '/orders//1',
    '/orders//',
    '/.',
    '/..',
    '/./orders',
    '/a/../b',
    '/a/..',
    '/a/.',
    '/%2e',
    '/%2e%2E/a',
    '/.%2e/a',
    '/a/%2E./b',
    '/a%2fb',
    '/a%2Fb',
    '/a\\b',
    '/a%5cb',
    '/a%5Cb',
    '/a%00',
    '/a%0d%0ab',
    '/a%1f',
    '/a%7f',
    '/a;b',
    '/a;',
    '/..;/b',
    '/a%3bb',
    '/a%3B',
    '/%252e%252e/b',
    '/%25%32%65',
    '/%2525',
    '/a%2',
    '/a%',
    '/a%zz',
    '/a%u002f',
    '/a#b',
    '/a b',
    '/a\tb',
    '/caf\u00e9',
    '/a\u2044b',
    '/%c0%af',
    '/%e0%80%af',
    '/%ff',
  ])('refuses %j', (path) => {
    expect(normalizePath(path)).toHaveProperty('fault')
  })

  it('gives a path that is its own canonical form and that no decoding turns into another one', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      '.',
      '/',
      '%2e',
      '%61',
      '%25',
      '%C3%A9',
      '%2f',
      ';',
      '\\',
      '{',
      '%7b',
      '2',
      'e',
      '~',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = normalizePath(`/${pieces.join('')}`)
        if (typeof path !== 'string') return
        expect(normalizePath(path)).toBe(path)
        const decoded = decodeURIComponent(path)
        expect(decoded.split('/').length).toBe(path.split('/').length)
        expect(decoded).not.toMatch(/\/\/|\/\.{1,2}(\/|$)|[\\;]/)
        expect(new URL(path, 'http://a').pathname).toBe(path)
      }),
      { numRuns: 2000 },
    )
  })
})
