import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { oneOf } from '@gatehouse/auth/domain/client-metadata'
import { findFilterFault, type LdapServer, type LdapSettings } from '@gatehouse/auth/federation/ldap-settings'
import * as Type from 'typebox'
import { isLoopback } from '../loopback.ts'
import { count, flag, path, strict, text, texts } from '../schema-words.ts'
import { type ProviderContext, providerKind, shadowKey } from './provider-kind.ts'

const url = text('`ldaps://` encrypts from the first byte, `ldap://` by `start_tls`', {
  expected: 'ldaps://directory.example.com or ldap://directory.example.com:389',
})

/** A directory: OpenLDAP, Active Directory, and what else speaks LDAP. */
export const ldapSchema = providerKind(
  'ldap',
  'A directory: who signs in is searched by name there, and the password tried as the entry that is found',
  {
    shadow: shadowKey,
    url: Type.Union([url, Type.Array(url, { minItems: 1, maxItems: 10, expected: 'a list of ldaps:// URLs' })], {
      description: 'Its server, or several that hold the same, of which the first that answers is taken',
      expected: 'ldaps://directory.example.com, or a list of such',
    }),
    directory: Type.Optional(
      oneOf(['ldap', 'active-directory'], {
        default: 'ldap',
        description: 'Which kind it is: what the keys below are where they are left out',
        expected: 'ldap or active-directory',
      }),
    ),
    start_tls: Type.Optional(flag('Whether an `ldap://` connection is encrypted before anything is said', false)),
    ca_file: Type.Optional(path('PEM with the authorities of its certificates. Left out: those of the system')),
    bind_dn: Type.Optional(
      text('Whom searches are made as, such as cn=gatehouse,dc=example,dc=com. Left out: nobody', {
        expected: 'a DN such as cn=gatehouse,dc=example,dc=com',
      }),
    ),
    bind_password: Type.Optional(text('Their password; take it from the environment: `${LDAP_PASSWORD}`')),
    base_dn: text('Where people are', { expected: 'a DN such as ou=people,dc=example,dc=com' }),
    user_filter: Type.Optional(
      text(
        'Who has a name: a filter with `{username}`, which has to find one entry. Left out: `uid` or `mail`; in Active Directory `sAMAccountName` or `userPrincipalName`',
        { expected: 'a filter such as (&(objectClass=person)(uid={username}))' },
      ),
    ),
    active_filter: Type.Optional(
      text(
        'What an entry has to fit as well so that its owner may sign in, and stay so. Left out in Active Directory: accounts that are not disabled',
        { expected: 'a filter such as (!(pwdAccountLockedTime=*))' },
      ),
    ),
    subject_attribute: Type.Optional(
      text(
        'By which somebody is known for ever; never a name that can change hands. Left out: `entryUUID`; in Active Directory `objectGUID`, in hexadecimal',
      ),
    ),
    username_attribute: Type.Optional(
      text('The claim `preferred_username`. Left out: `uid`; in Active Directory `sAMAccountName`'),
    ),
    attributes: Type.Optional(
      texts(
        'Attributes that become claims under their own names: a text, or a list where there are several values. These are claims without being named: dn, preferred_username, name, given_name, family_name, email, locale',
        { maxItems: 100 },
      ),
    ),
    groups: Type.Optional(
      Type.Object(
        {
          base_dn: Type.Optional(text('Where groups are. Left out: `base_dn`')),
          filter: Type.Optional(
            text('Which are somebody’s: a filter with `{dn}` or `{username}`. Left out: `(member={dn})`', {
              expected: 'a filter such as (member={dn})',
            }),
          ),
          name_attribute: Type.Optional(text('What a group is called by. Left out: `cn`')),
        },
        {
          ...strict,
          description:
            'The claim `groups`. Left out: none; in Active Directory all that somebody is in, also by way of other groups',
          expected: '{ base_dn, filter, name_attribute }',
        },
      ),
    ),
    pool_size: Type.Optional(
      count('The most connections for searches, and as many for passwords', { minimum: 1, maximum: 100 }, 8),
    ),
    insecure: Type.Optional(
      Type.Object(
        { plain_text: Type.Optional(flag('Whether passwords go to the directory in clear', false)) },
        { ...strict, description: 'What makes it less safe than it should be' },
      ),
    ),
  },
)

type Section = Type.Static<typeof ldapSchema>

/** What is meant where a key is left out. */
const presets = {
  ldap: {
    userFilter: '(&(objectClass=person)(|(uid={username})(mail={username})))',
    activeFilter: undefined,
    ...{ subjectAttribute: 'entryUUID', usernameAttribute: 'uid', groupFilter: '(member={dn})' },
  },
  'active-directory': {
    userFilter:
      '(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={username})(userPrincipalName={username})))',
    // The bit of accounts that are disabled.
    activeFilter: '(!(userAccountControl:1.2.840.113556.1.4.803:=2))',
    ...{ subjectAttribute: 'objectGUID', usernameAttribute: 'sAMAccountName' },
    // Also by way of groups in groups.
    groupFilter: '(member:1.2.840.113556.1.4.1941:={dn})',
  },
} as const

/** What the keys of a directory mean; reports what cannot be meant. */
export function resolveLdap(section: Section, context: ProviderContext): LdapSettings {
  const preset = presets[section.directory ?? 'ldap']
  const settings: LdapSettings = {
    servers: readServers(section, context),
    authorities: readAuthorities(section.ca_file, context),
    searchUser: readSearchUser(section, context),
    baseDn: section.base_dn,
    userFilter: section.user_filter ?? preset.userFilter,
    activeFilter: section.active_filter ?? preset.activeFilter,
    subjectAttribute: section.subject_attribute ?? preset.subjectAttribute,
    usernameAttribute: section.username_attribute ?? preset.usernameAttribute,
    attributes: section.attributes ?? [],
    groups: readGroups(section, preset.groupFilter),
    poolSize: section.pool_size ?? 8,
  }
  checkFilters(settings, context)
  checkNames(section, context)
  return settings
}

function readServers(section: Section, context: ProviderContext): LdapSettings['servers'] {
  const urls = typeof section.url === 'string' ? [section.url] : section.url
  const servers = urls.map((each, index): LdapServer => {
    const place = typeof section.url === 'string' ? ['url'] : ['url', index]
    return readServer(each, section, (message) => context.report(place, message), context.development)
  })
  const [first = nowhere, ...more] = servers
  return [first, ...more]
}

const nowhere: LdapServer = { host: 'localhost', port: 636, security: 'tls' }

function readServer(
  written: string,
  { start_tls: startTls = false, insecure }: Section,
  report: (message: string) => void,
  development: boolean,
): LdapServer {
  const parsed = URL.canParse(written) ? new URL(written) : undefined
  const isSecure = parsed?.protocol === 'ldaps:'
  const isPlain = !parsed || !['', '/'].includes(parsed.pathname) || parsed.search !== '' || parsed.username !== ''
  if (isPlain || (!isSecure && parsed.protocol !== 'ldap:') || parsed.hostname === '') {
    report('expected ldaps://host or ldap://host, with a port or without; where people are is base_dn')
    return nowhere
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = parsed.port === '' ? (isSecure ? 636 : 389) : Number(parsed.port)
  if (isSecure) return { host, port, security: 'tls' }
  if (startTls) return { host, port, security: 'starttls' }
  if (!insecure?.plain_text && !(development && isLoopback(host))) {
    report('passwords would go there in clear: write ldaps://, or add start_tls: true')
  }
  return { host, port, security: 'none' }
}

function readAuthorities(file: string | undefined, { report }: ProviderContext): string | undefined {
  if (file === undefined) return undefined
  try {
    const pem = readFileSync(file, 'utf8')
    new X509Certificate(pem)
    return pem
  } catch {
    report(['ca_file'], `${file} cannot be read, or is no certificate in PEM`)
    return undefined
  }
}

function readSearchUser(section: Section, { report }: ProviderContext): LdapSettings['searchUser'] {
  const { bind_dn: dn, bind_password: password } = section
  if (dn === undefined && password === undefined) return undefined
  if (dn === undefined || password === undefined) {
    report(['bind_dn'], 'bind_dn and bind_password go together')
    return undefined
  }
  if (!dn.includes('=')) report(['bind_dn'], 'expected a DN such as cn=gatehouse,dc=example,dc=com')
  return { dn, password }
}

function readGroups({ groups, base_dn: baseDn, directory }: Section, filter: string): LdapSettings['groups'] {
  if (!groups && directory !== 'active-directory') return undefined
  const { base_dn: own, filter: written, name_attribute: nameAttribute } = groups ?? {}
  return { baseDn: own ?? baseDn, filter: written ?? filter, nameAttribute: nameAttribute ?? 'cn' }
}

function checkFilters({ userFilter, activeFilter, groups }: LdapSettings, { report }: ProviderContext): void {
  const check = (path: readonly string[], filter: string | undefined, placeholders: readonly string[]): void => {
    const fault = filter === undefined ? undefined : findFilterFault(filter, placeholders)
    if (fault !== undefined) report(path, fault)
  }
  check(['user_filter'], userFilter, ['username'])
  check(['active_filter'], activeFilter, [])
  check(['groups', 'filter'], groups?.filter, ['dn', 'username'])
}

const attributeKeys = ['subject_attribute', 'username_attribute'] as const

function checkNames(section: Section, { report }: ProviderContext): void {
  const check = (path: readonly (string | number)[], name: string | undefined): void => {
    if (name === undefined) return
    if (!/^[a-z][\w.;-]{0,99}$/i.test(name)) report(path, 'expected the name of an attribute, such as telephoneNumber')
    else if (reserved.has(name.toLowerCase())) report(path, `${name} is a claim already; leave it out`)
  }
  for (const key of attributeKeys) check([key], section[key])
  for (const [index, name] of (section.attributes ?? []).entries()) check(['attributes', index], name)
  check(['groups', 'name_attribute'], section.groups?.name_attribute)
  if (/[^=]*=.*/s.test(section.base_dn)) return
  report(['base_dn'], 'expected a DN such as ou=people,dc=example,dc=com')
}

/** Claims that are not an attribute's. */
const reserved: ReadonlySet<string> = new Set(['dn', 'groups', 'name', 'email', 'locale', 'constructor'])
