import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { readConfigurationText } from './read-file.ts'

const service = (name: string, more: string): string =>
  `{ upstream: http://o:1, ${more}, routes: [{ path: /${name}/**, require: token }] }`

/** The apps of a file, or what is wrong with it. */
function appsOf(services: Readonly<Record<string, string>>, more = '') {
  const entries = Object.entries(services).map(([name, text]) => `  ${name}: ${service(name, text)}\n`)
  const key = randomBytes(32).toString('base64')
  const text = `issuer: https://auth.example.com\nmaster_key: ${key}\n${more}services:\n${entries.join('')}`
  const read = readConfigurationText(text, 'gatehouse.yaml', {})
  return checkConfiguration(read, { development: false, environment: {} }).auth.apps
}

describe('apps in the browser', () => {
  it('are the hosts of services with sessions, several services of one host together', () => {
    expect(
      appsOf({
        shop: 'host: shop.example.com, session: cookie',
        orders: 'host: Shop.example.com, session: cookie, signed_out: /bye, audience: x',
        plain: 'host: api.example.com',
      }).map(({ host, origin, name, signedOut }) => [host, origin, name, signedOut]),
    ).toEqual([['shop.example.com', 'https://shop.example.com', 'shop', '/bye']])
  })

  it('are told apart as the router does it', () => {
    const apps = appsOf({ shop: "host: 'shop.example.com:80', session: cookie" })
    expect(apps.map(({ host, origin }) => [host, origin])).toEqual([['shop.example.com', 'https://shop.example.com']])
  })

  it('are not on the issuer’s host, unless that is called unsafe', () => {
    expect(() => appsOf({ shop: 'session: cookie' })).toThrow(/services.shop.session.*host/s)
    // A browser and the router take these for the same host.
    for (const host of ['auth.example.com:80', 'AUTH.example.com:443']) {
      expect(() => appsOf({ shop: `host: '${host}', session: cookie` })).toThrow(/services.shop.session.*host/s)
    }
    const insecure = 'insecure: { apps_on_issuer_host: true }\n'
    expect(appsOf({ shop: 'session: cookie' }, insecure)).toHaveLength(1)
  })

  it('alone lead to a page when one has signed out, and each to one', () => {
    expect(() => appsOf({ shop: 'host: a.example.com, signed_out: /bye' })).toThrow(/signed_out.*session: cookie/s)
    expect(() => appsOf({ shop: 'host: a.example.com, session: cookie, signed_out: //evil' })).toThrow(/signed_out/)
    const one = 'host: a.example.com, session: cookie'
    expect(() => appsOf({ a: `${one}, signed_out: /a`, b: `${one}, signed_out: /b, audience: x` })).toThrow(
      /another one/,
    )
  })
})
