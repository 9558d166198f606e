import type { JsonObject } from '@gatehouse/core/json'
import { type Entry, EqualityFilter, type Filter } from 'ldapts'
import { isBinaryAttribute, type LdapSettings } from './ldap-settings.ts'
import { ProviderFailure } from './provider-failure.ts'

/** Claims by the names that OpenID Connect has for them, and the attributes that they are read from, the first that is there. */
const standardClaims: Readonly<Record<string, readonly string[]>> = {
  name: ['displayName', 'cn'],
  given_name: ['givenName'],
  family_name: ['sn'],
  email: ['mail'],
  locale: ['preferredLanguage'],
}

/** What is asked of an entry. */
export const wantedAttributes = ({ subjectAttribute, usernameAttribute, attributes }: LdapSettings): string[] => [
  ...new Set([subjectAttribute, usernameAttribute, ...attributes, ...Object.values(standardClaims).flat()]),
]

/** The values of an attribute, whose name may be written in any case; bytes that are no text are left out. */
export function textsOf(entry: Entry, attribute: string): readonly string[] {
  return valuesOf(entry, attribute).filter((value) => typeof value === 'string')
}

function valuesOf(entry: Entry, attribute: string): readonly (string | Buffer)[] {
  const wanted = attribute.toLowerCase()
  const [, value] = Object.entries(entry).find(([name]) => name.toLowerCase() === wanted) ?? []
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}

/** By which an entry is known: bytes in hexadecimal. Throws where it has not exactly one such value. */
export function subjectOf(entry: Entry, { subjectAttribute }: LdapSettings): string {
  const [value, ...more] = valuesOf(entry, subjectAttribute)
  if (value === undefined || more.length > 0) {
    throw new ProviderFailure('misconfigured', `an entry has not exactly one ${subjectAttribute} (subject_attribute)`)
  }
  const isBinary = isBinaryAttribute(subjectAttribute)
  const subject = isBinary || typeof value !== 'string' ? Buffer.from(value).toString('hex') : value
  if (subject.length < 1 || subject.length > 255) {
    throw new ProviderFailure('misconfigured', `${subjectAttribute} of an entry is not of 1 to 255 characters`)
  }
  return subject
}

/** Whoever has a subject; undefined where nobody could. */
export function subjectFilter(subject: string, { subjectAttribute }: LdapSettings): Filter | undefined {
  if (!isBinaryAttribute(subjectAttribute)) return new EqualityFilter({ attribute: subjectAttribute, value: subject })
  if (!/^(?:[0-9a-f]{2})+$/.test(subject)) return undefined
  return new EqualityFilter({ attribute: subjectAttribute, value: Buffer.from(subject, 'hex') })
}

/** What an entry says: one value is a text, several are a list. */
export function claimsOf(entry: Entry, settings: LdapSettings, groups: readonly string[] | undefined): JsonObject {
  const claims: Record<string, unknown> = { dn: entry.dn }
  const put = (name: string, [first, ...more]: readonly string[]): void => {
    if (first !== undefined) claims[name] = more.length === 0 ? first : [first, ...more]
  }
  put('preferred_username', textsOf(entry, settings.usernameAttribute).slice(0, 1))
  for (const [claim, sources] of Object.entries(standardClaims)) {
    const values = sources.map((source) => textsOf(entry, source)).find(({ length }) => length > 0)
    put(claim, (values ?? []).slice(0, 1))
  }
  for (const attribute of settings.attributes) put(attribute, textsOf(entry, attribute))
  return groups === undefined ? claims : { ...claims, groups }
}
