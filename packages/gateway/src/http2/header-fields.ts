/**
 * Headers that concern a connection of HTTP/1.1, and that no message of HTTP/2 may have. Spec: RFC 9113 section 8.2.2.
 */
const ofConnections: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
])

/** Of which each one stands for itself; any others of one name may be joined (RFC 9110 section 5.3). */
const apart: ReadonlySet<string> = new Set(['set-cookie', 'www-authenticate'])

/** The fields of a message of HTTP/2, by their names in lower case. */
export type HeaderFields = Record<string, string | string[]>

/**
 * Adds a header to the fields of a message. Pseudo-header fields, which only the frame of a message sets, and headers of a
 * connection are left out. Two of one name become one line with a comma, of which no reader can take a part for the whole.
 */
export function addField(fields: HeaderFields, rawName: string, value: string): void {
  const name = rawName.toLowerCase()
  if (ofConnections.has(name) || name.startsWith(':')) return
  const before = fields[name]
  if (before === undefined) fields[name] = value
  else if (apart.has(name)) fields[name] = [...[before].flat(), value]
  else fields[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`
}

/** The fields of a flat list: name, value, name, value. */
export function collectFields(headers: readonly string[]): HeaderFields {
  const fields: HeaderFields = Object.create(null)
  for (let index = 0; index < headers.length; index += 2)
    addField(fields, headers[index] ?? '', headers[index + 1] ?? '')
  return fields
}
