import { generateKeyPairSync } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import { SignedXml } from 'xml-crypto'
import { buildCertificate, type TestCertificate } from './certificates.ts'

/** What a response says; left out = what is right. */
export interface TestResponse {
  readonly request: string
  readonly destination?: string
  readonly recipient?: string
  readonly audience?: string
  /** Of the response and of its assertion. */
  readonly issuer?: string
  readonly assertionIssuer?: string
  readonly responseRequest?: string
  readonly status?: string
  /** The whole subject's name. */
  readonly nameId?: string
  /** Seconds from now. */
  readonly notBefore?: number
  readonly notOnOrAfter?: number
  readonly confirmationUntil?: number
  readonly authenticated?: number
  readonly context?: string
  readonly attributes?: string
  /** Further conditions. */
  readonly conditions?: string
  readonly sessionUntil?: number
  /** Stands at the end of the assertion. */
  readonly extra?: string
}

/** How something is signed. */
export interface TestSigning {
  readonly certificate?: TestCertificate
  readonly signature?: string
  readonly digest?: string
  readonly transforms?: readonly string[]
  /** The id of what is signed; the assertion's unless said otherwise. */
  readonly of?: string
}

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
/** A NameID that stays. */
export const persistentName = (name: string): string =>
  `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${name}</saml:NameID>`

/** A key of RSA with a certificate of its own; `bits` unless 2048 are meant, or the very key. */
export const makeRsaCertificate = (
  bits: number | TestCertificate['keys'] = 2048,
  years?: readonly [number, number],
): TestCertificate =>
  buildCertificate({
    subject: [['CN', 'idp.example.com']],
    issuer: buildCertificate({ subject: [['CN', 'authority']], authority: true }),
    keys: typeof bits === 'number' ? generateKeyPairSync('rsa', { modulusLength: bits }) : bits,
    ...(years ? { years } : {}),
  })

/** An identity provider of SAML that says and signs what a test wants. */
export class TestIdentityProvider {
  readonly entityId = 'https://idp.example.com/metadata'
  readonly callback: string
  readonly audience: string
  readonly clock: Clock
  certificate = makeRsaCertificate()

  constructor(parts: { readonly clock: Clock; readonly callback: string; readonly audience: string }) {
    this.clock = parts.clock
    this.callback = parts.callback
    this.audience = parts.audience
  }

  at(offset: number): string {
    return new Date((this.clock.now() + offset) * 1000).toISOString()
  }

  buildAssertion(says: TestResponse, id = '_assertion'): string {
    const attributes =
      says.attributes ??
      '<saml:Attribute Name="mail"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute>'
    return (
      `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" Version="2.0" IssueInstant="${this.at(0)}">` +
      `<saml:Issuer>${says.assertionIssuer ?? this.entityId}</saml:Issuer>` +
      `<saml:Subject>${says.nameId ?? persistentName('alice-1')}<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
      `<saml:SubjectConfirmationData NotOnOrAfter="${this.at(says.confirmationUntil ?? 300)}" Recipient="${says.recipient ?? this.callback}" InResponseTo="${says.request}"/>` +
      '</saml:SubjectConfirmation></saml:Subject>' +
      `<saml:Conditions NotBefore="${this.at(says.notBefore ?? -5)}" NotOnOrAfter="${this.at(says.notOnOrAfter ?? 300)}">` +
      `<saml:AudienceRestriction><saml:Audience>${says.audience ?? this.audience}</saml:Audience></saml:AudienceRestriction>${says.conditions ?? ''}</saml:Conditions>` +
      `<saml:AuthnStatement AuthnInstant="${this.at(says.authenticated ?? -10)}" SessionNotOnOrAfter="${this.at(says.sessionUntil ?? 3600)}" SessionIndex="_session-1"><saml:AuthnContext>` +
      `<saml:AuthnContextClassRef>${says.context ?? 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'}</saml:AuthnContextClassRef>` +
      `</saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>${attributes}</saml:AttributeStatement>${says.extra ?? ''}</saml:Assertion>`
    )
  }

  buildResponse(says: TestResponse, content: string): string {
    const status = says.status ?? '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
    return (
      `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" Version="2.0" IssueInstant="${this.at(0)}" ` +
      `Destination="${says.destination ?? this.callback}" InResponseTo="${says.responseRequest ?? says.request}">` +
      `<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${says.issuer ?? this.entityId}</saml:Issuer>` +
      `<samlp:Status>${status}</samlp:Status>${content}</samlp:Response>`
    )
  }

  /** Signs one element of a document; its signature stands after its issuer. */
  sign(document: string, how: TestSigning = {}): string {
    const element = `//*[@ID='${how.of ?? '_assertion'}']`
    const { key, cert } = how.certificate ?? this.certificate
    const signer = new SignedXml({
      privateKey: key,
      publicCert: cert,
      signatureAlgorithm: how.signature ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      canonicalizationAlgorithm: exclusive,
    })
    signer.addReference({
      xpath: element,
      digestAlgorithm: how.digest ?? 'http://www.w3.org/2001/04/xmlenc#sha256',
      transforms: [...(how.transforms ?? ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive])],
    })
    signer.computeSignature(document, {
      prefix: 'ds',
      location: { reference: `${element}/*[local-name(.)='Issuer']`, action: 'after' },
    })
    return signer.getSignedXml()
  }

  /** A response that is as it should be: its assertion is signed. */
  respond(says: TestResponse, how: TestSigning = {}): string {
    return this.sign(this.buildResponse(says, this.buildAssertion(says)), how)
  }

  /** Its metadata, with these attributes and parts of its role added. */
  describe({ attributes = '', role = '', certificates = [this.certificate] } = {}): string {
    const keys = certificates.map(
      ({ cert }) =>
        `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${cert.replace(/-----.*-----/g, '')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
    )
    const service = (name: string, binding: string, path: string) =>
      `<md:${name} Binding="urn:oasis:names:tc:SAML:2.0:bindings:${binding}" Location="https://idp.example.com/${path}"/>`
    return (
      `<?xml version="1.0"?>\n<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${this.entityId}" ${attributes}>` +
      `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" ${role}>${keys.join('')}` +
      `${service('SingleLogoutService', 'HTTP-Redirect', 'slo')}${service('SingleSignOnService', 'HTTP-Redirect', 'sso')}${service('SingleSignOnService', 'HTTP-POST', 'sso-post')}` +
      '</md:IDPSSODescriptor></md:EntityDescriptor>'
    )
  }
}
