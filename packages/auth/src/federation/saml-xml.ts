import xmldom from '@xmldom/xmldom/lib/index.js'
import { ProviderFailure } from './provider-failure.ts'

/** What is used of an element of xmldom's. */
export interface XmlElement {
  readonly nodeType: number
  readonly namespaceURI: string | null
  readonly localName: string
  readonly parentNode: XmlElement | null
  readonly childNodes: ArrayLike<XmlElement>
  readonly attributes: ArrayLike<{ readonly name: string; readonly localName: string | null; readonly value: string }>
  readonly textContent: string
  getAttribute(name: string): string
  hasAttribute(name: string): boolean
  toString(): string
}

/** Namespaces. */
export const ns = {
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
  encryption: 'http://www.w3.org/2001/04/xmlenc#',
} as const

const refuse = (detail: string): never => {
  throw new ProviderFailure('invalid_answer', detail)
}

/**
 * Parses a text that `checkXml` (federation/saml-guard) has let pass, with the parser that node-saml reads it with; a warning
 * counts as an error. Throws {@link ProviderFailure} `invalid_answer`, without what it found.
 */
export function parseXml(text: string): XmlElement {
  const fail = (): never => refuse('its XML is not well-formed')
  const parser = new xmldom.DOMParser({ errorHandler: (_level, _message) => fail() })
  try {
    return parser.parseFromString(text, 'text/xml').documentElement ?? fail()
  } catch {
    return fail()
  }
}

const elementNode = 1
const textNode = 3

/** Elements right below one, in order. */
export const childrenOf = (element: XmlElement): XmlElement[] =>
  Array.from(element.childNodes).filter((node) => node.nodeType === elementNode)

/** Those of them that have a name. */
export const namedChildren = (element: XmlElement, namespace: string, name: string): XmlElement[] =>
  childrenOf(element).filter((child) => child.namespaceURI === namespace && child.localName === name)

/** The one of them that has a name; undefined = there is none. Throws {@link ProviderFailure} where there are several. */
export function findChild(element: XmlElement, namespace: string, name: string): XmlElement | undefined {
  const [first, second] = namedChildren(element, namespace, name)
  return second ? refuse(`there are several ${name} where one may be`) : first
}

/** As {@link findChild}, and throws where there is none. */
export const getChild = (element: XmlElement, namespace: string, name: string): XmlElement =>
  findChild(element, namespace, name) ?? refuse(`there is no ${name}`)

/** An element and all below it, in the document's order. */
export function* walk(element: XmlElement): Generator<XmlElement> {
  yield element
  for (const child of childrenOf(element)) yield* walk(child)
}

/** All the text of an element, trimmed. Throws {@link ProviderFailure} where something else stands in it. */
export function textOf(element: XmlElement): string {
  const isText = Array.from(element.childNodes).every((node) => node.nodeType === textNode)
  return isText ? element.textContent.trim() : refuse(`${element.localName} has more in it than text`)
}

/** An attribute without a prefix; undefined = it is not there. */
export const attributeOf = (element: XmlElement, name: string): string | undefined =>
  element.hasAttribute(name) ? element.getAttribute(name) : undefined

/** A moment as SAML writes it, in milliseconds since 1970. Throws {@link ProviderFailure} for anything else. */
export function parseMoment(text: string): number {
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text)
  const moment = isMoment ? Date.parse(text.replace(/(\.\d{3})\d+/, '$1')) : Number.NaN
  return Number.isNaN(moment) ? refuse('a time is none') : moment
}
