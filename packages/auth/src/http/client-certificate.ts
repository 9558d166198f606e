import { hash, X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '@gatehouse/core/time'

/** The certificate that a client has shown, and so proven that it has the key of. */
export interface ClientCertificate {
  readonly certificate: X509Certificate
  /** SHA-256 over its DER bytes as base64url: the `x5t#S256` that tokens are bound to. Spec: RFC 8705 section 3.1. */
  readonly thumbprint: string
  /** Whether an authority that the configuration names stands for it. False for a self-signed one. */
  readonly verified: boolean
}

/** The authorities that are believed, and the clock by which certificates expire. */
export interface CertificateAuthorities {
  readonly certificates: readonly X509Certificate[]
  readonly clock: Clock
}

/** From where certificates are believed. */
export interface CertificateSource {
  /** Whether the peer of a request is a proxy that may say which certificate its client has shown. */
  readonly isTrustedProxy: (request: IncomingMessage) => boolean
  /** The header in which it says so, in small letters; absent = there is none. */
  readonly header: string | undefined
  /** Who stands for client certificates; absent = no certificate counts as verified. */
  readonly authorities?: CertificateAuthorities | undefined
}

/** Connections are kept open, and their certificate stays the same; who is believed does not. */
const ofConnection = new WeakMap<object, ShownCertificate | null>()

/**
 * The certificate of a request: what a trusted proxy says, else what the connection to Gatehouse's own listener was made
 * with. Spec: RFC 8705 sections 2 and 6.5, RFC 9440.
 * Cost: nothing for a plain connection; on TLS one hash a connection, and one signature for each set of authorities; from a header
 * one parse a request.
 * Stops: a certificate that a client merely writes into a header, since only a trusted proxy's header is read, and then
 * nothing but that header: the proxy's own certificate is never taken for its client's; a connection that is kept open beyond the time
 * of its certificate, or of its authority's place in the configuration.
 */
export function findClientCertificate(
  request: IncomingMessage,
  source: CertificateSource,
): ClientCertificate | undefined {
  if (source.header !== undefined && source.isTrustedProxy(request)) {
    const certificate = parseCertificateHeader(request.headers[source.header])
    return certificate && new HandedOnCertificate(certificate, source)
  }
  const { socket } = request
  // A server's socket is a TLSSocket exactly where it has `encrypted`.
  if ((socket as Partial<TLSSocket>).encrypted !== true) return undefined
  let known = ofConnection.get(socket)
  if (known === undefined) {
    const certificate = (socket as TLSSocket).getPeerX509Certificate()
    known = certificate === undefined ? null : new ShownCertificate(certificate, (socket as TLSSocket).authorized)
    ofConnection.set(socket, known)
  }
  known?.judge(source.authorities)
  return known ?? undefined
}

/** The certificate of a connection. Those of the way to an authority were verified when it was made. */
class ShownCertificate implements ClientCertificate {
  readonly certificate: X509Certificate
  readonly thumbprint: string
  verified = false
  readonly #wasAuthorized: boolean
  #judgedBy: readonly X509Certificate[] | undefined = undefined
  /** From when to when what it was judged by holds, in milliseconds; never where nobody stands for it. */
  #from = Number.POSITIVE_INFINITY
  #to = Number.NEGATIVE_INFINITY

  constructor(certificate: X509Certificate, wasAuthorized: boolean) {
    this.certificate = certificate
    this.thumbprint = buildCertificateThumbprint(certificate)
    this.#wasAuthorized = wasAuthorized
  }

  /** Says anew who stands for it. Without authorities of ours, OpenSSL would ask those that every web browser trusts. */
  judge(authorities: CertificateAuthorities | undefined): void {
    if (authorities === undefined || !this.#wasAuthorized) {
      this.verified = false
      return
    }
    if (this.#judgedBy !== authorities.certificates) this.#findAuthority(authorities.certificates)
    const now = authorities.clock.milliseconds()
    this.verified = this.#from <= now && now <= this.#to
  }

  #findAuthority(authorities: readonly X509Certificate[]): void {
    this.#judgedBy = authorities
    this.#from = Number.NEGATIVE_INFINITY
    this.#to = Number.POSITIVE_INFINITY
    let link: X509Certificate | undefined = this.certificate
    for (let depth = 0; link !== undefined && depth < longestWay; depth += 1) {
      const { raw }: X509Certificate = link
      const own = authorities.find((authority) => authority.raw.equals(raw))
      this.#narrow(link)
      const issuer = own ?? authorities.find((authority) => isSignedBy(link as X509Certificate, authority))
      if (issuer !== undefined) return this.#narrow(issuer)
      link = link.issuerCertificate
    }
    this.#to = Number.NEGATIVE_INFINITY
  }

  #narrow({ validFrom, validTo }: X509Certificate): void {
    this.#from = Math.max(this.#from, Date.parse(validFrom))
    this.#to = Math.min(this.#to, Date.parse(validTo))
  }
}

/** Certificates between a client's and an authority. */
const longestWay = 8

/** SHA-256 over a certificate's DER bytes, base64url: 43 characters. Spec: RFC 8705 section 3.1. */
export const buildCertificateThumbprint = ({ raw }: X509Certificate): string => hash('sha256', raw, 'base64url')

/** A certificate from a header: what of it nobody asks for is not worked out. */
class HandedOnCertificate implements ClientCertificate {
  readonly certificate: X509Certificate
  readonly #source: CertificateSource

  constructor(certificate: X509Certificate, source: CertificateSource) {
    this.certificate = certificate
    this.#source = source
  }

  get thumbprint(): string {
    return buildCertificateThumbprint(this.certificate)
  }

  /** The proxy may have let anything through, so its client's certificate is looked at here. */
  get verified(): boolean {
    const { authorities } = this.#source
    if (authorities === undefined) return false
    const now = authorities.clock.milliseconds()
    return authorities.certificates.some((authority) => isIssuedBy(this.certificate, authority, now))
  }
}

/** Whether an authority has signed a certificate itself, for clients too, and the certificate is within its time. */
function isIssuedBy(certificate: X509Certificate, authority: X509Certificate, now: number): boolean {
  if (!isForClients(certificate) || !isInTime(certificate, now) || !isInTime(authority, now)) return false
  return isSignedBy(certificate, authority)
}

const isInTime = ({ validFrom, validTo }: X509Certificate, now: number): boolean =>
  now >= Date.parse(validFrom) && now <= Date.parse(validTo)

const isSignedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)

/** TLS client authentication, and any purpose. Spec: RFC 5280 section 4.2.1.12. */
const clientPurposes: readonly string[] = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']

/**
 * Whether a certificate may prove a client: where it says what it is for, that must be among it, as OpenSSL has it for the
 * listener's own. Stops: the certificate of a server, from the same authority, used as that of a client.
 */
// The type has it as always there; where the certificate says nothing it is not.
const isForClients = ({ keyUsage }: { readonly keyUsage?: readonly string[] }): boolean =>
  keyUsage === undefined || keyUsage.some((purpose) => clientPurposes.includes(purpose))

const longestHeader = 16_384
const base64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * Reads the certificate in a proxy's header: PEM with or without percent escapes (nginx), a byte sequence `:base64:`
 * (RFC 9440 section 2.1), or the bare base64 of its DER (Traefik, HAProxy). `undefined` for anything else, two certificates
 * or two headers included.
 */
export function parseCertificateHeader(header: string | readonly string[] | undefined): X509Certificate | undefined {
  if (typeof header !== 'string' || header === '' || header.length > longestHeader) return undefined
  const text = decodeEscapes(header)
  const pem = /^-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/.exec(text)
  const encoded = pem ? (pem[1] ?? '').replaceAll(/\s/g, '') : text.replace(/^:(.*):$/, '$1')
  if (!base64.test(encoded)) return undefined
  try {
    return new X509Certificate(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}

function decodeEscapes(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
