import type { Clock } from '@gatehouse/core/time'
import type { Entry, SearchOptions } from 'ldapts'
import { bindSearchUser } from './ldap-bind.ts'
import { type Deadline, type LdapConnection, openConnection } from './ldap-connection.ts'
import { subjectOf, textsOf, wantedAttributes } from './ldap-entry.ts'
import { toProviderFailure } from './ldap-failure.ts'
import { parseFilterTemplate } from './ldap-filter.ts'
import { isBinaryAttribute, type LdapServer, type LdapSettings } from './ldap-settings.ts'
import type { Finding } from './provider.ts'

/** For everything that is looked at on one server, in milliseconds. */
const limitMs = 4500
/** Fewer days than these are said to be few. */
const fewDays = 21
const dayMs = 86_400_000

/** Looks at each server in turn, by a connection of its own: the way there, the search user, and what a search finds. */
export async function* examineDirectory(settings: LdapSettings, clock: Clock): AsyncIterable<Finding> {
  for (const server of settings.servers) yield* examineServer(server, settings, clock)
}

async function* examineServer(server: LdapServer, settings: LdapSettings, clock: Clock): AsyncIterable<Finding> {
  const deadline = performance.now() + limitMs
  const name = nameOf(server)
  let connection: LdapConnection | undefined
  let step = `server ${name}`
  try {
    connection = await openConnection(server, { authorities: settings.authorities, deadline })
    yield { what: step, state: 'ok', says: 'it can be reached' }
    yield describeWay(connection, clock)
    step = 'search user'
    if (settings.searchUser) await bindSearchUser(connection, settings.searchUser, deadline)
    yield { what: step, state: 'ok', says: settings.searchUser ? 'is let in' : 'nobody: searches are anonymous' }
    step = 'program'
    yield { what: step, state: 'ok', says: await describeProgram(connection, deadline) }
    step = 'base_dn'
    yield await findBase(connection, { what: step, base: settings.baseDn }, deadline)
    step = 'people'
    yield await findSample(connection, settings, deadline)
    if (!settings.groups) return
    step = 'groups.base_dn'
    yield await findBase(connection, { what: step, base: settings.groups.baseDn }, deadline)
  } catch (error) {
    const { detail } = toProviderFailure(error, name)
    yield { what: step, state: 'wrong', says: detail }
  } finally {
    connection?.close()
  }
}

const nameOf = ({ host, port, security }: LdapServer): string =>
  `${security === 'tls' ? 'ldaps' : 'ldap'}://${host.includes(':') ? `[${host}]` : host}:${port}`

function describeWay({ secure }: LdapConnection, clock: Clock): Finding {
  const what = 'certificate'
  if (!secure) return { what, state: 'warning', says: 'none: passwords go over the network in clear' }
  const days = Math.floor((Date.parse(secure.getPeerCertificate().valid_to) - clock.milliseconds()) / dayMs)
  const says = `trusted, for ${days} more days; ${secure.getProtocol()}`
  return { what, state: days < fewDays ? 'warning' : 'ok', says }
}

async function describeProgram(connection: LdapConnection, deadline: Deadline): Promise<string> {
  const attributes = ['vendorName', 'vendorVersion', 'objectClass', 'structuralObjectClass', 'forestFunctionality']
  const [root] = await connection.search('', { scope: 'base', filter: '(objectClass=*)', attributes }, deadline)
  if (!root) return 'does not say what it is'
  const [vendor] = textsOf(root, 'vendorName')
  if (vendor !== undefined) return [vendor, ...textsOf(root, 'vendorVersion')].join(' ').slice(0, 200)
  if (textsOf(root, 'forestFunctionality').length > 0) return 'Active Directory'
  const classes = [...textsOf(root, 'objectClass'), ...textsOf(root, 'structuralObjectClass')]
  return classes.includes('OpenLDAProotDSE') ? 'OpenLDAP' : 'does not say what it is'
}

async function findBase(
  connection: LdapConnection,
  { what, base }: { readonly what: string; readonly base: string },
  deadline: Deadline,
): Promise<Finding> {
  const [entry] = await connection.search(base, { scope: 'base', attributes: ['1.1'] }, deadline)
  return entry
    ? { what, state: 'ok', says: 'is there' }
    : { what, state: 'wrong', says: `${base} cannot be seen: it is not there, or the search user may not look at it` }
}

async function findSample(connection: LdapConnection, settings: LdapSettings, deadline: Deadline): Promise<Finding> {
  const what = 'people'
  const options: SearchOptions = {
    scope: 'sub',
    filter: parseFilterTemplate(settings.userFilter).forAnybody(),
    attributes: wantedAttributes(settings),
    explicitBufferAttributes: [settings.subjectAttribute].filter(isBinaryAttribute),
    sizeLimit: 1,
  }
  const [entry]: readonly (Entry | undefined)[] = await connection.search(settings.baseDn, options, deadline)
  if (!entry) {
    const says = 'nobody is found: look at user_filter, and at what the search user may see'
    return { what, state: 'warning', says }
  }
  subjectOf(entry, settings)
  return { what, state: 'ok', says: `are found, and have ${settings.subjectAttribute}` }
}
