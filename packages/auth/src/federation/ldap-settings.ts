/** One server of a directory, and how the way there is protected. */
export interface LdapServer {
  readonly host: string
  readonly port: number
  /** `tls` from the first byte (ldaps), `starttls` before anything else is said, `none` in clear. */
  readonly security: 'tls' | 'starttls' | 'none'
}

/** What an LDAP provider is told. */
export interface LdapSettings {
  /** Asked in this order; one that fails is left alone for 30 s. */
  readonly servers: readonly [LdapServer, ...LdapServer[]]
  /** PEM of the authorities that certificates may come from; absent: those of the system. */
  readonly authorities?: string | undefined
  /** Whom searches are made as; absent: nobody. */
  readonly searchUser?: { readonly dn: string; readonly password: string } | undefined
  /** Where people are. */
  readonly baseDn: string
  /** Who has a name: a filter with `{username}`. */
  readonly userFilter: string
  /** What an entry has to fit besides, at every look, so that its owner may sign in. */
  readonly activeFilter?: string | undefined
  /** By which somebody is known for ever. */
  readonly subjectAttribute: string
  /** The name in the narrower sense: `preferred_username`, and `{username}` in the filter of groups. */
  readonly usernameAttribute: string
  /** What becomes claims under their own names. */
  readonly attributes: readonly string[]
  readonly groups?: LdapGroups | undefined
  /** The most connections for searches, and the most for passwords. */
  readonly poolSize: number
}

/** Where somebody's groups are found. */
export interface LdapGroups {
  readonly baseDn: string
  /** Which groups are somebody's: a filter with `{dn}` or `{username}`. */
  readonly filter: string
  /** What a group is called by. */
  readonly nameAttribute: string
}

/** Attributes whose values are bytes; as a subject they are written in hexadecimal. */
export const isBinaryAttribute = (name: string): boolean => /^(objectguid|objectsid|msexchmailboxguid)$/i.test(name)

/**
 * What is wrong with a filter (Spec: RFC 4515), or undefined. A look without the library, which nobody should load only to
 * read a configuration. `placeholders` are those of which there has to be one at least, each as a part of a value.
 */
export function findFilterFault(filter: string, placeholders: readonly string[]): string | undefined {
  const used = [...filter.matchAll(/\{(\w*)\}/g)].map(([, name = '']) => name)
  const listed = placeholders.map((name) => `{${name}}`).join(' or ')
  const unknown = used.find((name) => !placeholders.includes(name))
  if (unknown !== undefined) return `does not know {${unknown}}${listed === '' ? '' : `; what there is: ${listed}`}`
  if (placeholders.length > 0 && used.length === 0) return `has to have ${listed} where the value goes`
  return isFilter(filter) ? undefined : 'is no filter such as (&(objectClass=person)(uid=x))'
}

const item = /\((?:[\w-]+|[\w-]*(?::dn)?(?::[\w.-]+)?:)(?:=|>=|<=|~=)(?:[^()\\\0]|\\[0-9a-f]{2})*\)/gi

const folded = '\ufffd'

/** Folds what is a filter into one letter, from the inside out, until nothing folds. */
function isFilter(filter: string): boolean {
  if (filter.length > 4000 || filter.includes(folded)) return false
  let rest = filter.replaceAll(item, folded)
  for (let before = ''; before !== rest; ) {
    before = rest
    rest = rest.replaceAll(/\((?:[&|]\ufffd+|!\ufffd)\)/g, folded)
  }
  return rest === folded
}
