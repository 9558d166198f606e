import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCertificateThumbprint, type ClientCertificate } from '../../http/client-certificate.ts'
import { buildCertificate, type CertificateRequest, type TestCertificate } from '../../testing/certificates.ts'
import { normalizeDistinguishedName, normalizeSubject } from './distinguished-name.ts'
import { checkTlsClient, type TlsClient } from './tls-client-auth.ts'

const shown = ({ cert }: TestCertificate, verified = true): ClientCertificate => {
  const certificate = new X509Certificate(cert)
  return { certificate, thumbprint: buildCertificateThumbprint(certificate), verified }
}
const registered = (kind: NonNullable<TlsClient['certificate']>['kind'], value: string): TlsClient => ({
  authMethod: 'tls_client_auth',
  certificate: { kind, value },
  jwks: undefined,
})
const robot: CertificateRequest = {
  subject: [
    ['C', 'DE'],
    ['O', 'Example, Inc.'],
    [
      ['OU', 'Büro'],
      ['CN', 'Robot'],
    ],
  ],
  names: [
    { kind: 'dns', text: 'robot.example.com' },
    { kind: 'dns', text: '*.wild.example.com' },
    { kind: 'dns', text: 'x, DNS:admin.example.com' },
    { kind: 'uri', text: 'spiffe://example.com/a,b' },
    { kind: 'email', text: 'robot@example.com' },
    { kind: 'ip', bytes: [10, 0, 0, 7] },
    { kind: 'ip', bytes: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
  ],
}
const certificate = shown(buildCertificate(robot))
const keyPair = buildCertificate({ subject: [['CN', 'any']] }).keys

describe('tls_client_auth', () => {
  it.each([
    ['subject_dn', 'CN=Robot+OU=Büro,O=Example\\, Inc.,C=DE'],
    ['subject_dn', 'ou=B\\C3\\BCro + cn=Robot, o=Example\\2C Inc., c=DE'],
    ['subject_dn', '2.5.4.3=Robot+2.5.4.11=Büro,O=Example\\, Inc.,OID.2.5.4.6=DE'],
    ['san_dns', 'robot.example.com'],
    ['san_dns', 'ROBOT.example.com'],
    ['san_dns', '*.wild.example.com'],
    ['san_uri', 'spiffe://example.com/a,b'],
    ['san_email', 'robot@example.com'],
    ['san_ip', '10.0.0.7'],
    ['san_ip', '2001:db8::1'],
  ] as const)('takes the registered %s %s', (kind, value) => {
    expect(checkTlsClient(registered(kind, value), certificate)).toBeUndefined()
  })

  it.each([
    ['subject_dn', 'CN=Robot'],
    ['subject_dn', 'C=DE,O=Example\\, Inc.,CN=Robot+OU=Büro'],
    ['subject_dn', 'CN=robot+OU=Büro,O=Example\\, Inc.,C=DE'],
    ['subject_dn', 'CN=Robot,OU=Büro,O=Example\\, Inc.,C=DE'],
    ['subject_dn', ''],
    ['subject_dn', 'robot'],
    ['san_dns', 'example.com'],
    ['san_dns', 'a.wild.example.com'],
    ['san_dns', 'admin.example.com'],
    ['san_dns', 'Robot'],
    ['san_dns', 'robot@example.com'],
    ['san_uri', 'spiffe://example.com/a'],
    ['san_email', 'Robot@example.com'],
    ['san_ip', '10.0.0.70'],
    ['san_ip', 'robot'],
  ] as const)('takes no other: %s %s', (kind, value) => {
    expect(checkTlsClient(registered(kind, value), certificate)).toBe('another name')
  })

  it('takes no certificate that nobody stands for, none at all, and none where no name is registered', () => {
    const client = registered('san_dns', 'robot.example.com')
    expect(checkTlsClient(client, { ...certificate, verified: false })).toBe('not verified')
    expect(checkTlsClient(client, undefined)).toBe('no certificate')
    expect(checkTlsClient({ ...client, certificate: undefined }, certificate)).toBe('another name')
    expect(checkTlsClient(client, shown(buildCertificate({ subject: [['CN', 'robot.example.com']] })))).toBe(
      'another name',
    )
  })

  it('is no way for a client that is registered for another', () => {
    expect(checkTlsClient({ ...registered('san_dns', 'robot.example.com'), authMethod: 'none' }, certificate)).toBe(
      'another method',
    )
  })
})

describe('a distinguished name', () => {
  it('cannot be made to look like another by what a value holds', () => {
    const wanted = normalizeDistinguishedName('CN=Robot,O=Example')
    for (const subject of [
      [['CN', 'Robot,O=Example']],
      [['O', 'Example\nCN=Robot']],
      [['O', 'Example + CN=Robot']],
      [
        ['CN', 'Robot'],
        ['O', 'Example'],
      ],
      [
        [
          ['CN', 'Robot'],
          ['O', 'Example'],
        ],
      ],
    ] as CertificateRequest['subject'][]) {
      const { subject: text } = new X509Certificate(buildCertificate({ subject }).cert)
      expect([text, normalizeSubject(text)]).not.toEqual([text, wanted])
      expect(normalizeSubject(text)).toBeDefined()
    }
    const { subject } = new X509Certificate(
      buildCertificate({
        subject: [
          ['O', 'Example'],
          ['CN', 'Robot'],
        ],
      }).cert,
    )
    expect(normalizeSubject(subject)).toBe(wanted)
  })

  it.each(['', 'CN', '=x', 'CN=', 'CN=#0c0141', 'CN="a"', 'CN=a\\', 'CN=a,', ',CN=a', 'CN=a+'])(
    '%j is none',
    (text) => {
      expect(normalizeDistinguishedName(text)).toBeUndefined()
    },
  )

  it('of a certificate is found again by its own text, most specific part first', () => {
    const texts = fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }).filter((text) => !text.includes('\0'))
    const property = fc.property(texts, texts, (name, organization) => {
      const { subject } = new X509Certificate(
        buildCertificate({
          subject: [
            ['O', organization],
            ['CN', name],
          ],
          keys: keyPair,
        }).cert,
      )
      const written = [...subject.split('\n')].reverse().join(',')
      return (
        normalizeSubject(subject) !== undefined && normalizeDistinguishedName(written) === normalizeSubject(subject)
      )
    })
    fc.assert(property, { numRuns: 100 })
  })

  it('keeps spaces that are meant', () => {
    expect(normalizeDistinguishedName('CN=\\ a\\ ')).toBe(normalizeSubject('CN=\\ a\\ '))
    expect(normalizeDistinguishedName('CN=\\ a\\ ')).not.toBe(normalizeDistinguishedName('CN=a'))
  })
})

describe('self_signed_tls_client_auth', () => {
  const own = buildCertificate({ subject: [['CN', 'anything']] })
  const jwk = own.keys.publicKey.export({ format: 'jwk' })
  const der = own.cert.replaceAll(/-----.*-----|\s/g, '')
  const client = (keys: readonly object[]): TlsClient => ({
    authMethod: 'self_signed_tls_client_auth',
    certificate: undefined,
    jwks: { keys },
  })
  const other = buildCertificate({ subject: [['CN', 'anything']] })

  it('takes a certificate whose key is registered, by itself or in a certificate', () => {
    expect(checkTlsClient(client([jwk]), shown(own, false))).toBeUndefined()
    expect(checkTlsClient(client([{ kty: 'EC', x5c: [der] }]), shown(own, false))).toBeUndefined()
    const renewed = buildCertificate({ subject: [['CN', 'renewed']], keys: own.keys })
    expect(checkTlsClient(client([{}, { kty: 'oct', k: 'AA' }, jwk]), shown(renewed, false))).toBeUndefined()
    const fetched = [{ key: own.keys.publicKey }]
    expect(checkTlsClient({ ...client([]), jwks: undefined }, shown(own, false), fetched)).toBeUndefined()
  })

  it('takes no other, however well somebody stands for it', () => {
    expect(checkTlsClient(client([jwk]), shown(other))).toBe('another key')
    // What a set says beside a certificate is not what the certificate says.
    const confused = { ...other.keys.publicKey.export({ format: 'jwk' }), x5c: [der] }
    expect(checkTlsClient(client([confused]), shown(other))).toBe('another key')
    expect(checkTlsClient(client([]), shown(own))).toBe('another key')
    expect(checkTlsClient({ ...client([]), jwks: undefined }, shown(own))).toBe('another key')
    expect(checkTlsClient(client([]), shown(own), [{ key: other.keys.publicKey }])).toBe('another key')
    expect(checkTlsClient(client([jwk]), undefined)).toBe('no certificate')
  })
})
