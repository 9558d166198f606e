import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCertificate } from '@gatehouse/auth/testing/certificates'
import { afterAll, describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'
import { seesClientCertificates } from './resolve-certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-certificates-'))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const pair = buildCertificate({ subject: [['CN', 'auth.example.com']] })
const other = buildCertificate({ subject: [['CN', 'other']] })
const [cert, key, otherKey] = [write('cert', pair.cert), write('key', pair.key), write('other', other.key)]
const authorities = write('ca', buildCertificate({ subject: [['CN', 'CA']], authority: true }).cert)

const masterKey = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')
const base = `issuer: https://auth.example.com\nmaster_key: ${masterKey}\n`
const load = (text: string) =>
  checkConfiguration(readConfigurationText(base + text, 'gatehouse.yaml', {}), { development: false, environment: {} })
const problems = (text: string): readonly string[] => {
  try {
    load(text)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}
const robot = 'clients:\n  robot: { auth_method: tls_client_auth, tls_client_auth_san_dns: robot.test }\n'
const proxy = 'trusted_proxies: [10.0.0.0/8]\n'

describe('certificates', () => {
  it('that have expired are warned of', () => {
    const old = buildCertificate({ subject: [['CN', 'old']], years: [2000, 2001] })
    const [oldCert, oldKey] = [write('old-cert', old.cert), write('old-key', old.key)]
    expect(load(`tls: { cert: ${oldCert}, key: ${oldKey} }\n`).warnings).toEqual([
      `tls.cert: ${oldCert}: its certificate has expired, on 2001-01-01T00:00:00.000Z`,
    ])
    expect(load(`tls: { cert: ${cert}, key: ${key} }\n`).warnings).toEqual([])
  })

  it('reach Gatehouse by its own listener, or by a header of a trusted proxy', () => {
    const sees = (text: string): boolean => seesClientCertificates(load(text).certificates)
    expect(sees('')).toBe(false)
    expect(sees(`tls: { cert: ${cert}, key: ${key} }\n`)).toBe(true)
    expect(sees(`tls: { cert: ${cert}, key: ${key} }\nclient_certificates: { ask: false }\n`)).toBe(false)
    expect(sees(`${proxy}client_certificates: { header: X-Client-Cert }\n`)).toBe(true)
    expect(load(`${proxy}client_certificates: { header: X-Client-Cert }\n`).certificates.header).toBe('x-client-cert')
  })

  it.each([
    [
      'a file that is not there',
      'tls:\n  cert: nowhere.pem\n  key: nowhere.key\n',
      /^gatehouse\.yaml:4: tls\.cert: .*\/nowhere\.pem cannot be read$/,
    ],
    [
      'a key that is another’s',
      `tls:\n  cert: ${cert}\n  key: ${otherKey}\n`,
      /^gatehouse\.yaml:5: tls\.key: .*another certificate/,
    ],
    ['a certificate without a key', `tls:\n  cert: ${cert}\n`, /^gatehouse\.yaml: tls\.key: missing|tls\.key: missing/],
    [
      'authorities that are none',
      `client_certificates:\n  authorities: ${cert}\n`,
      /^gatehouse\.yaml:4: client_certificates\.authorities: expected authorities only/,
    ],
    [
      'a header that nobody is trusted for',
      'client_certificates: { header: Client-Cert }\n',
      /client_certificates\.header: .*trusted_proxies alone/,
    ],
    ['asking without a listener', 'client_certificates: { ask: true }\n', /client_certificates\.ask: .*add tls/],
    ['a client whose certificate cannot get here', robot, /clients\.robot: its certificate could not reach Gatehouse/],
    [
      'a client that nobody would stand for',
      `tls: { cert: ${cert}, key: ${key} }\n${robot}`,
      /clients\.robot\.auth_method: .*authorities$/,
    ],
  ])('are refused with file, line, key and what would be right: %s', (_, text, problem) => {
    expect(problems(text)).toEqual([expect.stringMatching(problem)])
  })

  it('of clients are fine where they can be judged', () => {
    expect(
      problems(`tls: { cert: ${cert}, key: ${key} }\nclient_certificates: { authorities: ${authorities} }\n${robot}`),
    ).toEqual([])
  })
})

describe('what a route asks of a sign-in', () => {
  const route = (require: string): string =>
    `services:\n  a:\n    upstream: http://a\n    routes: [{ path: /a, require: ${require} }]\n`

  it('is a class or an age', () => {
    expect(problems(route('{ acr: [urn:strong, urn:weak], max_age: 5m }'))).toEqual([])
    expect(problems(route('{ max_age: 0s }'))).toEqual([])
  })

  it.each([
    ['{ max_age: 300 }', /require\.max_age: expected a duration/],
    ['{ max_age: 5y }', /require\.max_age: expected a duration/],
    ['{ max_age: 99999d }', /max_age is a whole number/],
    ['{ acr: urn:strong }', /require\.acr: expected a list of texts$/],
    ['{ acr: [] }', /require\.acr: expected a list of texts$/],
    ['{ acr: [a b] }', /no class/],
  ])('and not %s', (require, problem) => {
    expect(problems(route(require))).toEqual([expect.stringMatching(problem)])
  })
})

it('nonces are asked for unless the file says otherwise', () => {
  expect(load('').auth.requireDpopNonce).toBe(true)
  expect(load('dpop: { require_nonce: false }\n').auth.requireDpopNonce).toBe(false)
})
