const escapes = /%[0-9a-fA-F]{2}/g
const unreserved = /[A-Za-z0-9\-._~]/

/**
 * The target of a request as it is compared: scheme, host and path in their one spelling, without query and fragment.
 * `undefined` for what is no http(s) URL, has credentials in it, or characters that an http client never sends.
 * Spec: RFC 9449 section 4.3, by RFC 3986 sections 6.2.2 and 6.2.3.
 */
export function normalizeTargetUri(text: string): string | undefined {
  if (!/^https?:\/\/[\x21-\x5b\x5d-\x7e]+$/i.test(text) || !URL.canParse(text)) return undefined
  const { origin, pathname, username, password } = new URL(text)
  if (username !== '' || password !== '') return undefined
  return origin + pathname.replace(escapes, normalizeEscape)
}

function normalizeEscape(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return unreserved.test(character) ? character : escaped.toUpperCase()
}
