const authoritySyntax = /^(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/
const defaultPort = /:(?:80|443)$/

/**
 * Reads a host with an optional port, as it stands in a Host header: lower-cased, without the ports 80 and 443 (which of
 * them is the default nobody behind a TLS terminator can tell). `undefined` for anything else: userinfo, a port that is
 * no number up to 65535, a trailing dot, characters that no host has. Spec: RFC 9110 section 7.2.
 */
export function parseAuthority(value: string): string | undefined {
  if (value.length > 255) return undefined
  const lower = value.toLowerCase()
  const match = authoritySyntax.exec(lower)
  if (match === null) return undefined
  if (match[1] === undefined) return lower
  if (Number(match[1]) > 65_535) return undefined
  return lower.replace(defaultPort, '')
}
