import { createHash, X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createServer as createPlainServer, request as requestPlainly } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { buildCertificate, type TestCertificate } from '../testing/certificates.ts'
import {
  type CertificateSource,
  type ClientCertificate,
  findClientCertificate,
  parseCertificateHeader,
} from './client-certificate.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const clock = new ManualClock()
const authority = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
const issued = buildCertificate({ subject: [['CN', 'robot']], issuer: authority })
const own = buildCertificate({ subject: [['CN', 'robot']] })
const authorities = { certificates: [new X509Certificate(authority.cert)], clock }
const stranger: CertificateSource = { isTrustedProxy: () => false, header: 'client-cert', authorities }
const proxied: CertificateSource = { ...stranger, isTrustedProxy: () => true }

const thumbprintOf = ({ cert }: TestCertificate): string =>
  createHash('sha256')
    .update(Buffer.from(cert.replaceAll(/-----.*-----|\s/g, ''), 'base64'))
    .digest('base64url')

/** What a server finds of one TLS request that is made with a certificate or without. */
async function askOverTls(
  source: CertificateSource,
  shown: TestCertificate | undefined,
  headers: Record<string, string> = {},
  onRequest: (incoming: IncomingMessage) => void = () => {},
): Promise<ClientCertificate | undefined> {
  let found: ClientCertificate | undefined
  const serverCertificate = buildCertificate({ subject: [['CN', 'localhost']] })
  const server = createServer(
    {
      key: serverCertificate.key,
      cert: serverCertificate.cert,
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (incoming, response) => {
      found = findClientCertificate(incoming, source)
      expect(findClientCertificate(incoming, source)).toEqual(found)
      onRequest(incoming)
      response.end()
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  await new Promise((resolve, reject) => {
    const identity = shown === undefined ? {} : { key: shown.key, cert: shown.cert }
    request({ port, host: '127.0.0.1', agent: false, rejectUnauthorized: false, headers, ...identity }, (response) =>
      response.resume().on('end', resolve),
    )
      .on('error', reject)
      .end()
  })
  return found
}

describe('a certificate of the connection', () => {
  it('is verified where an authority of ours has issued it', async () => {
    const found = await askOverTls(stranger, issued)
    expect(found).toMatchObject({ thumbprint: thumbprintOf(issued), verified: true })
    expect(found?.certificate.subject).toBe('CN=robot')
  })

  it('is there but not verified where it stands for itself, or no authority is named', async () => {
    expect(await askOverTls(stranger, own)).toMatchObject({ thumbprint: thumbprintOf(own), verified: false })
    expect(await askOverTls({ ...stranger, authorities: undefined }, issued)).toMatchObject({ verified: false })
  })

  it('is not there where none was shown, whatever a stranger writes into the header', async () => {
    const headers = { 'client-cert': encodeURIComponent(issued.cert) }
    expect(await askOverTls(stranger, undefined)).toBeUndefined()
    expect(await askOverTls(stranger, undefined, headers)).toBeUndefined()
    expect(await askOverTls(stranger, own, headers)).toMatchObject({ thumbprint: thumbprintOf(own) })
  })

  it('is verified by way of another that its client shows with it', async () => {
    const between = buildCertificate({ subject: [['CN', 'Between']], issuer: authority, authority: true })
    const far = buildCertificate({ subject: [['CN', 'far']], issuer: between })
    const withWay = { ...far, cert: `${far.cert}${between.cert}` }
    expect(await askOverTls(stranger, withWay)).toMatchObject({ verified: true })
    expect(await askOverTls(stranger, far)).toMatchObject({ verified: false })
  })

  it('is verified no longer than its authority is named and it is within its time, on an open connection too', async () => {
    const time = new ManualClock()
    const brief = buildCertificate({ subject: [['CN', 'brief']], issuer: authority, years: [2020, 2060] })
    const others = buildCertificate({ subject: [['CN', 'Others']], authority: true })
    const named = { certificates: authorities.certificates, clock: time }
    const outcomes: (boolean | undefined)[] = []
    await askOverTls(stranger, brief, {}, (incoming) => {
      const judge = (believed: CertificateSource['authorities']) =>
        outcomes.push(findClientCertificate(incoming, { ...stranger, authorities: believed })?.verified)
      judge(named)
      judge({ certificates: [new X509Certificate(others.cert)], clock: time })
      judge(undefined)
      judge({ certificates: [new X509Certificate(others.cert), new X509Certificate(authority.cert)], clock: time })
      time.advance(Date.UTC(2060, 0, 2) / 1000 - time.now())
      judge(named)
    })
    expect(outcomes).toEqual([true, false, false, true, false])
  })

  it('of a proxy is never its client’s', async () => {
    expect(await askOverTls(proxied, issued)).toBeUndefined()
    expect(await askOverTls(proxied, issued, { 'client-cert': encodeURIComponent(own.cert) })).toMatchObject({
      thumbprint: thumbprintOf(own),
      verified: false,
    })
  })
})

/** What is found of a plain request with these values of the header, as node:http hands them on. */
async function askPlainly(
  source: CertificateSource,
  values: string | string[],
): Promise<ClientCertificate | undefined> {
  let seen: IncomingMessage | undefined
  const server = createPlainServer((incoming, response) => {
    seen = incoming
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  await new Promise((resolve, reject) => {
    requestPlainly({ port, host: '127.0.0.1', agent: false, headers: { 'client-cert': values } }, (response) =>
      response.resume().on('end', resolve),
    )
      .on('error', reject)
      .end()
  })
  return seen && findClientCertificate(seen, source)
}

describe('a certificate in a header', () => {
  const bare = issued.cert.replaceAll(/-----.*-----|\s/g, '')
  it.each([
    ['percent-escaped PEM', encodeURIComponent(issued.cert)],
    ['PEM in one line', issued.cert.replaceAll('\n', ' ').trim()],
    ['a byte sequence', `:${bare}:`],
    ['bare base64', bare],
    ['escaped base64', encodeURIComponent(bare)],
  ])('of a trusted proxy is read as %s', async (_, value) => {
    expect(await askPlainly(proxied, value)).toMatchObject({ thumbprint: thumbprintOf(issued), verified: true })
    expect(await askPlainly(stranger, value)).toBeUndefined()
    expect(await askPlainly({ ...proxied, header: undefined }, value)).toBeUndefined()
  })

  it.each<[string, string | string[]]>([
    ['nothing', ''],
    ['two headers', [`:${bare}:`, `:${bare}:`]],
    ['two certificates', encodeURIComponent(issued.cert + own.cert)],
    ['another thing', 'robot'],
    ['half of one', bare.slice(0, 200)],
    ['a broken escape', '%zz'],
    ['a key', encodeURIComponent(issued.key)],
  ])('that is %s is none', async (_, values) => {
    expect(await askPlainly(proxied, values)).toBeUndefined()
  })

  it('is verified only by an authority that has signed it itself, for clients, and in its time', async () => {
    const verified = async (certificate: TestCertificate): Promise<boolean | undefined> =>
      (await askPlainly(proxied, encodeURIComponent(certificate.cert)))?.verified
    expect(await verified(own)).toBe(false)
    const namesake = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
    expect(await verified(buildCertificate({ subject: [['CN', 'robot']], issuer: namesake }))).toBe(false)
    expect(await verified(buildCertificate({ subject: [['CN', 'r']], issuer: authority, years: [2020, 2021] }))).toBe(
      false,
    )
    expect(await verified(buildCertificate({ subject: [['CN', 'r']], issuer: authority, years: [2090, 2099] }))).toBe(
      false,
    )
    const forPurposes = (...purposes: ('server' | 'client' | 'any')[]) =>
      verified(buildCertificate({ subject: [['CN', 'r']], issuer: authority, purposes }))
    expect(await forPurposes('server')).toBe(false)
    expect(await Promise.all([forPurposes('server', 'client'), forPurposes('any')])).toEqual([true, true])
    const over = buildCertificate({ subject: [['CN', 'Over']], authority: true, years: [2020, 2022] })
    const byOver = buildCertificate({ subject: [['CN', 'r']], issuer: over })
    const past = { ...proxied, authorities: { certificates: [new X509Certificate(over.cert)], clock } }
    expect((await askPlainly(past, encodeURIComponent(byOver.cert)))?.verified).toBe(false)
    const unfit = { certificates: [new X509Certificate(own.cert)], clock }
    const byUnfit = buildCertificate({ subject: [['CN', 'r']], issuer: own })
    const found = await askPlainly({ ...proxied, authorities: unfit }, encodeURIComponent(byUnfit.cert))
    expect(found?.verified).toBe(false)
  })
})

it('a header that is cut short or spoilt never throws', () => {
  const good = encodeURIComponent(issued.cert)
  const property = fc.property(fc.nat(good.length), fc.string({ maxLength: 5 }), (place, text) => {
    parseCertificateHeader(good.slice(0, place) + text + good.slice(place + text.length))
    parseCertificateHeader(`:${text}:`)
    return true
  })
  fc.assert(property, { numRuns: 300 })
})
