import type { VerifiedToken } from '@gatehouse/core/contracts'
import { identityHeaders } from '@gatehouse/core/wire-names'

/**
 * Adds the six identity headers to a flat list, each always there, empty where there is nothing to say. Roles have one
 * space between two. What is no printable ASCII, and spaces and percent signs within one value, are percent-encoded
 * UTF-8: a role named `a b` must not read as two.
 */
export function pushIdentity(headers: string[], token: VerifiedToken | undefined): void {
  const claims = token?.claims
  headers.push(
    identityHeaders.subject,
    claims === undefined ? '' : encodeValue(claims.sub),
    identityHeaders.client,
    claims === undefined ? '' : encodeValue(claims.client_id),
    // A scope is printable ASCII by its syntax, and its spaces are meant; anything else is encoded like the rest.
    identityHeaders.scope,
    claims === undefined ? '' : printable.test(claims.scope) ? claims.scope : encodeValue(claims.scope),
    identityHeaders.roles,
    token === undefined || token.roles.size === 0 ? '' : encodeRoles(token.roles),
    identityHeaders.session,
    claims?.sid === undefined ? '' : encodeValue(claims.sid),
    identityHeaders.org,
    claims?.org === undefined ? '' : encodeValue(claims.org),
  )
}

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
