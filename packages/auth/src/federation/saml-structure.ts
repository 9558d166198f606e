import { ProviderFailure } from './provider-failure.ts'
import { attributeOf, childrenOf, getChild, namedChildren, ns, walk, type XmlElement } from './saml-xml.ts'

const refuse = (detail: string): never => {
  throw new ProviderFailure('invalid_answer', detail)
}

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const inclusive = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'
const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'

/** How a message may be signed: by RSA, over SHA-256 or SHA-512. */
export const signatureAlgorithms: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
])
const digests = new Set(['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512'])
const encryptions = new Set([
  'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
  'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
])

/** The elements of a signature that there is one of: a verifier finds them by their names alone, wherever they stand. */
const single = ['SignedInfo', 'SignatureValue', 'CanonicalizationMethod', 'SignatureMethod', 'Reference', 'DigestValue']

/**
 * Checks how a document is signed, not whether a signature holds: each stands right in the element that it is of, refers to
 * that element and to nothing else, leaves out itself and nothing else, and uses no SHA-1; no two elements have the same id.
 * `places`: the elements that may be signed. Answers with those that are.
 * Spec: SAML core 5.4. Throws {@link ProviderFailure} `invalid_answer`. Cost: one walk.
 * Stops: signature wrapping, several SignedInfo, values that stand in what no signature covers, weak digests.
 */
export function checkSignatures(root: XmlElement, places: readonly XmlElement[]): readonly XmlElement[] {
  const names = new Map<string, number>()
  const ids = new Set<string>()
  const signatures: XmlElement[] = []
  for (const element of walk(root)) {
    for (const { localName, name, value } of Array.from(element.attributes)) {
      if ((localName ?? name).toLowerCase() !== 'id') continue
      if (!/^[A-Za-z_][\w.-]*$/.test(value)) refuse('an id has strange characters')
      if (ids.has(value)) refuse('two elements have the same id')
      ids.add(value)
    }
    names.set(element.localName, (names.get(element.localName) ?? 0) + 1)
    if (element.localName === 'Signature') signatures.push(element)
    if (element.localName === 'DigestMethod') checkDigest(element)
  }
  const signed = signatures.map((signature) => checkSignature(signature, places))
  if (new Set(signed).size !== signed.length) refuse('an element is signed several times')
  if (single.some((name) => (names.get(name) ?? 0) !== signed.length)) refuse('a signature has strange parts')
  return signed
}

function checkSignature(signature: XmlElement, places: readonly XmlElement[]): XmlElement {
  const place = places.find((element) => element === signature.parentNode)
  if (!place || signature.namespaceURI !== ns.signature) return refuse('a signature stands where none may be')
  checkChildren(signature, ['SignedInfo', 'SignatureValue', 'KeyInfo'])
  const info = getChild(signature, ns.signature, 'SignedInfo')
  checkChildren(info, ['CanonicalizationMethod', 'SignatureMethod', 'Reference'])
  checkAlgorithm(getChild(info, ns.signature, 'CanonicalizationMethod'), new Set([exclusive, inclusive]))
  checkAlgorithm(getChild(info, ns.signature, 'SignatureMethod'), signatureAlgorithms)
  const reference = getChild(info, ns.signature, 'Reference')
  checkChildren(reference, ['Transforms', 'DigestMethod', 'DigestValue'])
  getChild(reference, ns.signature, 'DigestMethod')
  const id = attributeOf(place, 'ID')
  if (id === undefined || attributeOf(reference, 'URI') !== `#${id}`) {
    refuse('a signature is not of the element that it stands in')
  }
  const transforms = childrenOf(getChild(reference, ns.signature, 'Transforms'))
  for (const transform of transforms) checkAlgorithm(transform, new Set([enveloped, exclusive, inclusive]))
  const withoutItself = transforms.filter((transform) => attributeOf(transform, 'Algorithm') === enveloped)
  if (withoutItself.length !== 1 || transforms.length > 2) refuse('a signature leaves out more than itself')
  for (const part of ['SignatureValue', 'DigestValue']) {
    const [value] = namedChildren(part === 'DigestValue' ? reference : signature, ns.signature, part)
    if (!value || childrenOf(value).length > 0) refuse('a signature has strange parts')
  }
  return place
}

function checkChildren(element: XmlElement, names: readonly string[]): void {
  for (const { namespaceURI, localName } of childrenOf(element)) {
    if (namespaceURI !== ns.signature || !names.includes(localName)) refuse('a signature has strange parts')
  }
}

function checkAlgorithm(element: XmlElement, allowed: ReadonlySet<string>): void {
  if (!allowed.has(attributeOf(element, 'Algorithm') ?? '')) {
    refuse(`an algorithm of a signature is not taken (${element.localName}): SHA-1 and what is not known are refused`)
  }
}

/** The digest in how a key is encrypted (OAEP) signs nothing, and is SHA-1 mostly. */
function checkDigest(method: XmlElement): void {
  if (method.parentNode?.localName !== 'EncryptionMethod') checkAlgorithm(method, digests)
}

/**
 * The one assertion of a response, encrypted or not. Throws {@link ProviderFailure} where there is none, or where there are
 * several or it stands elsewhere than right in the response. Stops: signature wrapping.
 */
export function getAssertion(response: XmlElement): XmlElement {
  const found = [...walk(response)].filter(({ localName }) => /^(?:Encrypted)?Assertion$/.test(localName))
  const [assertion, second] = found
  if (!assertion) return refuse('there is no assertion in its response')
  if (second) refuse('there are several assertions in its response')
  if (assertion.parentNode !== response || assertion.namespaceURI !== ns.assertion) {
    refuse('the assertion does not stand right in its response')
  }
  return assertion
}

/** Checks how an assertion is encrypted. Throws {@link ProviderFailure}. Stops: RSA with PKCS #1 1.5, and what is not known. */
export function checkEncryption(encrypted: XmlElement): void {
  const elements = [...walk(encrypted)]
  const count = (name: string) => elements.filter(({ localName }) => localName === name).length
  const methods = elements.filter(({ localName }) => localName === 'EncryptionMethod')
  const isPlain = count('EncryptedData') === 1 && count('EncryptedKey') === 1 && count('CipherValue') === 2
  if (!isPlain || methods.length !== 2) refuse('its assertion is encrypted in a strange way')
  for (const method of methods) {
    if (!encryptions.has(attributeOf(method, 'Algorithm') ?? '')) {
      refuse('its assertion is encrypted by an algorithm that is not taken')
    }
  }
}
