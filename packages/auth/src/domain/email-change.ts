import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
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
      const { email, canonical } = change
      await store.transaction(async (tables) => {
        const { id } = user
        const before = await tables.users.findById(id)
        if (!before) throw linkIsGone()
        const at = clock.now()
        const wasName = before.email !== null && before.username_canonical === canonicalName(before.email)
        const name = wasName ? { username: email, username_canonical: canonicalName(email) ?? email } : before
        await tables.users.releaseUnverifiedEmail({ email_canonical: canonical, at })
        await tables.users.setEmail({
          ...{ id, email, email_canonical: canonical, at },
          ...{ username: name.username, username_canonical: name.username_canonical },
        })
        if (!(await proofs.consumeLink(tables, token, purposes))) throw linkIsGone()
        // What was mailed to the old address proves nothing any more.
        await tables.mailedProofs.deleteByUser(id)
        await notices.tell(tables, 'email_changed', { user: before, what: maskEmail(email), by })
        await recordEvent(tables, clock, { type: 'email_changed', result: 'ok', target: id, ...by })
      })
    },
  }
}
