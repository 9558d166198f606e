import { hash } from 'node:crypto'
import type { OrganisationId, Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import type { OrganisationInvitationRow, OrganisationRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import type { EmailAddress } from './email-addresses.ts'
import {
  type Authority,
  enterOrganisation,
  insertMember,
  type MemberDependencies,
  noSuchOrganisation,
} from './organisation-members.ts'
import { checkRoles } from './organisations.ts'
import type { Actor } from './users.ts'

/** Invitations of one organisation that may wait for an answer at a time. */
export const invitationLimit = 100

const tokenFormat = /^ghj_[\w-]{43}$/

/** What the store knows an invitation by; `undefined` for what is no token of one. */
export const hashInvitation = (token: string): string | undefined =>
  tokenFormat.test(token) ? hash('sha256', token, 'base64url') : undefined

/** What somebody who is invited is told. */
export interface InvitationMail {
  readonly organisation: Pick<OrganisationRow, 'name'>
  readonly address: EmailAddress
  /** From the path on. */
  readonly link: string
  readonly goodFor: Seconds
  /** In which language, as far as is known: that of whoever invites. */
  readonly locale: Locale | undefined
}

export interface InvitationDependencies extends Omit<MemberDependencies, 'revocations'> {
  /** Queues the mail in the transaction of the invitation. Error: `too_many_requests` where no more go to this address. */
  readonly queueMail: (tables: Tables, mail: InvitationMail) => Promise<void>
}

/** Whom to invite where, and with which roles. */
export interface NewInvitation {
  readonly organisation: OrganisationId
  readonly address: EmailAddress
  readonly roles: readonly string[]
  readonly locale?: Locale
}

/**
 * Invites somebody into an organisation by mail, in the place of an earlier invitation of the same address: 256 random bits,
 * of which the store knows the hash. It is for whoever has shown that the address is theirs. The link, from its path on.
 * Errors: `invalid_request` for a role that cannot be given, `not_found`, `too_many_requests`.
 */
export async function inviteMember(
  { store, clock, policy, queueMail }: InvitationDependencies,
  { organisation, address, roles, locale }: NewInvitation,
  authority: Authority,
  by: Actor,
): Promise<{ readonly link: string; readonly expiresAt: Seconds }> {
  const checked = checkRoles(roles, authority === 'operator' ? policy.knownRoles : policy.givableRoles)
  const token = `ghj_${randomToken(32)}`
  const link = `${paths.join}?token=${token}`
  const now = clock.now()
  const row: OrganisationInvitationRow = {
    ...{ organisation_id: organisation, email: address.canonical, hash: hashInvitation(token) ?? '', roles: checked },
    invited_by: authority === 'operator' ? (by.actor ?? 'operator') : authority.user,
    ...{ created_at: now, expires_at: seconds(now + policy.invitationLifetime) },
  }
  await store.transaction(async (tables) => {
    await enterOrganisation({ policy }, tables, organisation, authority)
    const found = await tables.organisations.findById(organisation)
    if (!found) throw noSuchOrganisation()
    if ((await tables.organisationInvitations.count(organisation, now)) >= invitationLimit) throw tooMany()
    await tables.organisationInvitations.put(row)
    await queueMail(tables, { organisation: found, address, link, goodFor: policy.invitationLifetime, locale })
    await recordEvent(tables, clock, {
      ...{ type: 'member_invited', result: 'ok', target: organisation, detail: { roles: checked } },
      ...by,
    })
  })
  return { link, expiresAt: row.expires_at }
}

/** Takes an invitation back: its link is worth nothing then. Error: `not_found`. */
export async function withdrawInvitation(
  { store, clock, policy }: Omit<MemberDependencies, 'revocations'>,
  invitation: Pick<OrganisationInvitationRow, 'organisation_id' | 'email'>,
  authority: Authority,
  by: Actor,
): Promise<void> {
  await store.transaction(async (tables) => {
    await enterOrganisation({ policy }, tables, invitation.organisation_id, authority)
    if (!(await tables.organisationInvitations.delete(invitation))) throw new GatehouseError('not_found')
    const target = invitation.organisation_id
    await recordEvent(tables, clock, { type: 'invitation_withdrawn', result: 'ok', target, ...by })
  })
}

/** An invitation that can be answered, and who invites. */
export interface OpenInvitation {
  readonly invitation: OrganisationInvitationRow
  readonly organisation: OrganisationRow
}

/** An invitation by its hash, as long as it is good and the organisation active. Looking changes nothing. */
export async function findInvitation(
  { store, clock }: Pick<MemberDependencies, 'store' | 'clock'>,
  hashed: string,
): Promise<OpenInvitation | undefined> {
  const invitation = await store.organisationInvitations.find(hashed, clock.now())
  const organisation = invitation && (await store.organisations.findById(invitation.organisation_id))
  return invitation && organisation?.status === 'active' ? { invitation, organisation } : undefined
}

/** Whether an invitation is for a user: for the address that they have shown to be theirs. */
export const isFor = (
  { email }: Pick<OrganisationInvitationRow, 'email'>,
  user: Pick<UserRow, 'email_canonical' | 'email_verified_at'>,
): boolean => user.email_verified_at !== null && user.email_canonical === email

/**
 * Makes whoever is invited a member, once; who is one already stays as they are. Roles that configuration no longer knows, or
 * no longer lets administrators give where one of them invites, are left out. Errors: `not_found` for an invitation that is used, withdrawn or expired, `forbidden` for a user whose address is
 * another one: the invitation is still good then. Threat: a link that somebody else comes by.
 */
export async function acceptInvitation(
  { store, clock, policy }: Omit<MemberDependencies, 'revocations'>,
  { hash: hashed, user }: { readonly hash: string; readonly user: Pick<UserRow, 'id'> },
  by: Actor,
  /** Further writes of the same transaction. */
  alongside: (tables: Tables) => Promise<void>,
): Promise<OrganisationId> {
  return store.transaction(async (tables) => {
    const now = clock.now()
    const invitation = await tables.organisationInvitations.consume(hashed, now)
    if (!invitation || !(await tables.organisations.hold(invitation.organisation_id))) throw noSuchOrganisation()
    const current = await tables.users.findById(user.id)
    if (!current || !isFor(invitation, current)) {
      throw new GatehouseError('forbidden', { description: 'The invitation is for another address' })
    }
    const key = { organisation_id: invitation.organisation_id, user_id: user.id }
    const allowed = invitation.invited_by.startsWith('usr_') ? policy.givableRoles : policy.knownRoles
    const roles = invitation.roles.split(' ').filter((role) => allowed.has(role))
    if (!(await tables.memberships.find(key))) {
      await insertMember(tables, { ...key, roles: roles.join(' '), created_at: now })
    }
    await alongside(tables)
    await recordEvent(tables, clock, {
      ...{ type: 'member_joined', result: 'ok', target: user.id },
      detail: { organisation: key.organisation_id, roles: roles.join(' '), invited_by: invitation.invited_by },
      ...by,
    })
    return key.organisation_id
  })
}

const tooMany = (): GatehouseError =>
  new GatehouseError('too_many_requests', { description: 'Too many invitations wait for an answer', retryAfter: 600 })
