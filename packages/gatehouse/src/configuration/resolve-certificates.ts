import type { ConfiguredClient } from '@gatehouse/auth/domain/clients'
import { systemClock } from '../clock.ts'
import {
  type CertificateFiles,
  describeExpiry,
  isCertificateFault,
  readCertificates,
} from '../tls/certificate-files.ts'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

/** Which certificates are shown, asked for and believed. */
export interface CertificateSettings {
  readonly files: CertificateFiles
  /** Whether the TLS listener also speaks HTTP/2. */
  readonly http2: boolean
  /** Whether the TLS listener asks clients for a certificate. */
  readonly ask: boolean
  /** The header in which trusted proxies hand certificates on, in small letters. */
  readonly header: string | undefined
  /** What is probably a mistake, and stops nothing. */
  readonly warnings: readonly string[]
}

/** The certificates of a file, each of which is read, so that a mistake in one shows at the start. */
export function resolveCertificates(content: ConfigurationFile, report: Report): CertificateSettings {
  const { tls, client_certificates: clients } = content
  const files: CertificateFiles = { cert: tls?.cert, key: tls?.key, authorities: clients?.authorities }
  const read = readCertificates(files)
  const expired = isCertificateFault(read) ? undefined : describeExpiry(read.identity, systemClock.now())
  if (isCertificateFault(read)) {
    report([read.file === 'authorities' ? 'client_certificates' : 'tls', read.file], read.message)
  }
  if (clients?.header !== undefined && (content.trusted_proxies ?? []).length === 0) {
    report(['client_certificates', 'header'], 'is believed from trusted_proxies alone, and there are none')
  }
  if (clients?.ask !== undefined && tls === undefined) {
    report(['client_certificates', 'ask'], 'is for a listener of its own: add tls, or leave it out')
  }
  const http2 = tls?.http2 ?? true
  const warnings = expired === undefined ? [] : [`tls.cert: ${files.cert}: ${expired}`]
  return { files, http2, ask: clients?.ask ?? true, header: clients?.header?.toLowerCase(), warnings }
}

/** Reports clients whose certificates could never get here, or that nobody would stand for. */
export function checkCertificateClients(
  clients: readonly ConfiguredClient[],
  settings: CertificateSettings,
  report: Report,
): void {
  for (const { id, authMethod, metadata } of clients) {
    const needsOne = tlsMethods.has(authMethod) || metadata.tls_client_certificate_bound_access_tokens === true
    if (needsOne && !seesClientCertificates(settings)) {
      report(['clients', id], 'its certificate could not reach Gatehouse: add tls, or client_certificates.header')
    } else if (authMethod === 'tls_client_auth' && settings.files.authorities === undefined) {
      report(['clients', id, 'auth_method'], 'tls_client_auth needs client_certificates.authorities')
    }
  }
}

const tlsMethods: ReadonlySet<string> = new Set(['tls_client_auth', 'self_signed_tls_client_auth'])

/** Whether a client certificate can reach Gatehouse at all. */
export const seesClientCertificates = ({ files, ask, header }: CertificateSettings): boolean =>
  header !== undefined || (files.cert !== undefined && ask)
