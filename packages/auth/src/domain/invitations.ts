import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import { writeLink } from '../mail/letters.ts'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import type { MailedDependencies } from './mailed-dependencies.ts'
import { proofLifetimes } from './mailed-proofs.ts'
import { type Actor, getEmail, signInNames } from './users.ts'

/** Somebody who is to open an account, and what it will have. */
export interface Invitation {
  readonly email: string
  /** Left out: what everybody gets who signs up. */
  readonly scopes?: readonly string[]
  readonly roles?: readonly string[]
  readonly locale?: Locale
}

/**
 * Mails an invitation to open an account, in the place of an earlier one. Errors: `invalid_request`, `already_exists` where
 * there is an account, `too_many_requests` where no more mails go to this address now. Whoever may invite may know who has
 * an account.
 */
export async function inviteUser(
  { store, clock, issuer, outbox, proofs, mailLooks }: MailedDependencies,
  { email: typed, scopes, roles, locale }: Invitation,
  by: Actor,
): Promise<{ readonly email: string }> {
  const { email, canonical } = getEmail(typed)
  await store.transaction(async (tables) => {
    if (await hasAccount({ store: tables }, email)) throw new GatehouseError('already_exists')
    const token = proofs.newToken('invitation')
    const goodFor = proofLifetimes.invitation
    const link = `${issuer}${paths.verify}?token=${token}`
    const content = writeLink(mailLooks.of(undefined, locale), 'invitation', { link, goodFor })
    const mail = { kind: 'invitation', to: email, countedAs: canonical, userId: undefined, content } as const
    if (!(await outbox.queue(tables, mail))) throw new GatehouseError('too_many_requests', { retryAfter: 600 })
    const details = {
      email,
      ...(scopes && { scopes: [...scopes] }),
      ...(roles && { roles: [...roles] }),
      ...(locale && { locale }),
    }
    const proof = { purpose: 'invitation', token, address: canonical, userId: undefined, asker: undefined } as const
    await proofs.putLink(tables, { ...proof, details })
    await recordEvent(tables, clock, {
      type: 'user_invited',
      result: 'ok',
      target: null,
      detail: { scopes, roles },
      ...by,
    })
  })
  return { email }
}

/** Takes an invitation to open an account back: its link is worth nothing then. Error: `not_found` where none is out. */
export async function withdrawUserInvitation(
  { store, clock, proofs }: Pick<MailedDependencies, 'store' | 'clock' | 'proofs'>,
  typed: string,
  by: Actor,
): Promise<{ readonly email: string }> {
  const { email, canonical } = getEmail(typed)
  await store.transaction(async (tables) => {
    if (!(await proofs.withdrawLink(tables, 'invitation', canonical))) throw new GatehouseError('not_found')
    await recordEvent(tables, clock, { type: 'invitation_withdrawn', result: 'ok', target: null, ...by })
  })
  return { email }
}

/** Somebody who has shown that they read the mails of an address, and what they are in the middle of. */
export interface Invited {
  /** As it is compared. */
  readonly email: string
  /** Their browser, as mailed-proofs has it. */
  readonly asker: string | undefined
  readonly flow: string
  readonly locale: Locale
  /** The hash of the invitation that they came by: the account can be opened as long as that is good. */
  readonly invitation: string
}

/** Whether there is an account that has an address. Only for who reads its mails. */
export async function hasAccount(
  { store }: { readonly store: { readonly users: Pick<Store['users'], 'findByNameOrEmail'> } },
  email: string,
): Promise<boolean> {
  return (await store.users.findByNameOrEmail(signInNames(email) ?? { name: email, email })) !== undefined
}

/**
 * Lets whoever came by an invitation to something else open the account that they need for it: no second mail would show more
 * than the first. The link, from its path on. Error: `already_exists`.
 */
export async function admitInvited(
  { store, clock, proofs }: Pick<MailedDependencies, 'store' | 'clock' | 'proofs'>,
  { email, asker, flow, locale, invitation }: Invited,
  by: Actor,
): Promise<string> {
  const token = proofs.newToken('invitation')
  await store.transaction(async (tables) => {
    if (await hasAccount({ store: tables }, email)) throw new GatehouseError('already_exists')
    const proof = { purpose: 'invitation', token, address: email, userId: undefined, asker, apart: invitation } as const
    await proofs.putLink(tables, { ...proof, details: { email, flow, locale, invitation } })
    await recordEvent(tables, clock, { type: 'user_invited', result: 'ok', target: null, detail: {}, ...by })
  })
  return `${paths.verify}?token=${token}`
}
