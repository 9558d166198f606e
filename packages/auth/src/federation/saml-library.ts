import { SAML, type SamlConfig } from '@node-saml/node-saml'
import type { IdentityProvider } from './saml-metadata.ts'

/** Our key, and the certificate that providers know it by. PEM. */
export interface SamlKey {
  readonly privateKey: string
  readonly certificate: string
}

/** What of us a message says. */
export interface ServiceProvider {
  readonly entityId: string
  /** Where people come back to. */
  readonly callback: string
  /** What signs; undefined = nothing does. */
  readonly key?: SamlKey | undefined
}

/**
 * node-saml for one message. All that could be chosen is said here, so that no default of the library decides: SHA-256, no
 * check of times and audience of its own (they are checked on what it has verified, by our clock), the request's id by us.
 */
export function createLibrary(ours: ServiceProvider, theirs: IdentityProvider, own: Partial<SamlConfig> = {}): SAML {
  return new SAML({
    issuer: ours.entityId,
    callbackUrl: ours.callback,
    audience: false,
    idpCert: [...theirs.certificates],
    idpIssuer: theirs.entityId,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    wantAssertionsSigned: false,
    wantAuthnResponseSigned: false,
    acceptedClockSkewMs: -1,
    ...(ours.key ? { privateKey: ours.key.privateKey, publicCert: ours.key.certificate } : {}),
    ...own,
  })
}
