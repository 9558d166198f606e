import { X509Certificate } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { isAffordable } from '@gatehouse/guard/signature'
import { ProviderFailure } from './provider-failure.ts'
import { checkXml } from './saml-guard.ts'
import { attributeOf, namedChildren, ns, parseMoment, parseXml, walk, type XmlElement } from './saml-xml.ts'

/** What is known of a provider. */
export interface IdentityProvider {
  readonly entityId: string
  /** PEM: one of them has signed what counts. */
  readonly certificates: readonly string[]
  /** Where people are sent to sign in, by binding. */
  readonly signOn: { readonly redirect?: string | undefined; readonly post?: string | undefined }
  /** Where people are sent to sign out, and where an answer to its own request goes; by the redirect binding. */
  readonly signOut?: { readonly request: string; readonly answer: string } | undefined
  readonly wantsSignedRequests: boolean
  /** From then on this does not count any more. */
  readonly validUntil?: Seconds | undefined
  /** For how long it says that it may be kept. */
  readonly keepFor?: Seconds | undefined
}

const bindings = {
  redirect: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
  post: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
} as const

const refuse = (detail: string): never => {
  throw new ProviderFailure('misconfigured', detail)
}

/**
 * Reads a provider's metadata; where it describes several, `entityId` says which. Its own signature is not looked at: it comes
 * by https from the address that is configured, or from a file.
 * Spec: SAML metadata 2. Throws {@link ProviderFailure}.
 */
export function parseIdentityProvider(text: string, entityId: string | undefined): IdentityProvider {
  try {
    return readIdentityProvider(text, entityId)
  } catch (error) {
    if (error instanceof ProviderFailure && error.reason === 'invalid_answer') {
      throw new ProviderFailure('misconfigured', `its metadata cannot be read: ${error.detail}`)
    }
    throw error
  }
}

function readIdentityProvider(text: string, entityId: string | undefined): IdentityProvider {
  const root = parseXml(checkXml(text.replace(/^\ufeff/, '').replace(/<!--[\s\S]*?-->/g, ''), { maxElements: 50_000 }))
  const described = [...walk(root)].filter(
    (element) =>
      element.namespaceURI === ns.metadata &&
      element.localName === 'EntityDescriptor' &&
      findRole(element) &&
      (entityId === undefined || attributeOf(element, 'entityID') === entityId),
  )
  const [entity, another] = described
  if (!entity) {
    return refuse(
      `its metadata has no identity provider${entityId === undefined ? '' : ` named ${entityId}: see idp_entity_id`}`,
    )
  }
  if (another) refuse('its metadata has several identity providers: say which in idp_entity_id')
  const role = findRole(entity) ?? refuse('its metadata has no identity provider')
  const signOn = {
    redirect: findService(role, 'SingleSignOnService', 'redirect')?.request,
    post: findService(role, 'SingleSignOnService', 'post')?.request,
  }
  if (!signOn.redirect && !signOn.post)
    refuse('its metadata says no address for signing in by the redirect or POST binding')
  const certificates = readCertificates(role)
  if (certificates.length === 0) refuse('its metadata has no certificate with an RSA key of 2048 bits or more')
  return {
    entityId: attributeOf(entity, 'entityID') ?? refuse('its metadata does not say its entityID'),
    certificates,
    signOn,
    signOut: findService(role, 'SingleLogoutService', 'redirect'),
    wantsSignedRequests: /^(?:true|1)$/.test(attributeOf(role, 'WantAuthnRequestsSigned') ?? ''),
    validUntil: soonest([root, entity, role].map((element) => attributeOf(element, 'validUntil'))),
    keepFor: parseKeepFor(attributeOf(entity, 'cacheDuration') ?? attributeOf(root, 'cacheDuration')),
  }
}

const findRole = (entity: XmlElement): XmlElement | undefined =>
  namedChildren(entity, ns.metadata, 'IDPSSODescriptor').find((descriptor) =>
    (attributeOf(descriptor, 'protocolSupportEnumeration') ?? '').split(/\s+/).includes(ns.protocol),
  )

/** Where a service is by a binding, and where answers to it go. */
function findService(role: XmlElement, name: string, binding: keyof typeof bindings) {
  const service = namedChildren(role, ns.metadata, name).find(
    (one) => attributeOf(one, 'Binding') === bindings[binding],
  )
  if (!service) return undefined
  const request = checkAddress(attributeOf(service, 'Location'))
  return { request, answer: checkAddress(attributeOf(service, 'ResponseLocation') ?? request) }
}

/** Whether people may be sent to an address: https, or this machine. */
export function isSignInAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false
  const isHere = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
  return url.protocol === 'https:' || (url.protocol === 'http:' && isHere)
}

const checkAddress = (text: string | undefined): string =>
  text !== undefined && isSignInAddress(text) ? text : refuse('its metadata has an address that is not https')

/** Certificates that sign, as PEM. A weak or unreadable key is left out, as its signatures are not taken. */
function readCertificates(role: XmlElement): readonly string[] {
  const keys = namedChildren(role, ns.metadata, 'KeyDescriptor').filter(
    (descriptor) => (attributeOf(descriptor, 'use') ?? 'signing') === 'signing',
  )
  const found = keys.flatMap((descriptor) =>
    [...walk(descriptor)].filter(
      (element) => element.namespaceURI === ns.signature && element.localName === 'X509Certificate',
    ),
  )
  return [...new Set(found.flatMap((element) => readCertificate(element.textContent) ?? []))]
}

/** A certificate of base64 or PEM (the first, where there are several) as PEM; undefined = it is none, or its key is no RSA key of 2048 to 8192 bits with an exponent below 2^32. */
export function readCertificate(text: string): string | undefined {
  try {
    const isPem = text.includes('-----BEGIN CERTIFICATE-----')
    const certificate = new X509Certificate(isPem ? text : Buffer.from(text, 'base64'))
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
    const isStrong = asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
    return isStrong && isAffordable(certificate.publicKey) ? certificate.toString() : undefined
  } catch {
    return undefined
  }
}

function soonest(moments: readonly (string | undefined)[]): Seconds | undefined {
  const known = moments.filter((moment) => moment !== undefined).map(parseMoment)
  return known.length === 0 ? undefined : seconds(Math.floor(Math.min(...known) / 1000))
}

/** A length of time in days, hours, minutes and seconds. Spec: XML Schema 2, 3.2.6. */
function parseKeepFor(text: string | undefined): Seconds | undefined {
  const match = /^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$/.exec(text ?? '')
  if (!match) return undefined
  const [days = 0, hours = 0, minutes = 0, rest = 0] = match.slice(1).map((part) => Number(part ?? 0))
  return seconds(days * 86_400 + hours * 3600 + minutes * 60 + rest)
}
