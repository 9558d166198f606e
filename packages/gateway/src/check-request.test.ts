import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { checkRequest } from './check-request.ts'

function check(url: string, rawHeaders: string[] = ['Host', 'auth.test'], method = 'GET', minor = 1) {
  const request = new IncomingMessage(new Socket())
  Object.assign(request, { url, method, rawHeaders, httpVersionMajor: 1, httpVersionMinor: minor })
  return checkRequest(request)
}

describe('checkRequest', () => {
  it('decides path, query and host', () => {
    expect(check('/%6Frders?a=1&b=%2f', ['Host', 'AUTH.test:80'])).toMatchObject({
      ok: true,
      path: '/orders',
      query: 'a=1&b=%2f',
      host: 'auth.test',
      bodyLength: 0,
      authorizationCount: 0,
    })
  })

  it('reads the framing of the body', () => {
    expect(check('/', ['Host', 'a', 'Content-Length', '12'])).toMatchObject({ bodyLength: 12 })
    expect(check('/', ['Host', 'a', 'transfer-encoding', 'Chunked'])).toMatchObject({ bodyLength: -1 })
  })

  it('hands over an Authorization header only where there is exactly one', () => {
    expect(check('/', ['Host', 'a', 'authorization', 'Bearer x'])).toMatchObject({ authorization: 'Bearer x' })
    const two = check('/', ['Host', 'a', 'authorization', 'Bearer x', 'Authorization', 'Bearer y'])
    expect(two).toMatchObject({ authorization: undefined, authorizationCount: 2 })
  })

  it.each([
    ['no Host', []],
    ['two Hosts', ['Host', 'auth.test', 'host', 'auth.test']],
    ['an empty Host', ['Host', '']],
    ['userinfo in Host', ['Host', 'a@auth.test']],
    ['a port that is no number', ['Host', 'auth.test:8o']],
    ['two Content-Lengths', ['Host', 'a', 'Content-Length', '1', 'content-length', '1']],
    ['a list of lengths', ['Host', 'a', 'Content-Length', '1, 1']],
    ['a signed length', ['Host', 'a', 'Content-Length', '+1']],
    ['an empty length', ['Host', 'a', 'Content-Length', '']],
    ['length and coding', ['Host', 'a', 'Content-Length', '1', 'Transfer-Encoding', 'chunked']],
    ['two codings', ['Host', 'a', 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    ['gzip, chunked', ['Host', 'a', 'Transfer-Encoding', 'gzip, chunked']],
    ['identity', ['Host', 'a', 'Transfer-Encoding', 'identity']],
    ['xchunked', ['Host', 'a', 'Transfer-Encoding', 'xchunked']],
    ['chunked with a vertical tab', ['Host', 'a', 'Transfer-Encoding', '\u000bchunked']],
  ])('refuses %s', (_what, headers) => {
    expect(check('/', headers)).toMatchObject({ ok: false, status: 400, code: 'invalid_request' })
  })

  it('refuses Transfer-Encoding in HTTP/1.0', () => {
    expect(check('/', ['Host', 'a', 'Transfer-Encoding', 'chunked'], 'POST', 0)).toMatchObject({ status: 400 })
  })

  it('takes absolute-form only for the same authority, and reduces it', () => {
    expect(check('http://auth.test/orders?a', ['Host', 'auth.test:80'])).toMatchObject({ path: '/orders', query: 'a' })
    expect(check('https://AUTH.test')).toMatchObject({ path: '/' })
    expect(check('http://auth.test?a')).toMatchObject({ path: '/', query: 'a' })
    for (const target of [
      'http://evil.test/',
      'http://auth.test@evil.test/',
      'http://auth.test:81/',
      'ftp://auth.test/',
      'http:/auth.test/',
    ]) {
      expect(check(target), target).toMatchObject({ ok: false, status: 400 })
    }
  })

  it('knows the asterisk for OPTIONS only, and serves nothing there', () => {
    expect(check('*', undefined, 'OPTIONS')).toMatchObject({ ok: false, code: 'not_found' })
    expect(check('*')).toMatchObject({ ok: false, code: 'invalid_request' })
  })

  it.each(['//evil.test/', '/a#b', '/a?b#c', '/a?\u00e9', 'auth.test:443', ''])('refuses the target %j', (target) => {
    expect(check(target)).toMatchObject({ ok: false, status: 400 })
  })

  it('limits the target and the number of headers', () => {
    expect(check(`/${'a'.repeat(8191)}`)).toMatchObject({ ok: true })
    expect(check(`/${'a'.repeat(8192)}`)).toMatchObject({ ok: false, status: 414, code: 'uri_too_long' })
    const many = ['Host', 'a', ...Array.from({ length: 100 }, (_, n) => [`x-${n}`, '']).flat()]
    expect(check('/', many)).toMatchObject({ ok: false, status: 431 })
    expect(check('/', many.slice(0, 200))).toMatchObject({ ok: true })
  })
})
