import type { SamlKey } from './saml-library.ts'
import type { SamlSource } from './saml-source.ts'

/** A SAML 2.0 identity provider, and who we are to it. */
export interface SamlSettings {
  readonly source: SamlSource
  /** Which of those that its metadata describes; undefined = the only one. */
  readonly idpEntityId: string | undefined
  /** Our entity id; undefined = the address of our metadata. */
  readonly entityId: string | undefined
  /** Signs what we send, and opens assertions that are encrypted. */
  readonly key: SamlKey | undefined
  /** Whether requests to sign in are signed; the key is there then. */
  readonly signRequests: boolean
  /** How people are sent there; undefined = by an address if it takes that, else by a form. */
  readonly binding: 'redirect' | 'post' | undefined
  readonly nameIdFormat: string | undefined
  /** The attribute that is the subject, in place of the NameID. */
  readonly subjectAttribute: string | undefined
  /** Classes of sign-in, one of which is asked for; empty = none is. */
  readonly authnContext: readonly string[]
}
