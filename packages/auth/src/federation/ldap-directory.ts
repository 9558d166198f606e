import type { Entry, Filter, SearchOptions } from 'ldapts'
import type { Deadline } from './ldap-connection.ts'
import { claimsOf, subjectFilter, subjectOf, textsOf, wantedAttributes } from './ldap-entry.ts'
import { allOf, type FilterTemplate, parseFilterTemplate } from './ldap-filter.ts'
import type { LdapPool } from './ldap-pool.ts'
import { isBinaryAttribute, type LdapGroups, type LdapSettings } from './ldap-settings.ts'
import type { OutsideIdentity } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** More groups than somebody has. */
const mostGroups = 1000

/** Finds people and their groups, as the search user. */
export class LdapDirectory {
  readonly #settings: LdapSettings
  readonly #attributes: string[]
  readonly #binaryAttributes: string[]
  readonly #searches: LdapPool
  readonly #userFilter: FilterTemplate
  readonly #activeFilter: Filter | undefined
  readonly #groups: { readonly settings: LdapGroups; readonly filter: FilterTemplate } | undefined

  constructor(settings: LdapSettings, searches: LdapPool) {
    const { userFilter, activeFilter, groups } = settings
    this.#settings = settings
    this.#attributes = wantedAttributes(settings)
    this.#binaryAttributes = [settings.subjectAttribute].filter(isBinaryAttribute)
    this.#searches = searches
    this.#userFilter = parseFilterTemplate(userFilter)
    this.#activeFilter = activeFilter === undefined ? undefined : parseFilterTemplate(activeFilter).fill({})
    this.#groups = groups && { settings: groups, filter: parseFilterTemplate(groups.filter) }
  }

  findByName(username: string, deadline: Deadline): Promise<Entry | undefined> {
    return this.#findOne(this.#userFilter.fill({ username }), deadline)
  }

  /** Whoever may sign in: what `user_filter` asks for besides the name has to hold by now too. */
  async findBySubject(subject: string, deadline: Deadline): Promise<OutsideIdentity | undefined> {
    const bySubject = subjectFilter(subject, this.#settings)
    if (!bySubject) return undefined
    const entry = await this.#findOne(allOf(bySubject, this.#userFilter.forAnybody()), deadline)
    return entry && this.describe(entry, deadline)
  }

  /** By what an entry is told from others: its subject or, where it has none, which is told once its password is right, its name. */
  keyOf(entry: Entry): string {
    try {
      return subjectOf(entry, this.#settings)
    } catch {
      return entry.dn
    }
  }

  async describe(entry: Entry, deadline: Deadline): Promise<OutsideIdentity> {
    const groups = this.#groups && (await this.#findGroups(entry, deadline))
    return { subject: subjectOf(entry, this.#settings), claims: claimsOf(entry, this.#settings, groups), amr: ['pwd'] }
  }

  async #findOne(filter: Filter, deadline: Deadline): Promise<Entry | undefined> {
    const { baseDn } = this.#settings
    const [entry, ...more] = await this.#search(
      baseDn,
      {
        filter: this.#activeFilter ? allOf(filter, this.#activeFilter) : filter,
        attributes: this.#attributes,
        explicitBufferAttributes: this.#binaryAttributes,
        sizeLimit: 2,
      },
      deadline,
    )
    if (more.length === 0) return entry
    throw new ProviderFailure('refused', 'more than one entry fits; user_filter has to find one for a name')
  }

  async #findGroups(entry: Entry, deadline: Deadline): Promise<readonly string[]> {
    if (!this.#groups) return []
    const { settings, filter } = this.#groups
    const [username = ''] = textsOf(entry, this.#settings.usernameAttribute)
    const found = await this.#search(
      settings.baseDn,
      {
        filter: filter.fill({ dn: entry.dn, username }),
        attributes: [settings.nameAttribute],
        sizeLimit: mostGroups,
      },
      deadline,
    )
    if (found.length >= mostGroups) {
      throw new ProviderFailure('misconfigured', `somebody is in ${mostGroups} groups or more; narrow groups.filter`)
    }
    return [...new Set(found.flatMap((group) => textsOf(group, settings.nameAttribute)))].sort()
  }

  #search(base: string, options: SearchOptions, deadline: Deadline): Promise<readonly Entry[]> {
    return this.#searches.run(deadline, (connection) => connection.search(base, { scope: 'sub', ...options }, deadline))
  }
}
