/** One half of HTTP Basic credentials, which is form-url-encoded; `undefined` where it is not. Spec: RFC 6749 section 2.3.1. */
export function decodeFormPart(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
