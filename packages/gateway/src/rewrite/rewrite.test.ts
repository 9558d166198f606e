import { cookieNames } from '@gatehouse/core/wire-names'
import { describe, expect, it } from 'vitest'
import { buildToken } from '../fixtures/tokens.ts'
import { setsOwnCookie, stripOwnCookies } from './cookies.ts'
import { headerKind, readHeaderName } from './header-names.ts'
import { pushIdentity } from './identity-headers.ts'
import { buildResponseHeaders } from './response-headers.ts'

describe('readHeaderName', () => {
  it.each([
    'X-Gatehouse-Subject',
    'x_gatehouse_subject',
    'X-GATEHOUSE_Roles',
    'x.gatehouse.org',
    'X-Gatehouse-Anything',
    'X-Forwarded-For',
    'X_Forwarded_User',
    'x-forwarded-prefix',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'True-Client-IP',
    'Remote-User',
    'Proxy',
    'X-Auth-Request-Email',
    'X-Request-Id',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'Content_Length',
    'Transfer_Encoding',
    'Keep_Alive',
  ])('drops %s', (name) => {
    expect(readHeaderName(name).kind).toBe(headerKind.drop)
  })

  it.each([
    'Accept',
    'Content-Type',
    'X-Forward',
    'X-Gate',
    'Range',
    'If-None-Match',
    'X-Api-Key',
    'Traceparent',
    'Origin',
  ])('passes %s', (name) => {
    expect(readHeaderName(name)).toEqual({ kind: headerKind.pass, name: name.toLowerCase() })
  })
})

describe('the memory for spellings', () => {
  it('keeps the usual ones and none that is long', () => {
    expect(readHeaderName('X-Short')).toBe(readHeaderName('X-Short'))
    const long = `X-${'a'.repeat(100)}`
    expect(readHeaderName(long)).toEqual({ kind: headerKind.pass, name: long.toLowerCase() })
    expect(readHeaderName(long)).not.toBe(readHeaderName(long))
  })
})

describe('cookies', () => {
  it.each(cookieNames)('of ours are kept from services, each of them: %s', (name) => {
    expect(stripOwnCookies(`a=1; ${name}=x`)).toBe('a=1')
    expect(setsOwnCookie(`${name}=x; Path=/`)).toBe(true)
  })

  it.each([
    ['a=1; b=2', 'a=1; b=2'],
    ['__Host-gatehouse_session=x', undefined],
    ['a=1; gatehouse_session=x; b=2', 'a=1; b=2'],
    ['a=1;__HOST-Gatehouse_Session=x', 'a=1'],
    ['  gatehouse_session = x ; a=1', 'a=1'],
    ['=gatehouse_session=x; a=1', 'a=1'],
    ['my_gatehouse_session=x', 'my_gatehouse_session=x'],
    ['a=gatehouse_session', 'a=gatehouse_session'],
  ])('sends %j on as %j', (header, rest) => {
    expect(stripOwnCookies(header)).toBe(rest)
  })

  it.each([
    '__Host-gatehouse_session=evil; Path=/; Secure',
    'gatehouse_session=evil',
    ' gatehouse_session =evil',
    'GATEHOUSE_SESSION=evil',
    '=gatehouse_session=evil',
    '= gatehouse_session=evil',
    'gatehouse_session',
    'gatehouse_session=; Max-Age=0',
  ])('finds our own name in %j', (value) => {
    expect(setsOwnCookie(value)).toBe(true)
  })

  it.each(['sid=gatehouse_session', 'my_gatehouse_session=1', 'a=1; path=/gatehouse_session'])('leaves %j', (value) => {
    expect(setsOwnCookie(value)).toBe(false)
  })
})

describe('pushIdentity', () => {
  it('sets all six, empty where there is nothing to say', () => {
    const headers: string[] = []
    pushIdentity(headers, undefined)
    expect(headers).toEqual([
      'x-gatehouse-subject',
      '',
      'x-gatehouse-client',
      '',
      'x-gatehouse-scope',
      '',
      'x-gatehouse-roles',
      '',
      'x-gatehouse-session',
      '',
      'x-gatehouse-org',
      '',
    ])
  })

  it('keeps roles apart and values within printable ASCII', () => {
    const headers: string[] = []
    pushIdentity(headers, buildToken({ scopes: ['a', 'b'], roles: ['clerk', 'night shift'], org: 'Zoë\r\nX: 1 100%' }))
    expect(headers.slice(4)).toEqual([
      'x-gatehouse-scope',
      'a b',
      'x-gatehouse-roles',
      'clerk night%20shift',
      'x-gatehouse-session',
      'sid-1',
      'x-gatehouse-org',
      'Zo%C3%AB%0D%0AX:%201%20100%25',
    ])
  })
})

describe('buildResponseHeaders', () => {
  const build = (raw: string[], rules = { onIssuerHost: false, authenticated: false }, status = 200) =>
    buildResponseHeaders(
      status,
      raw.map((text) => Buffer.from(text, 'latin1')),
      rules,
    )

  it('drops hop-by-hop headers and what Connection names, not what frames the answer', () => {
    const raw = [
      'Connection',
      'close, X-Secret, Content-Length',
      'X-Secret',
      '1',
      'Keep-Alive',
      'timeout=5',
      'Trailer',
      'a',
    ]
    raw.push(
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'h2c',
      'Proxy-Authenticate',
      'Basic',
      'Content-Length',
      '2',
      'ETag',
      '"a"',
    )
    expect(build(raw)).toEqual(['ETag', '"a"', 'content-length', '2'])
  })

  it('takes the length from a 204, which has no body, and leaves a 304 that of the body it stands for', () => {
    const rules = { onIssuerHost: false, authenticated: false }
    expect(build(['Content-Length', '5', 'ETag', 'a'], rules, 204)).toEqual(['ETag', 'a'])
    expect(build(['Content-Length', '5'], rules, 304)).toEqual(['content-length', '5'])
  })

  it('refuses a coding that it cannot forward', () => {
    expect(build(['Transfer-Encoding', 'gzip'])).toBeUndefined()
    expect(build(['Transfer-Encoding', 'gzip, chunked'])).toBeUndefined()
  })

  it('keeps services from our cookies and, on the issuer’s host, from wider service workers', () => {
    const raw = [
      'Set-Cookie',
      'gatehouse_session=x',
      'Set-Cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'Service-Worker-Allowed',
      '/',
    ]
    expect(build(raw)).toEqual(['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'Service-Worker-Allowed', '/'])
    expect(build(raw, { onIssuerHost: true, authenticated: false })).toEqual(['Set-Cookie', 'a=1', 'set-cookie', 'b=2'])
  })

  it('forbids caching of answers to a token where the service says nothing', () => {
    const rules = { onIssuerHost: false, authenticated: true }
    expect(build(['ETag', 'a'], rules)).toEqual(['ETag', 'a', 'cache-control', 'no-store'])
    expect(build(['Cache-Control', 'private'], rules)).toEqual(['Cache-Control', 'private'])
    const removed = ['Cache-Control', 'private', 'Connection', 'cache-control']
    expect(build(removed, rules)).toEqual(['cache-control', 'no-store'])
    expect(build(['ETag', 'a'])).toEqual(['ETag', 'a'])
  })

  it.each([
    ['public, max-age=60', 'max-age=60, private'],
    ['max-age=60', 'max-age=60, private'],
    ['Public', 'private'],
    ['s-maxage=600, max-age=1,,', 'max-age=1, private'],
    ['no-cache="set-cookie"', 'no-cache="set-cookie", private'],
    ['private="x-name", max-age=60', 'max-age=60, private'],
    ['x-private, max-age=60', 'x-private, max-age=60, private'],
    ['PRIVATE, max-age=60', 'PRIVATE, max-age=60'],
    ['no-store', 'no-store'],
  ])('lets none of the caches that many share keep an answer to a token: %s', (said, passed) => {
    const rules = { onIssuerHost: false, authenticated: true }
    const ofSome = ['CDN', 'Cloudflare-CDN', 'Vercel-CDN', 'Netlify-CDN', 'Akamai', 'X-LiteSpeed']
    const targeted = ofSome.flatMap((cache) => [`${cache}-Cache-Control`, 'max-age=60'])
    const more = [...targeted, 'Surrogate-Control', 'max-age=60', 'Edge-Control', 'max-age=60', 'X-Accel-Expires', '60']
    expect(build(['Cache-Control', said, ...more], rules)).toEqual(['Cache-Control', passed])
    expect(build(['Cache-Control', said, ...more])).toEqual(['Cache-Control', said, ...more])
  })
})
