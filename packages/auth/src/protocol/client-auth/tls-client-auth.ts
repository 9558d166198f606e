import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { ClientKey } from '../../domain/client-keys.ts'
import type { Client } from '../../domain/clients.ts'
import type { ClientCertificate } from '../../http/client-certificate.ts'
import { normalizeDistinguishedName, normalizeSubject } from './distinguished-name.ts'

/** Why a certificate does not prove a client: for the log. */
export type TlsClientFault = 'no certificate' | 'not verified' | 'another name' | 'another key' | 'another method'

/** What is asked of a client here. */
export type TlsClient = Pick<Client, 'authMethod' | 'certificate' | 'jwks'>

/**
 * Checks that a certificate is the client's, by the method that it is registered for; nothing = it is.
 * Spec: RFC 8705 sections 2.1 (an authority stands for it, and it has the one registered name) and 2.2 (self-signed, and its
 * key is one of the client's). `fetched` are the keys behind its jwks_uri, where it has one.
 * Stops: any certificate that somebody else's authority has issued for the same name; wildcards and near misses of names.
 */
export function checkTlsClient(
  client: TlsClient,
  presented: ClientCertificate | undefined,
  fetched: readonly Pick<ClientKey, 'key'>[] = [],
): TlsClientFault | undefined {
  if (presented === undefined) return 'no certificate'
  if (client.authMethod === 'tls_client_auth') {
    if (!presented.verified) return 'not verified'
    return client.certificate && hasName(presented.certificate, client.certificate) ? undefined : 'another name'
  }
  if (client.authMethod !== 'self_signed_tls_client_auth') return 'another method'
  const { publicKey } = presented.certificate
  const isRegistered = client.jwks?.keys.some((jwk) => isSamePublicKey(jwk, publicKey)) ?? false
  return isRegistered || fetched.some(({ key }) => key.equals(publicKey)) ? undefined : 'another key'
}

type RegisteredName = NonNullable<TlsClient['certificate']>

function hasName(certificate: X509Certificate, { kind, value }: RegisteredName): boolean {
  if (kind === 'subject_dn') {
    const wanted = normalizeDistinguishedName(value)
    return wanted !== undefined && wanted === normalizeSubject(certificate.subject)
  }
  return parseAlternativeNames(certificate.subjectAltName).some(
    (name) => name.kind === kind && isSameName(kind, name.value, value),
  )
}

function isSameName(kind: RegisteredName['kind'], found: string, registered: string): boolean {
  if (kind === 'san_dns') return found.toLowerCase() === registered.toLowerCase()
  if (kind !== 'san_ip') return found === registered
  if (!ipaddr.isValid(found) || !ipaddr.isValid(registered)) return false
  return ipaddr.parse(found).toNormalizedString() === ipaddr.parse(registered).toNormalizedString()
}

const alternativeKinds: Readonly<Record<string, RegisteredName['kind']>> = {
  DNS: 'san_dns',
  URI: 'san_uri',
  'IP Address': 'san_ip',
  email: 'san_email',
}
/** One entry as node:crypto writes it: what has special characters in it is a JSON string. */
const alternativeName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g

/** The alternative names of a certificate, but for kinds that no client is registered by. */
function parseAlternativeNames(text: string | undefined): readonly { kind: RegisteredName['kind']; value: string }[] {
  const names: { kind: RegisteredName['kind']; value: string }[] = []
  for (const [, type = '', written = ''] of (text ?? '').matchAll(alternativeName)) {
    const kind = alternativeKinds[type]
    if (kind) names.push({ kind, value: written.startsWith('"') ? unquote(written) : written })
  }
  return names
}

function unquote(written: string): string {
  try {
    return String(JSON.parse(written))
  } catch {
    return ''
  }
}

/** Whether a registered JWK, by its certificate or by itself, is this key. */
function isSamePublicKey(jwk: object, key: KeyObject): boolean {
  const { x5c } = jwk as { readonly x5c?: unknown }
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined
  try {
    const registered =
      typeof first === 'string'
        ? new X509Certificate(Buffer.from(first, 'base64')).publicKey
        : createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    return registered.equals(key)
  } catch {
    // A key of a kind that node:crypto does not know is nobody's here.
    return false
  }
}
