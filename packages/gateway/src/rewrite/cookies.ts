import { cookieNames } from '@gatehouse/core/wire-names'

const ownNames: readonly string[] = cookieNames.map((name) => name.toLowerCase())
/** What every one of our names contains: most headers are done with after one search for it. */
const mark = 'gatehouse_'

const isOwn = (name: string): boolean => ownNames.includes(name.trim().toLowerCase())

/**
 * A Cookie header without Gatehouse's own cookies; `undefined` where nothing is left.
 * Stops: a service that gets to see, and could replay, a session.
 */
export function stripOwnCookies(header: string): string | undefined {
  if (!header.toLowerCase().includes(mark)) return header
  const kept = header.split(';').filter((pair) => !isOwn(cookieName(pair)))
  const rest = kept.join(';').trim()
  return rest === '' ? undefined : rest
}

/**
 * Whether a Set-Cookie value would set one of Gatehouse's own cookies, also as a cookie without a name, whose value
 * browsers send as if it were a pair. Stops: a service that plants or ends a session.
 */
export const setsOwnCookie = (value: string): boolean =>
  value.toLowerCase().includes(mark) && isOwn(cookieName(value.split(';', 1)[0] ?? ''))

/** The name in `name=value`, where a leading `=` means a cookie without a name whose value a browser sends bare. */
function cookieName(pair: string): string {
  const bare = pair.trim().replace(/^[=\s]+/, '')
  const equals = bare.indexOf('=')
  return equals === -1 ? bare : bare.slice(0, equals)
}
