import type { IncomingHttpHeaders } from 'node:http'

/** The cookies of Gatehouse's own pages. */
export interface Cookies {
  /** The value of the browser's session cookie. */
  findSession(headers: IncomingHttpHeaders): string | undefined
  /** The value by which a browser is known again while somebody is in the middle of something. */
  findBrowser(headers: IncomingHttpHeaders): string | undefined
  setSession(value: string, maxAge: number): string
  setBrowser(value: string): string
  clearSession(): string
  /** The value by which a browser need not show a second factor for a while. */
  findDevice(headers: IncomingHttpHeaders): string | undefined
  setDevice(value: string, maxAge: number): string
  /** What opens the session of a browser app, on its own host. */
  findApp(cookie: string | undefined): string | undefined
  setApp(value: string, maxAge: number): string
  clearApp(): string
  /** The language that was chosen in this browser: two letters. */
  findLocale(headers: IncomingHttpHeaders): string | undefined
  setLocale(locale: string): string
}

/** A grant's id, what proves it, and whose it is, sealed; see apps/app-sessions. */
const appValue = /^[\w-]{22}\.[\w-]{43}\.[\w-]{1,64}\.[\w-]{1,256}$/

/** Seconds for which a browser's language is remembered (a year). */
const localeLifetime = 31_536_000

/**
 * Builds the cookies of an issuer: HttpOnly, SameSite=Lax, for the whole host and for no other. With an https issuer they
 * are Secure and have the prefix `__Host-`, which no other host can set. Spec: RFC 6265bis section 4.1.3.2.
 */
export function createCookies(issuer: string): Cookies {
  const isSecure = issuer.startsWith('https:')
  const prefix = isSecure ? '__Host-' : ''
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  const session = `${prefix}gatehouse_session`
  const browser = `${prefix}gatehouse_browser`
  const device = `${prefix}gatehouse_device`
  const app = `${prefix}gatehouse_app`
  const locale = `${prefix}gatehouse_locale`
  return {
    findSession: (headers) => findCookie(headers.cookie, session),
    findBrowser: (headers) => findCookie(headers.cookie, browser),
    setSession: (value, maxAge) => `${session}=${value}; Max-Age=${maxAge}; ${attributes}`,
    setBrowser: (value) => `${browser}=${value}; ${attributes}`,
    findDevice: (headers) => findCookie(headers.cookie, device),
    setDevice: (value, maxAge) => `${device}=${value}; Max-Age=${maxAge}; ${attributes}`,
    findLocale: (headers) => findCookie(headers.cookie, locale, /^[a-z]{2}$/),
    setLocale: (value) => `${locale}=${value}; Max-Age=${localeLifetime}; ${attributes}`,
    findApp: (cookie) => findCookie(cookie, app, appValue),
    setApp: (value, maxAge) => `${app}=${value}; Max-Age=${maxAge}; ${attributes}`,
    clearApp: () => `${app}=; Max-Age=0; ${attributes}`,
    clearSession: () => `${session}=; Max-Age=0; ${attributes}`,
  }
}

const isBlank = (text: string, at: number): boolean => text[at] === ' ' || text[at] === '\t'

/**
 * Text without the blanks and tabs around it, and nothing else: for browsers a name that begins with another space is another
 * name. Cost: one look at each of them; a pattern would look at long runs of them again and again.
 */
function withoutBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text, from)) from += 1
  while (from < to && isBlank(text, to - 1)) to -= 1
  return text.slice(from, to)
}

/**
 * A cookie of exactly that name with the form that it has from us; the first where there are several. Threat: names that
 * only look like one with the prefix `__Host-`, and that every host beside ours can set.
 */
function findCookie(header: string | undefined, name: string, form = /^[\w-]{43}$/): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const mark = part.indexOf('=')
    if (mark === -1 || withoutBlanks(part.slice(0, mark)) !== name) continue
    const value = withoutBlanks(part.slice(mark + 1))
    return form.test(value) ? value : undefined
  }
  return undefined
}
