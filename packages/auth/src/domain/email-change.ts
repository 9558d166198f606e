import type { Seconds, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { writeAccountExists, writeLink } from '../mail/letters.ts'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import { type EmailAddress, maskEmail } from './email-addresses.ts'
import { linkIsGone } from './link-is-gone.ts'
import type { MailedDependencies } from './mailed-dependencies.ts'
import { proofLifetimes } from './mailed-proofs.ts'
import type { Notices } from './notices.ts'
import { findHolder } from './reachable-users.ts'
import { type Actor, canonicalName, getEmail } from './users.ts'

/** Changing one's address: the new one counts once its owner has said so. */
export interface EmailChanges {
  /**
   * Mails a link to the new address. Where somebody else has it they are told, and the user sees the same. Error:
   * `invalid_request`. Cost: one transaction.
   */
  begin(change: {
    readonly user: UserRow
    readonly email: string
    readonly asker: string | undefined
    readonly locale: Locale
    readonly by: Actor
  }): Promise<void>
  /** The new address of a link, if it is this user's; it can still be used after. */
  find(token: string, user: UserRow): Promise<string | undefined>
  /**
   * Takes the new address, and tells the old one. A user name that was the old address becomes the new one. Errors:
   * `not_found`, `already_exists` where somebody else has got it meanwhile. Threat: an address of somebody else on one's own
   * account, which they would then use as theirs; so only who is signed in to the account can take it.
   */
  complete(link: { readonly token: string; readonly user: UserRow }, by: Actor): Promise<void>
}

interface Dependencies extends MailedDependencies {
  readonly notices: Notices
}

const purposes = ['change_email'] as const

/**
 * Gives a user this address, verified now, and the user name that goes with it; answers with who they were. A user name that
 * was the old address becomes the new one. Whoever has the address without having shown that it is theirs loses it.
 * `undefined` where there is no such user. Error: `already_exists`.
 */
async function takeAddress(
  tables: Pick<Tables, 'users'>,
  { id, address, at }: { readonly id: UserId; readonly address: EmailAddress; readonly at: Seconds },
): Promise<UserRow | undefined> {
  const before = await tables.users.findById(id)
  if (!before) return undefined
  const { email, canonical } = address
  const wasName = before.email !== null && before.username_canonical === canonicalName(before.email)
  const name = wasName ? { username: email, username_canonical: canonicalName(email) ?? email } : before
  await tables.users.releaseUnverifiedEmail({ email_canonical: canonical, at })
  await tables.users.setEmail({
    ...{ id, email, email_canonical: canonical, at },
    ...{ username: name.username, username_canonical: name.username_canonical },
  })
  return before
}

/** Ends what the old address proved, and tells it. */
async function leaveAddress(
  tables: Tables,
  { clock, notices }: Pick<Dependencies, 'clock' | 'notices'>,
  { before, email, by }: { readonly before: UserRow; readonly email: string; readonly by: Actor },
): Promise<void> {
  // What was mailed to the old address proves nothing any more.
  await tables.mailedProofs.deleteByUser(before.id)
  await notices.tell(tables, 'email_changed', { user: before, what: maskEmail(email), by })
  await recordEvent(tables, clock, { type: 'email_changed', result: 'ok', target: before.id, ...by })
}

/**
 * Gives a user another address on the word of whoever runs Gatehouse: it counts at once. What the old one proved ends, and it
 * is told. An address that the user has, verified and written so, stays as it is. Errors: `invalid_request`, `not_found`,
 * `already_exists` where somebody else has it, also as a user name. Cost: one transaction.
 * Threat: links and codes that were mailed to an address that is not the user's any more.
 */
export async function changeEmail(
  { store, clock, notices }: Pick<Dependencies, 'store' | 'clock' | 'notices'>,
  { id, email: typed }: { readonly id: UserId; readonly email: string },
  by: Actor,
): Promise<{ readonly user: UserRow; readonly before: UserRow }> {
  const address = getEmail(typed)
  const noSuchUser = () => new GatehouseError('not_found', { description: 'There is no such user' })
  return store.transaction(async (tables) => {
    const current = await tables.users.findById(id)
    if (!current) throw noSuchUser()
    if (current.email === address.email && current.email_verified_at !== null) return { user: current, before: current }
    const holder = await findHolder(tables, address)
    if (holder && holder.id !== id) throw new GatehouseError('already_exists')
    const before = await takeAddress(tables, { id, address, at: clock.now() })
    const user = await tables.users.findById(id)
    if (!before || !user) throw noSuchUser()
    await leaveAddress(tables, { clock, notices }, { before, email: address.email, by })
    return { user, before }
  })
}

export function createEmailChanges(dependencies: Dependencies): EmailChanges {
  const { store, clock, issuer, outbox, proofs, notices, mailLooks } = dependencies

  const findChange = async (token: string, user: UserRow): Promise<EmailAddress | undefined> => {
    const proof = await proofs.findLink(token, purposes)
    const { email } = proof?.details ?? {}
    return proof?.userId === user.id && typeof email === 'string' ? { email, canonical: proof.address } : undefined
  }

  return {
    async begin({ user, email: typed, asker, locale, by }) {
      const address = getEmail(typed)
      const { email, canonical } = address
      await store.transaction(async (tables) => {
        const holder = await findHolder(tables, address)
        const other = holder?.id === user.id ? undefined : holder
        const token = proofs.newToken('change_email')
        const goodFor = proofLifetimes.change_email
        const look = mailLooks.of(other ?? user, locale)
        const queued = await outbox.queue(tables, {
          kind: other ? 'account_exists' : 'change_email',
          to: other?.email ?? email,
          countedAs: canonical,
          userId: other?.id ?? user.id,
          content: other
            ? writeAccountExists(look, { link: issuer + paths.login })
            : writeLink(look, 'change_email', { link: `${issuer}${paths.verify}?token=${token}`, goodFor }),
          goodFor,
        })
        if (queued) {
          const proof = { purpose: 'change_email', token, address: canonical, userId: user.id, asker } as const
          await proofs.putLink(tables, { ...proof, details: { email } })
        }
        await recordEvent(tables, clock, { type: 'email_change_asked', result: 'ok', target: user.id, ...by })
      })
    },

    find: async (token, user) => (await findChange(token, user))?.email,

    async complete({ token, user }, by) {
      const change = await findChange(token, user)
      if (!change) throw linkIsGone()
      await store.transaction(async (tables) => {
        const before = await takeAddress(tables, { id: user.id, address: change, at: clock.now() })
        if (!before || !(await proofs.consumeLink(tables, token, purposes))) throw linkIsGone()
        await leaveAddress(tables, { clock, notices }, { before, email: change.email, by })
      })
    },
  }
}
