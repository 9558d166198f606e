import type { JsonObject } from '@gatehouse/core/json'
import { attributeOf, namedChildren, ns, walk, type XmlElement } from './saml-xml.ts'

const forbidden = new Set(['__proto__', 'constructor', 'prototype', 'name_id', ''])

/**
 * The attributes of an assertion: one value as a text, several as a list; each by its name, and by its friendly name where
 * no other has that. Spec: SAML core 2.7.3. Stops: prototype pollution, an attribute that passes for the NameID.
 */
export function readAttributes(assertion: XmlElement): JsonObject {
  const values = new Map<string, string[]>()
  const friendly = new Map<string, string[]>()
  const attributes = namedChildren(assertion, ns.assertion, 'AttributeStatement').flatMap((statement) =>
    namedChildren(statement, ns.assertion, 'Attribute'),
  )
  for (const attribute of attributes) {
    const own = namedChildren(attribute, ns.assertion, 'AttributeValue')
      .filter((value) => value.getAttribute('xsi:nil') !== 'true')
      .map(wholeText)
    add(values, attributeOf(attribute, 'Name'), own)
    add(friendly, attributeOf(attribute, 'FriendlyName'), own)
  }
  for (const [name, own] of friendly) if (!values.has(name)) values.set(name, own)
  return Object.fromEntries(
    [...values].filter(([, own]) => own.length > 0).map(([name, own]) => [name, own.length === 1 ? own[0] : own]),
  )
}

function add(to: Map<string, string[]>, name: string | undefined, values: readonly string[]): void {
  if (name === undefined || forbidden.has(name)) return
  const known = to.get(name)
  if (known) known.push(...values)
  else to.set(name, [...values])
}

/** A value that is an element, as a NameID in eduPersonTargetedID, counts by its text. */
const wholeText = (value: XmlElement): string => {
  const [, only, another] = walk(value)
  return (only && !another ? only : value).textContent.trim()
}

/** What plainly says the same in words of RFC 8176. */
const methods: Readonly<Record<string, readonly string[]>> = {
  'urn:oasis:names:tc:SAML:2.0:ac:classes:Password': ['pwd'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport': ['pwd'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos': ['wia'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard': ['sc'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI': ['sc', 'mfa'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:SoftwarePKI': ['swk'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken': ['otp'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract': ['mfa'],
  'urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered': ['mfa'],
  'https://refeds.org/profile/mfa': ['mfa'],
  'http://schemas.microsoft.com/claims/multipleauthn': ['mfa'],
}

/** What somebody has shown, by the class of their sign-in. Spec: SAML authentication context 3; RFC 8176. */
export const methodsOf = (reference: string): readonly string[] | undefined =>
  Object.hasOwn(methods, reference) ? methods[reference] : undefined
