import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { oneOf } from '@gatehouse/auth/domain/client-metadata'
import { ProviderFailure } from '@gatehouse/auth/federation/provider-failure'
import type { SamlKey } from '@gatehouse/auth/federation/saml-library'
import type { SamlSettings } from '@gatehouse/auth/federation/saml-settings'
import type { SamlSource } from '@gatehouse/auth/federation/saml-source'
import * as Type from 'typebox'
import { isLoopback } from '../loopback.ts'
import { path, paths, text, texts } from '../schema-words.ts'
import { type ProviderContext, providerKind } from './provider-kind.ts'

let reader: typeof import('@gatehouse/auth/federation/saml-metadata') | undefined

/** Loads what reads metadata and certificates: a start without providers need not wait for it. To be called before {@link resolveSaml}. */
export async function loadSamlReader(): Promise<void> {
  reader ??= await import('@gatehouse/auth/federation/saml-metadata')
}

function getReader(): NonNullable<typeof reader> {
  if (!reader) throw new Error('loadSamlReader() comes first')
  return reader
}

const httpsAddress = { expected: 'an https URL' } as const

/** A SAML 2.0 identity provider. */
export const samlSchema = providerKind(
  'saml',
  'A SAML 2.0 identity provider. It is known by its metadata, at an address or in a file, or by entry_point, idp_certificates and idp_entity_id',
  {
    metadata_url: Type.Optional(
      text('Where its metadata is: fetched when it is needed, and again as it says', httpsAddress),
    ),
    metadata_file: Type.Optional(path('A file with its metadata')),
    entry_point: Type.Optional(text('Where people are sent to sign in', httpsAddress)),
    logout_url: Type.Optional(text('Where people are sent to sign out, with `entry_point`', httpsAddress)),
    idp_certificates: Type.Optional(
      paths('Files with the certificates by which its signatures are checked, with `entry_point`', {
        minItems: 1,
        expected: 'a list of files such as [idp.pem]',
      }),
    ),
    idp_entity_id: Type.Optional(
      text('Its entity id. With metadata: which of those described there; left out: the only one'),
    ),
    entity_id: Type.Optional(text('Our entity id. Left out: the address of our metadata')),
    key_file: Type.Optional(
      path('A file with our key, PEM: signs requests and logouts, and opens encrypted assertions'),
    ),
    certificate_file: Type.Optional(path('A file with its certificate, PEM, which stands in our metadata')),
    sign_requests: Type.Optional(
      Type.Boolean({
        description: 'Whether requests to sign in are signed. Left out: where there is a key',
        expected: 'true or false',
      }),
    ),
    binding: Type.Optional(
      oneOf(['redirect', 'post'], {
        description: 'How people are sent there: by an address or by a form. Left out: by an address, if it takes that',
      }),
    ),
    name_id_format: Type.Optional(
      text('The format of NameID that is asked for', {
        expected: 'a format such as urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      }),
    ),
    subject_attribute: Type.Optional(
      text(
        'The attribute by which somebody is known, in place of the NameID: one text that stays the same and is never given to another',
      ),
    ),
    requested_authn_context: Type.Optional(
      texts('Classes of sign-in, one of which is asked for', {
        expected: 'a list such as ["https://refeds.org/profile/mfa"]',
      }),
    ),
  },
)

type SamlSection = Type.Static<typeof samlSchema>

/** What the keys of a provider of SAML mean; what cannot be meant is reported. Reads the files that they name. */
export function resolveSaml(section: SamlSection, context: ProviderContext): SamlSettings {
  const key = resolveKey(section, context)
  if (section.sign_requests && !key) {
    context.report(['sign_requests'], 'needs a key: set key_file and certificate_file')
  }
  return {
    source: resolveSource(section, context),
    idpEntityId: section.idp_entity_id,
    entityId: section.entity_id,
    key,
    signRequests: key !== undefined && (section.sign_requests ?? true),
    binding: section.binding,
    nameIdFormat: section.name_id_format,
    subjectAttribute: section.subject_attribute,
    authnContext: section.requested_authn_context ?? [],
  }
}

const byHand = ['entry_point', 'logout_url', 'idp_certificates'] as const

function resolveSource(section: SamlSection, context: ProviderContext): SamlSource {
  const { metadata_url: url, metadata_file: file, entry_point: entryPoint } = section
  const { report } = context
  const ways = [url, file, entryPoint].filter((way) => way !== undefined)
  if (ways.length !== 1) {
    report([], 'expected one of metadata_url, metadata_file and entry_point (with idp_certificates and idp_entity_id)')
  }
  if (entryPoint === undefined) {
    for (const key of byHand) {
      if (section[key] !== undefined) report([key], 'goes with entry_point, and the metadata says it already')
    }
  }
  if (url !== undefined) {
    if (!isFetchable(url, context)) report(['metadata_url'], 'expected an https URL')
    return { metadataUrl: url }
  }
  if (file !== undefined) return { metadata: resolveMetadata(file, section.idp_entity_id, context) }
  return resolveByHand(section, context)
}

function isFetchable(text: string, { development }: ProviderContext): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHere = development && url?.protocol === 'http:' && isLoopback(url.hostname)
  return url !== undefined && url.username === '' && (url.protocol === 'https:' || isHere)
}

function resolveMetadata(file: string, entityId: string | undefined, { report }: ProviderContext): string {
  const metadata = readFile(file)
  if (metadata === undefined) {
    report(['metadata_file'], `${file} cannot be read`)
    return ''
  }
  try {
    getReader().parseIdentityProvider(metadata, entityId)
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    report(['metadata_file'], `${file}: ${error.detail}`)
  }
  return metadata
}

function resolveByHand(section: SamlSection, { report }: ProviderContext): SamlSource {
  const { entry_point: entryPoint = '', logout_url: logoutUrl, idp_certificates: files = [] } = section
  const { isSignInAddress, readCertificate } = getReader()
  if (section.entry_point !== undefined) {
    if (files.length === 0) report(['idp_certificates'], 'missing; the metadata of the provider has them')
    if (section.idp_entity_id === undefined) report(['idp_entity_id'], 'missing; it is the entityID of the provider')
    if (!isSignInAddress(entryPoint)) report(['entry_point'], 'expected an https URL')
    if (logoutUrl !== undefined && !isSignInAddress(logoutUrl)) report(['logout_url'], 'expected an https URL')
  }
  const certificates = files.map((file, index) => {
    const pem = readFile(file)
    const certificate = pem === undefined ? undefined : readCertificate(pem)
    if (certificate === undefined) {
      const why = pem === undefined ? 'cannot be read' : 'is no certificate with an RSA key of 2048 bits or more'
      report(['idp_certificates', index], `${file} ${why}`)
    }
    return certificate ?? ''
  })
  return { entryPoint, logoutUrl, certificates, entityId: section.idp_entity_id ?? '' }
}

function resolveKey(section: SamlSection, { report }: ProviderContext): SamlKey | undefined {
  const { key_file: keyFile, certificate_file: certificateFile } = section
  if (keyFile === undefined && certificateFile === undefined) return undefined
  if (keyFile === undefined || certificateFile === undefined) {
    report(
      [keyFile === undefined ? 'key_file' : 'certificate_file'],
      `missing; a key goes with its certificate. ${howToMake}`,
    )
    return undefined
  }
  const [privateKey, certificatePem] = [readFile(keyFile), readFile(certificateFile)]
  if (privateKey === undefined) report(['key_file'], `${keyFile} cannot be read`)
  if (certificatePem === undefined) report(['certificate_file'], `${certificateFile} cannot be read`)
  if (privateKey === undefined || certificatePem === undefined) return undefined
  const certificate = getReader().readCertificate(certificatePem)
  if (certificate === undefined) {
    report(['certificate_file'], `expected a certificate with an RSA key of 2048 bits or more. ${howToMake}`)
    return undefined
  }
  if (!fits(privateKey, certificate)) {
    report(['key_file'], `expected the key of the certificate in ${certificateFile}, as PEM and not encrypted`)
    return undefined
  }
  return { privateKey: createPrivateKey(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(), certificate }
}

const howToMake =
  'Make both with: openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj /CN=gatehouse -keyout saml.key -out saml.pem'

function fits(key: string, certificate: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

function readFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
