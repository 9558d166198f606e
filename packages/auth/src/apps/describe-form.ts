import type { DescribedField } from '../pages/kept-form-page.ts'

/** How many fields are shown, and how many characters of one. */
const shown = { fields: 50, characters: 300 }

/** Fields that may hold a password or a key are shown by their names alone: by what a name has in it, */
const secretive =
  /pass|pwd|kennwort|contrase[nñ]a|secret|token|credential|csrf|xsrf|nonce|pincode|(?:api|access|private)[\W_]?key|cvc|cvv/
/** or by one of its words, where those letters stand in many others too: `pw`, `pinCode` and `one_time_otp`, not `shipping`. */
const secretiveWord = /(?<![a-z])(pw|mdp|clave|pin|puk|otp|totp|tan|csc|cvn)\d*(?![a-z])/

function isSecretive(name: string): boolean {
  const words = name.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase()
  return secretive.test(words) || secretiveWord.test(words)
}

/**
 * What stands in a form, to be shown and for nothing else: what is sent are its bytes. `body` has one character for each byte.
 * Anything that cannot be read is left out; nothing is thrown. Spec: HTML, form submission; RFC 7578.
 */
export function describeForm(type: string, body: string): readonly DescribedField[] {
  const kind = type.split(';', 1)[0]?.trim().toLowerCase()
  if (kind === 'multipart/form-data') return readMultipart(type, body)
  const text = Buffer.from(body, 'latin1').toString('utf8')
  const pairs = kind === 'text/plain' ? readLines(text) : [...new URLSearchParams(text)]
  return pairs.slice(0, shown.fields).map(([name, value]) => describe(name, value))
}

const shorten = (text: string): string =>
  text.length > shown.characters ? `${text.slice(0, shown.characters)}…` : text

const describe = (name: string, value: string): DescribedField =>
  isSecretive(name) ? { name: shorten(name) } : { name: shorten(name), value: shorten(value) }

const readLines = (text: string): [string, string][] =>
  text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const mark = line.indexOf('=')
      return mark === -1 ? ['', line] : [line.slice(0, mark), line.slice(mark + 1)]
    })

function readMultipart(type: string, body: string): readonly DescribedField[] {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type) ?? []
  const boundary = quoted ?? bare
  if (boundary === undefined) return []
  const fields: DescribedField[] = []
  for (const part of `\r\n${body}`.split(`\r\n--${boundary}`).slice(1)) {
    const end = part.indexOf('\r\n\r\n')
    if (end === -1 || part.startsWith('--') || fields.length === shown.fields) break
    const disposition = /^content-disposition:\s*form-data;(.*)$/im.exec(part.slice(0, end))?.[1]
    if (disposition !== undefined) fields.push(describePart(disposition, part.slice(end + 4)))
  }
  return fields
}

function describePart(disposition: string, content: string): DescribedField {
  const read = (name: string): string | undefined => {
    const value = new RegExp(`;\\s*${name}="([^"]*)"`, 'i').exec(`;${disposition}`)?.[1]
    return value && Buffer.from(value, 'latin1').toString('utf8').replaceAll('%22', '"')
  }
  const name = read('name') ?? ''
  const file = read('filename')
  if (file !== undefined || /;\s*filename=/i.test(disposition))
    return { name: shorten(name), file: { name: shorten(file ?? ''), bytes: content.length } }
  return describe(name, Buffer.from(content, 'latin1').toString('utf8'))
}
