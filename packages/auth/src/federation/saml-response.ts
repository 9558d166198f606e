import { promisify } from 'node:util'
import { decrypt } from 'xml-encryption'
import { ProviderFailure } from './provider-failure.ts'
import { checkXml, readPosted } from './saml-guard.ts'
import { createLibrary, type SamlKey, type ServiceProvider } from './saml-library.ts'
import type { IdentityProvider } from './saml-metadata.ts'
import { checkEncryption, checkSignatures, getAssertion } from './saml-structure.ts'
import { attributeOf, childrenOf, findChild, getChild, ns, parseXml, textOf, type XmlElement } from './saml-xml.ts'

const refuse = (detail: string): never => {
  throw new ProviderFailure('invalid_answer', detail)
}

/** What came back, once it is seen that it could be for us, and before anything in it is believed. */
export interface SamlResponse {
  readonly text: string
  readonly root: XmlElement
}

/** What a response has to be for. */
interface ExpectedResponse {
  readonly issuer: string
  readonly destination: string
  /** The id of the request that it answers. */
  readonly request: string
}

/**
 * Reads a response, and checks what it says of itself: whose it is, where it was sent to, what it answers, and that it says
 * yes. None of that is proof. Spec: SAML core 3.2.2. Throws {@link ProviderFailure}: `cancelled`, `refused` and
 * `misconfigured` by what it says, `invalid_answer` else.
 */
export function readResponse(base64: string, expected: ExpectedResponse): SamlResponse {
  const text = readPosted(base64)
  const root = parseXml(text)
  if (root.namespaceURI !== ns.protocol || root.localName !== 'Response') refuse('what came back is no Response')
  if (attributeOf(root, 'Version') !== '2.0') refuse('the response is not of SAML 2.0')
  if (attributeOf(root, 'Destination') !== expected.destination) refuse('the response was for another address')
  if (attributeOf(root, 'InResponseTo') !== expected.request) refuse('the response answers another request')
  const issuer = findChild(root, ns.assertion, 'Issuer')
  if (issuer && textOf(issuer) !== expected.issuer) refuse('the response has another issuer')
  checkStatus(getChild(root, ns.protocol, 'Status'))
  return { text, root }
}

const statusPrefix = 'urn:oasis:names:tc:SAML:2.0:status:'
const ours = [
  'InvalidNameIDPolicy',
  'NoAuthnContext',
  'RequestUnsupported',
  'UnsupportedBinding',
  'Requester',
  'VersionMismatch',
]

function checkStatus(status: XmlElement): void {
  const outer = getChild(status, ns.protocol, 'StatusCode')
  const inner = findChild(outer, ns.protocol, 'StatusCode')
  const [code, why] = [outer, inner].map((element) => (element ? nameOf(attributeOf(element, 'Value')) : undefined))
  if (code === 'Success' && !inner) return
  const says = `its status is ${why ?? code}`
  if (why === 'RequestDenied') throw new ProviderFailure('cancelled', says)
  if (why !== 'AuthnFailed' && ours.includes(why ?? code ?? '')) throw new ProviderFailure('misconfigured', says)
  throw new ProviderFailure('refused', says)
}

/** The last word of a status, if it is one of SAML's own: what anybody may write is not repeated. */
const nameOf = (value = ''): string =>
  /^[A-Za-z]{1,40}$/.test(value.slice(statusPrefix.length)) && value.startsWith(statusPrefix)
    ? value.slice(statusPrefix.length)
    : 'unknown'

/**
 * The assertion in a response, out of the very bytes that a signature of the provider has been verified to cover; undefined =
 * no key that is known has signed it.
 * Every signature that is there has to hold, and one has to be there, of the assertion or of the response around it. Keys
 * are those of the provider's metadata; what a message brings along (KeyInfo) counts nothing.
 * Spec: SAML core 5. Throws {@link ProviderFailure} `invalid_answer`. Cost: one or two RSA verifications, one decryption.
 * Stops: signature wrapping, what is read from parts that nobody signed, messages of other kinds that are signed.
 */
export async function verifyAssertion(
  response: SamlResponse,
  us: ServiceProvider,
  them: IdentityProvider,
  decryptionKey: SamlKey | undefined,
): Promise<XmlElement | undefined> {
  const assertion = getAssertion(response.root)
  const isEncrypted = assertion.localName === 'EncryptedAssertion'
  if (isEncrypted) checkEncryption(assertion)
  const signed = checkSignatures(response.root, isEncrypted ? [response.root] : [response.root, assertion])
  const inner = isEncrypted ? await openAssertion(assertion, decryptionKey) : signed.includes(assertion)
  const outer = signed.includes(response.root)
  if (!inner && !outer) refuse('nothing in its response is signed')

  const library = createLibrary(us, them, {
    wantAuthnResponseSigned: outer,
    wantAssertionsSigned: inner,
    ...(decryptionKey ? { decryptionPvk: decryptionKey.privateKey } : {}),
  })
  let verified: string | undefined
  try {
    const { profile } = await library.validatePostResponseAsync({
      SAMLResponse: Buffer.from(response.text).toString('base64'),
    })
    verified = profile?.getAssertionXml?.()
  } catch {
    // Its errors quote what it has read.
  }
  return verified === undefined ? undefined : parseXml(checkXml(verified))
}

/** Whether the assertion in an encrypted one is signed itself; checks it as one that was never encrypted. */
async function openAssertion(encrypted: XmlElement, key: SamlKey | undefined): Promise<boolean> {
  if (!key) throw new ProviderFailure('misconfigured', 'its assertion is encrypted, and there is no key_file')
  let text: string
  try {
    const open = promisify<string, { key: string; disallowDecryptionWithInsecureAlgorithm: boolean }, string>(decrypt)
    text = await open(encrypted.toString(), { key: key.privateKey, disallowDecryptionWithInsecureAlgorithm: true })
  } catch {
    return refuse('its assertion cannot be decrypted')
  }
  const assertion = parseXml(checkXml(text))
  const isAssertion = assertion.namespaceURI === ns.assertion && assertion.localName === 'Assertion'
  if (!isAssertion || childrenOf(assertion).length === 0) refuse('what is encrypted is no assertion')
  if (getNested(assertion)) refuse('there are several assertions in its response')
  return checkSignatures(assertion, [assertion]).length > 0
}

const getNested = (assertion: XmlElement): boolean =>
  childrenOf(assertion).some((child) => /Assertion$/.test(child.localName) || getNested(child))
