import { inflateRawSync } from 'node:zlib'
import { ProviderFailure } from './provider-failure.ts'

/** The most bytes that a SAML message may have, once it is decoded and inflated. */
export const maxMessageBytes = 256 * 1024

const refuse = (detail: string): never => {
  throw new ProviderFailure('invalid_answer', detail)
}

/** What a document may be made of. */
interface XmlLimits {
  readonly maxElements: number
}

const maxDepth = 64
/** Attributes of one element, and namespaces that are declared around one. */
const maxAttributes = 64

const declaration =
  /^\s*<\?xml\s+version=["']1\.0["'](?:\s+encoding=["']utf-8["'])?(?:\s+standalone=["'](?:yes|no)["'])?\s*\?>/i
const name = '[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?'
const space = '[ \\t\\r\\n]'
const attribute = `${space}+${name}${space}*=${space}*(?:"[^<"]*"|'[^<']*')`
const tag = new RegExp(`<(/?)(${name})((?:${attribute})*)${space}*(/?)>`, 'y')
const attributeName = new RegExp(`${space}+(${name})${space}*=${space}*(?:"[^<"]*"|'[^<']*')`, 'g')
const strangeReference = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)/
const references = /&#(x?)([0-9a-fA-F]+);/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: those that XML does not have are what is looked for
const strangeCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/**
 * Checks the text of a document before any parser sees it, and answers with it without its XML declaration. There is one root;
 * tags match; nothing begins with `<!` (document types, entities, comments, CDATA) or `<?`; no reference but to characters
 * and to XML's own five entities; elements are at most 3,000 unless said otherwise, 64 deep, and have at most 64 attributes.
 * Throws {@link ProviderFailure} `invalid_answer`. Cost: linear in the text.
 * Stops: external entities, expansion bombs, deep nesting, comments that split values, documents that two parsers read
 * differently because neither has to accept them.
 */
export function checkXml(text: string, { maxElements }: XmlLimits = { maxElements: 3_000 }): string {
  const body = text.replace(declaration, '')
  if (body.includes('<!')) refuse('there is a document type, a comment or CDATA in its XML')
  if (body.includes('<?')) refuse('there is a processing instruction in its XML')
  if (strangeCharacter.test(body) || strangeReference.test(body)) refuse('there are strange characters in its XML')
  for (const [, hex, digits = ''] of body.matchAll(references)) {
    const code = Number.parseInt(digits, hex ? 16 : 10)
    const isCharacter =
      [9, 10, 13].includes(code) || (code >= 32 && code < 0xd800) || (code > 0xdfff && code < 0x110000)
    if (!isCharacter || (code & 0xfffe) === 0xfffe) refuse('there are strange characters in its XML')
  }
  checkTags(body, maxElements)
  return body
}

function checkTags(body: string, maxElements: number): void {
  /** Names of the elements that are open, with how many namespaces are declared down to each. */
  const open: { name: string; namespaces: number }[] = []
  let elements = 0
  let from = 0
  for (;;) {
    const start = body.indexOf('<', from)
    const between = body.slice(from, start === -1 ? undefined : start)
    if (open.length === 0 && between.trim() !== '') refuse('there is text outside its XML')
    if (start === -1) break
    tag.lastIndex = start
    const match = tag.exec(body) ?? refuse('its XML is not well-formed')
    const [whole, isEnd, tagName = '', attributes = '', isEmpty] = match
    from = start + whole.length
    if (isEnd) {
      if (attributes !== '' || isEmpty || open.pop()?.name !== tagName) refuse('its XML is not well-formed')
      continue
    }
    elements += 1
    if (open.length === 0 && elements > 1) refuse('its XML has several roots')
    if (elements > maxElements) refuse('its XML has too many elements')
    const namespaces = countNamespaces(attributes) + (open.at(-1)?.namespaces ?? 0)
    if (namespaces > maxAttributes) refuse('its XML declares too many namespaces')
    if (open.length >= maxDepth) refuse('its XML is nested too deeply')
    if (!isEmpty) open.push({ name: tagName, namespaces })
  }
  if (open.length > 0 || elements === 0) refuse('its XML is not well-formed')
}

function countNamespaces(attributes: string): number {
  if (attributes === '') return 0
  let namespaces = 0
  let count = 0
  for (const [, attributeName_ = ''] of attributes.matchAll(attributeName)) {
    count += 1
    if (count > maxAttributes) refuse('an element of its XML has too many attributes')
    if (attributeName_.startsWith('xmlns')) namespaces += 1
  }
  return namespaces
}

/**
 * The document in a message that came by a form. Spec: SAML bindings 3.5.4.
 * Throws {@link ProviderFailure} `invalid_answer`, also for more than 256 KB.
 */
export const readPosted = (base64: string): string => checkXml(decodeUtf8(decodeBase64(base64)))

/**
 * The document in a message that came by a query. Spec: SAML bindings 3.4.4.1.
 * Throws {@link ProviderFailure} `invalid_answer`, also for more than 256 KB inflated. Stops: deflate bombs.
 */
export function readDeflated(base64: string): string {
  const deflated = decodeBase64(base64)
  let inflated: Buffer
  try {
    inflated = inflateRawSync(deflated, { maxOutputLength: maxMessageBytes })
  } catch {
    return refuse('its message cannot be inflated, or is too large')
  }
  return checkXml(decodeUtf8(inflated))
}

function decodeBase64(text: string): Buffer {
  if (text.length > maxMessageBytes * 1.5) refuse('its message is too large')
  const base64 = text.replace(/[ \t\r\n]+/g, '')
  if (base64 === '' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) refuse('its message is not base64')
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length > maxMessageBytes ? refuse('its message is too large') : bytes
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('its message is not UTF-8')
  }
}
