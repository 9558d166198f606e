import type { SecureContextOptions, TlsOptions, Server as TlsServer } from 'node:tls'
import type { Certificates } from './certificate-files.ts'

/**
 * How the listener speaks TLS: 1.2 or newer; HTTP/1.1 alone, unless its server offers more. With `askForCertificate` clients
 * are asked for a certificate,
 * and none is turned away for what it shows or does not show: that is for those to judge who ask for a certificate.
 */
export const buildTlsOptions = (certificates: Certificates, askForCertificate: boolean): TlsOptions => ({
  ...buildSecureContext(certificates),
  ALPNProtocols: ['http/1.1'],
  requestCert: askForCertificate,
  rejectUnauthorized: false,
  handshakeTimeout: 10_000,
})

const buildSecureContext = ({ identity, authoritiesPem }: Certificates): SecureContextOptions => ({
  ...(identity && { cert: identity.cert, key: identity.key }),
  // An empty list keeps OpenSSL from asking the authorities that every browser trusts.
  ca: authoritiesPem ?? [],
  minVersion: 'TLSv1.2',
})

/**
 * Gives new connections other certificates. The new context has ticket keys of its own, which ends the TLS sessions of
 * before: resuming one would bring back what the authorities of then said of a client certificate.
 */
export const replaceCertificates = (server: Pick<TlsServer, 'setSecureContext'>, certificates: Certificates): void =>
  server.setSecureContext(buildSecureContext(certificates))
