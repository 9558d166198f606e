import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Seconds } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'

/** Where certificates and keys lie; all of them PEM. */
export interface CertificateFiles {
  /** The listener's certificate, followed by those between it and a known authority. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The authorities of client certificates. */
  readonly authorities?: string | undefined
}

/** What the listener shows. */
export interface Identity {
  readonly cert: string
  readonly key: string
  /** When its own certificate does. */
  readonly expiresAt: Seconds
}

/** What the files hold, found to be usable. */
export interface Certificates {
  /** What the listener shows; absent where there is no TLS. */
  readonly identity: Identity | undefined
  /** The authorities of client certificates as PEM, and read; none = nobody is believed. */
  readonly authoritiesPem: string | undefined
  readonly authorities: readonly X509Certificate[]
}

/** What is wrong with the files, by the first of them that is at fault. */
export interface CertificateFault {
  readonly file: keyof CertificateFiles
  readonly message: string
}

/** Says that the listener's certificate has expired; `undefined` where it has not, or where there is none. */
export function describeExpiry(identity: Identity | undefined, now: Seconds): string | undefined {
  if (identity === undefined || identity.expiresAt > now) return undefined
  return `its certificate has expired, on ${new Date(identity.expiresAt * 1000).toISOString()}`
}

/** Whether the files could not be used. */
export const isCertificateFault = (read: Certificates | CertificateFault): read is CertificateFault => 'message' in read

/**
 * Reads and checks the files: each is PEM of its kind, the key is that of the certificate, the authorities may sign others,
 * and OpenSSL takes them. Never throws for what a file holds.
 */
export function readCertificates(files: CertificateFiles): Certificates | CertificateFault {
  const texts = new Map<keyof CertificateFiles, string>()
  for (const file of ['cert', 'key', 'authorities'] as const) {
    const path = files[file]
    if (path === undefined) continue
    const text = readText(path)
    if (text === undefined) return { file, message: `${path} cannot be read` }
    texts.set(file, text)
  }
  const [cert, key] = [texts.get('cert'), texts.get('key')]
  const identity = cert === undefined || key === undefined ? undefined : readIdentity(cert, key)
  if (identity && 'message' in identity) return identity
  const authoritiesPem = texts.get('authorities')
  const authorities = authoritiesPem === undefined ? [] : parseCertificates(authoritiesPem)
  if (authorities === undefined || (authoritiesPem !== undefined && authorities.length === 0)) {
    return { file: 'authorities', message: 'expected PEM certificates of authorities' }
  }
  if (authorities.some(({ ca }) => !ca)) {
    return { file: 'authorities', message: 'expected authorities only; one of the certificates may not sign others' }
  }
  return { identity, authoritiesPem, authorities }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function readIdentity(cert: string, key: string): Identity | CertificateFault {
  const [leaf] = parseCertificates(cert) ?? []
  if (!leaf) return { file: 'cert', message: 'expected a PEM certificate, followed by those that vouch for it' }
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey(key)
  } catch {
    return { file: 'key', message: 'expected a PEM private key without a passphrase' }
  }
  if (!leaf.checkPrivateKey(privateKey)) {
    return {
      file: 'key',
      message: 'this is the key of another certificate; the one that is served comes first in its file',
    }
  }
  try {
    createSecureContext({ cert, key, minVersion: 'TLSv1.2' })
    return { cert, key, expiresAt: seconds(Math.floor(Date.parse(leaf.validTo) / 1000)) }
  } catch (error) {
    // Such as a key that is too short for today's OpenSSL.
    return { file: 'cert', message: `OpenSSL does not take it: ${error instanceof Error ? error.message : 'unknown'}` }
  }
}

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates of a PEM text in their order; `undefined` where one of them cannot be read. */
function parseCertificates(text: string): readonly X509Certificate[] | undefined {
  try {
    return (text.match(pemBlock) ?? []).map((block) => new X509Certificate(block))
  } catch {
    return undefined
  }
}
