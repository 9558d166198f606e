/** What somebody waits for, as the tags of the answers. Spec: RFC 4511 sections 4.2.2, 4.5.2 and 4.12. */
export const awaited = {
  bind: [0x61],
  search: [0x64, 0x65, 0x73],
  extended: [0x78],
} as const satisfies Record<string, readonly number[]>

/** An answer that is none: not of LDAP's form, or not to what was asked. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer'
}

/** The directory says that it ends the connection. Spec: RFC 4511 section 4.4.1. */
export class Disconnection extends Error {
  override readonly name = 'Disconnection'
}

/**
 * Cuts what a directory sends into whole messages and looks at the form of each, before the library reads it: that reads on for ever
 * where an entry has no list of attributes, calls itself once for each message of what it is handed, and takes the answer to
 * another question, or one without a result, for a yes. Spec: RFC 4511 sections 4.1 and 5.1, X.690 section 8.1.
 * Cost: one look at each value. Nothing is kept but a message that has not come whole.
 */
export class AnswerReader {
  #parts: Buffer[] = []
  #length = 0
  /** Bytes that are needed before there is anything to read. */
  #needed = 2

  /** The messages that are whole with what has come. Throws {@link MalformedAnswer} and {@link Disconnection}. */
  read(chunk: Buffer, expected: readonly number[]): readonly Buffer[] {
    this.#parts.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return []
    let rest = Buffer.concat(this.#parts, this.#length)
    const messages: Buffer[] = []
    for (;;) {
      const size = sizeOf(rest)
      this.#needed = size ?? rest.length + 1
      if (this.#needed > rest.length) break
      const message = rest.subarray(0, this.#needed)
      checkMessage(message, expected)
      messages.push(message)
      rest = rest.subarray(this.#needed)
    }
    this.#parts = [rest]
    this.#length = rest.length
    return messages
  }
}

/** Longer messages are none that is read. */
const longest = 1_000_000

const sequence = 0x30
const set = 0x31
const integer = 0x02
const boolean = 0x01
const octetString = 0x04
const enumerated = 0x0a
const controls = 0xa0
const entryTag = 0x64
const extendedTag = 0x78
const referenceTag = 0x73
const referral = 0xa3
/** What may stand behind a result: a referral, and what a bind or an extended operation adds to it. */
const additions: ReadonlySet<number> = new Set([referral, 0x87, 0x8a, 0x8b])

/** Bytes of the message that begins here; absent = too few have come to say. */
function sizeOf(bytes: Buffer): number | undefined {
  if (bytes.length > 0 && bytes[0] !== sequence) throw new MalformedAnswer('what came is no message')
  const header = bytes.length < 2 ? undefined : readHeader(bytes, 0, bytes.length)
  if (header === undefined) return undefined
  if (header.length > longest) throw new MalformedAnswer('a message is longer than any that is read')
  return header.begin + header.length
}

interface Element {
  readonly tag: number
  readonly begin: number
  readonly length: number
}

/** Absent where the length itself is not all there. The indefinite form is not LDAP's. */
function readHeader(bytes: Buffer, at: number, end: number): Element | undefined {
  const tag = bytes[at] ?? 0
  const first = bytes[at + 1] ?? 0
  if (first < 0x80) return { tag, begin: at + 2, length: first }
  const octets = first - 0x80
  if (octets === 0 || octets > 4) throw new MalformedAnswer('a length is not of a form that LDAP has')
  if (at + 2 + octets > end) return undefined
  return { tag, begin: at + 2 + octets, length: bytes.readUIntBE(at + 2, octets) }
}

/** What an element is made of, each within it and nothing between. */
function partsOf(bytes: Buffer, { begin, length }: Element): readonly Element[] {
  const parts: Element[] = []
  const end = begin + length
  let at = begin
  while (at < end) {
    const part = at + 2 > end ? undefined : readHeader(bytes, at, end)
    if (part === undefined || part.begin + part.length > end) throw new MalformedAnswer('an element ends too late')
    parts.push(part)
    at = part.begin + part.length
  }
  return parts
}

function checkMessage(bytes: Buffer, expected: readonly number[]): void {
  const outer = readHeader(bytes, 0, bytes.length)
  const [id, operation, control, ...more] = outer === undefined ? [] : partsOf(bytes, outer)
  if (!isNumber(id, integer) || operation === undefined || more.length > 0)
    throw new MalformedAnswer('a message is not whole')
  if (operation.tag === extendedTag && isZero(bytes, id)) {
    checkResult(bytes, operation)
    throw new Disconnection('the directory ends the connection')
  }
  if (!expected.includes(operation.tag)) throw new MalformedAnswer('the answer is to another question')
  if (control !== undefined) checkControls(bytes, control)
  if (operation.tag === entryTag) checkEntry(bytes, operation)
  else if (operation.tag === referenceTag) checkStrings(bytes, operation, 1)
  else checkResult(bytes, operation)
}

/** An entry: its name, and its attributes, each with a name and a set of values. */
function checkEntry(bytes: Buffer, entry: Element): void {
  const [name, attributes, ...more] = partsOf(bytes, entry)
  if (name?.tag !== octetString || attributes?.tag !== sequence || more.length > 0)
    throw new MalformedAnswer('an entry is not whole')
  for (const attribute of partsOf(bytes, attributes)) {
    const [type, values, ...others] = attribute.tag === sequence ? partsOf(bytes, attribute) : []
    if (type?.tag !== octetString || values?.tag !== set || others.length > 0)
      throw new MalformedAnswer('an attribute is not whole')
    checkStrings(bytes, values, 0)
  }
}

/** A result: its code, a name and a text, and what may follow. */
function checkResult(bytes: Buffer, result: Element): void {
  const [code, name, text, ...more] = partsOf(bytes, result)
  const isNegative = code !== undefined && (bytes[code.begin] ?? 0) >= 0x80
  if (!isNumber(code, enumerated) || isNegative || name?.tag !== octetString || text?.tag !== octetString) {
    throw new MalformedAnswer('a result is not whole')
  }
  for (const part of more) {
    if (!additions.has(part.tag)) throw new MalformedAnswer('a result has parts that LDAP does not know')
    if (part.tag === referral) checkStrings(bytes, part, 1)
  }
}

function checkControls(bytes: Buffer, list: Element): void {
  if (list.tag !== controls) throw new MalformedAnswer('a message has parts that LDAP does not know')
  for (const control of partsOf(bytes, list)) {
    const [type, ...rest] = control.tag === sequence ? partsOf(bytes, control) : []
    const tags = rest.map(({ tag }) => tag).join(' ')
    if (type?.tag !== octetString || !controlTails.has(tags)) throw new MalformedAnswer('a control is not whole')
  }
}

const controlTails: ReadonlySet<string> = new Set(['', `${boolean}`, `${octetString}`, `${boolean} ${octetString}`])

function checkStrings(bytes: Buffer, list: Element, atLeast: number): void {
  const parts = partsOf(bytes, list)
  if (parts.length < atLeast || parts.some(({ tag }) => tag !== octetString))
    throw new MalformedAnswer('a list is not one of texts')
}

/** Whether it is a number of at most four bytes. */
const isNumber = (element: Element | undefined, tag: number): element is Element =>
  element?.tag === tag && element.length >= 1 && element.length <= 4

const isZero = (bytes: Buffer, { begin, length }: Element): boolean =>
  bytes.subarray(begin, begin + length).every((byte) => byte === 0)
