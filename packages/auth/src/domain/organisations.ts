import type { OrganisationId, Seconds, UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { newOrganisationId, randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { OrganisationRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { recordEvent } from './audit.ts'
import type { Revocations } from './revocations.ts'
import { endInOrganisation } from './sessions.ts'
import { type Actor, administratorRole } from './users.ts'

/** What organisations may do, from configuration. */
export interface OrganisationPolicy {
  /** The role whose holders look after an organisation. */
  readonly administratorRole: string
  /** Roles that such an administrator may give and take, that one among them, and what each is for; empty = not said. */
  readonly givableRoles: ReadonlyMap<string, string>
  /** Every role that can be had in an organisation: those, and what whoever runs Gatehouse may give beside. */
  readonly knownRoles: ReadonlySet<string>
  /** Seconds for which an invitation is good. */
  readonly invitationLifetime: Seconds
}

export interface OrganisationDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Pick<Revocations, 'write' | 'announce'>
}

/** Small letters, digits and single dashes: never the form of an id. */
const slugFormat = /^(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unfitName = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/

/** Adds an organisation to which nobody belongs. Errors: `invalid_request`, `already_exists` where the slug is taken. */
export async function addOrganisation(
  { store, clock }: Pick<OrganisationDependencies, 'store' | 'clock'>,
  { name, slug }: { readonly name: string; readonly slug: string },
  by: Actor,
): Promise<OrganisationRow> {
  if (!slugFormat.test(slug)) {
    throw invalid('The slug must have at most 63 small letters and digits, with single dashes between them')
  }
  const shown = name.trim()
  if (shown === '' || shown.length > 100 || unfitName.test(shown)) throw invalid('The name is not usable')
  const row: OrganisationRow = { id: newOrganisationId(), name: shown, slug, status: 'active', created_at: clock.now() }
  await store.transaction(async (tables) => {
    await tables.organisations.insert(row)
    await recordEvent(tables, clock, { type: 'organisation_added', result: 'ok', target: row.id, ...by })
  })
  return row
}

/** The organisation of this id or slug. Error: `not_found`. */
export async function getOrganisation(
  { store }: { readonly store: Pick<Store, 'organisations'> },
  idOrSlug: string,
): Promise<OrganisationRow> {
  const found =
    (await store.organisations.findBySlug(idOrSlug)) ?? (await store.organisations.findById(idOrSlug as OrganisationId)) // only looked up
  if (!found) throw new GatehouseError('not_found', { description: 'There is no such organisation' })
  return found
}

/** Members that are seen to at a time when an organisation is disabled. */
const chunk = 100

/**
 * Lets people act for an organisation or not. Disabling ends what every member does in its name: the status first, so that
 * nobody begins anew or refreshes, and then member by member, each in a transaction of their own. Who is stopped on the way runs
 * it again: until then the rest keep the access tokens that they have. Error: `not_found`.
 */
export async function setOrganisationStatus(
  { store, clock, revocations }: OrganisationDependencies,
  { id, status }: Pick<OrganisationRow, 'id' | 'status'>,
  by: Actor,
): Promise<void> {
  await store.transaction(async (tables) => {
    if (!(await tables.organisations.setStatus(id, status))) throw new GatehouseError('not_found')
    const type = status === 'disabled' ? 'organisation_disabled' : 'organisation_enabled'
    await recordEvent(tables, clock, { type, result: 'ok', target: id, ...by })
  })
  if (status === 'active') return
  for (let after: string | undefined; ; ) {
    const members = await store.memberships.listMembers({ organisation_id: id, after, limit: chunk })
    for (const { user_id } of members) {
      const entries = await store.transaction((tables) =>
        endAsMember({ tables, clock, revocations }, { user: user_id, organisation: id }, by),
      )
      await revocations.announce(entries)
    }
    if (members.length < chunk) return
    after = members.at(-1)?.username_canonical
  }
}

/** What was prepared under the membership as it is starts no more, and what has started ends. */
async function endAsMember(
  dependencies: { readonly tables: Tables; readonly clock: Clock; readonly revocations: Pick<Revocations, 'write'> },
  member: { readonly user: UserId; readonly organisation: OrganisationId },
  by: Actor,
): Promise<readonly Revocation[]> {
  const key = { organisation_id: member.organisation, user_id: member.user }
  await dependencies.tables.memberships.renew(key, newVersion())
  return endInOrganisation(dependencies, member, by)
}

/** A version that no membership has had before. */
export const newVersion = (): string => randomToken(9)

/** Roles in an organisation, as they are kept. Error: `invalid_request` for one that cannot be had there. */
export function checkRoles(roles: readonly string[], allowed: { has(role: string): boolean }): string {
  for (const role of roles) {
    // Configuration does not let it be one of them; this is the second lock on the same door.
    if (!allowed.has(role) || role === administratorRole) throw invalid('A role is not one that can be given here')
  }
  return [...new Set(roles)].join(' ')
}

const invalid = (description: string): GatehouseError => new GatehouseError('invalid_request', { description })
