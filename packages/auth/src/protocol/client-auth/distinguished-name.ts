/** Attribute types by their other spellings; small table, since what is not in it is compared as it stands. */
const typeNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
  '1.2.840.113549.1.9.1': 'EMAILADDRESS',
  E: 'EMAILADDRESS',
  EMAIL: 'EMAILADDRESS',
}

/**
 * The one spelling of a distinguished name that is written as RFC 4514 says, most specific part first, such as
 * `CN=robot,O=Example,C=DE`. Case and OIDs of types, spaces around parts and needless escapes do not count; the case of
 * values does. `undefined` for what cannot be read, an empty name and values written as `#hex` included.
 */
export const normalizeDistinguishedName = (text: string): string | undefined => normalizeParts(splitAt(text, ','))

/**
 * The same spelling for a certificate's subject as node:crypto writes it: one part a line, most general first, values
 * escaped as in RFC 2253, so that no value can look like a further part.
 */
export const normalizeSubject = (subject: string | undefined): string | undefined =>
  subject === undefined || subject === '' ? undefined : normalizeParts(subject.split('\n').reverse())

function normalizeParts(parts: readonly string[]): string | undefined {
  const normalized = parts.map((part) => normalizeAttributes(splitAt(part, '+')))
  return normalized.includes(undefined) ? undefined : JSON.stringify(normalized)
}

function normalizeAttributes(attributes: readonly string[]): readonly string[] | undefined {
  const normalized: string[] = []
  for (const attribute of attributes) {
    const [, type = '', value = ''] = /^ *([A-Za-z0-9.-]+) *= *(.*?)(?<!\\) *$/s.exec(attribute) ?? []
    const text = unescapeValue(value)
    if (type === '' || text === undefined) return undefined
    const name = type.toUpperCase().replace(/^OID\./, '')
    normalized.push(`${typeNames[name] ?? name}=${text}`)
  }
  // Parts of several attributes are sets.
  return normalized.sort()
}

/** Splits at a separator that no backslash stands before. */
function splitAt(text: string, separator: ',' | '+'): readonly string[] {
  const parts: string[] = []
  let start = 0
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1
    else if (text[index] === separator) {
      parts.push(text.slice(start, index))
      start = index + 1
    }
  }
  return [...parts, text.slice(start)]
}

/** Resolves `\,` and `\2C`, the latter as bytes of UTF-8. */
function unescapeValue(value: string): string | undefined {
  if (value === '' || value.startsWith('#') || value.startsWith('"')) return undefined
  const bytes: Buffer[] = []
  for (const [piece, hex, character] of value.matchAll(/\\([0-9A-Fa-f]{2})|\\(.)|[^\\]+|\\$/gsu)) {
    if (piece === '\\') return undefined
    bytes.push(hex === undefined ? Buffer.from(character ?? piece) : Buffer.from(hex, 'hex'))
  }
  return Buffer.concat(bytes).toString('utf8')
}
