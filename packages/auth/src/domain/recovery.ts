import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import { limitKey } from '../http/client-address.ts'
import { writeLink } from '../mail/letters.ts'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import { linkIsGone } from './link-is-gone.ts'
import type { MailedDependencies } from './mailed-dependencies.ts'
import { proofLifetimes } from './mailed-proofs.ts'
import { findReachable } from './reachable-users.ts'
import { type Actor, type SetPasswordDependencies, setPassword } from './users.ts'

/** Somebody who has forgotten their password. */
export interface RecoveryRequest {
  /** A user name or an e-mail address, as it was typed. */
  readonly username: string
  readonly asker: string | undefined
  readonly flow?: string | undefined
  readonly locale: Locale
  readonly by: Actor
}

/** New passwords for who has forgotten theirs. */
export interface Recovery {
  /**
   * Mails a link to the verified address of the account, if there is one. Who asks sees the same after the same work, whoever
   * they asked about. Cost: one transaction.
   */
  begin(request: RecoveryRequest): Promise<void>
  /** What a link leads to, for a page; it can still be used after. */
  find(
    token: string,
    asker: string | undefined,
  ): Promise<{ readonly user: UserRow; readonly flow: string | undefined } | undefined>
  /**
   * Sets the password that a link is good for: every session ends, the owner is told, and second factors stay what they are.
   * Errors: `not_found`, `weak_password`. Cost: one hash, for a good link alone.
   */
  complete(link: { readonly token: string; readonly password: string }, by: Actor): Promise<void>
}

interface Dependencies extends MailedDependencies, SetPasswordDependencies {
  readonly minimumPasswordLength: () => number
}

const purposes = ['recovery'] as const

export function createRecovery(dependencies: Dependencies): Recovery {
  const { store, clock, issuer, outbox, proofs, mailLooks, minimumPasswordLength } = dependencies

  const findOwner = async (token: string) => {
    const proof = await proofs.findLink(token, purposes)
    const user = proof?.userId === undefined ? undefined : await store.users.findById(proof.userId)
    const isTheirs =
      user?.status === 'active' && user.email_verified_at !== null && user.email_canonical === proof?.address
    return proof && user && isTheirs ? { proof, user } : undefined
  }

  return {
    async begin({ username, asker, flow, locale, by }) {
      await store.transaction(async (tables) => {
        const owner = await findReachable(tables, username)
        const token = proofs.newToken('recovery')
        const goodFor = proofLifetimes.recovery
        const queued = await outbox.queue(tables, {
          ...{ kind: 'recovery', to: owner.to, countedAs: owner.address, userId: owner.user?.id, goodFor },
          content: writeLink(mailLooks.of(owner.user, locale), 'recovery', {
            link: `${issuer}${paths.recoverPassword}?token=${token}`,
            goodFor,
          }),
        })
        if (queued) {
          await proofs.putLink(tables, {
            ...{ purpose: 'recovery', token, address: owner.address, userId: owner.user?.id, asker },
            details: flow === undefined ? {} : { flow },
          })
        }
        const target = owner.user?.id ?? null
        const fold = `${target ?? '?'}|${limitKey(by.address ?? '')}`
        await recordEvent(tables, clock, {
          type: 'recovery_asked',
          result: owner.to === undefined ? 'unknown' : 'ok',
          target,
          ...by,
          fold,
        })
      })
    },

    async find(token, asker) {
      const found = await findOwner(token)
      const { flow } = found?.proof.details ?? {}
      const isSame = found?.proof.asker !== undefined && found.proof.asker === asker
      return found && { user: found.user, flow: isSame && typeof flow === 'string' ? flow : undefined }
    },

    async complete({ token, password }, by) {
      const found = await findOwner(token)
      if (!found) throw linkIsGone()
      await setPassword(
        dependencies,
        {
          user: found.user,
          password,
          minimumLength: minimumPasswordLength(),
          async alongside(tables) {
            if (!(await proofs.consumeLink(tables, token, purposes))) throw linkIsGone()
          },
        },
        { ...by, actor: found.user.id },
      )
    },
  }
}
