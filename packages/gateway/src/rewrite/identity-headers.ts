import type { VerifiedToken } from '@gatehouse/core/contracts'
import { identityHeaders } from '@gatehouse/core/wire-names'

/**
 * Adds the six identity headers to a flat list, each always there, empty where there is nothing to say. Cost: for a token
 * that has been seen, copying them.
 */
export function pushIdentity(headers: string[], token: VerifiedToken | undefined): void {
  if (token !== undefined) token.memo.identityHeaders ??= buildIdentity(token)
  for (const part of token?.memo.identityHeaders ?? noIdentity) headers.push(part)
}

/**
 * The Authorization header of an identity token. It is kept beside the token that it was made from: put together anew for
 * each request, it would be copied and looked through as a whole each time.
 */
export function identityAuthorization(token: VerifiedToken | undefined, jwt: string): string {
  const known = token?.memo.identity
  if (known?.jwt === jwt) return known.authorization
  const authorization = `Bearer ${jwt}`
  if (token !== undefined) token.memo.identity = { jwt, authorization }
  return authorization
}

const noIdentity: readonly string[] = Object.values(identityHeaders).flatMap((name) => [name, ''])

/**
 * Roles have one space between two. What is no printable ASCII, and spaces and percent signs within one value, are
 * percent-encoded UTF-8: a role named `a b` must not read as two.
 */
const buildIdentity = ({ claims, roles }: VerifiedToken): readonly string[] => [
  identityHeaders.subject,
  encodeValue(claims.sub),
  identityHeaders.client,
  encodeValue(claims.client_id),
  // A scope is printable ASCII by its syntax, and its spaces are meant; anything else is encoded like the rest.
  identityHeaders.scope,
  printable.test(claims.scope) ? claims.scope : encodeValue(claims.scope),
  identityHeaders.roles,
  encodeRoles(roles),
  identityHeaders.session,
  claims.sid === undefined ? '' : encodeValue(claims.sid),
  identityHeaders.org,
  claims.org === undefined ? '' : encodeValue(claims.org),
]

const printable = /^[\x20-\x7e]*$/
const plain = /^[\x21-\x24\x26-\x7e]*$/

function encodeRoles(roles: ReadonlySet<string>): string {
  let text = ''
  for (const role of roles) text += text === '' ? encodeValue(role) : ` ${encodeValue(role)}`
  return text
}

function encodeValue(value: string): string {
  if (plain.test(value)) return value
  let text = ''
  for (const byte of Buffer.from(value, 'utf8')) {
    const bare = byte > 0x20 && byte < 0x7f && byte !== 0x25
    text += bare ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}
