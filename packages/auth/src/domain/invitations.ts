import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { writeLink } from '../mail/letters.ts'
import type { MailLooks } from '../mail/mail-looks.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import { type MailedProofs, proofLifetimes } from './mailed-proofs.ts'
import { type Actor, getEmail, signInNames } from './users.ts'

/** Somebody who is to open an account, and what it will have. */
export interface Invitation {
  readonly email: string
  /** Left out: what everybody gets who signs up. */
  readonly scopes?: readonly string[]
  readonly roles?: readonly string[]
  readonly locale?: Locale
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly issuer: string
  readonly outbox: Pick<Outbox, 'queue'>
  readonly proofs: MailedProofs
  readonly mailLooks: MailLooks
}

/**
 * Mails an invitation to open an account, in the place of an earlier one. Errors: `invalid_request`, `already_exists` where
 * there is an account, `too_many_requests` where no more mails go to this address now. Whoever may invite may know who has
 * an account.
 */
export async function inviteUser(
  { store, clock, issuer, outbox, proofs, mailLooks }: Dependencies,
  { email: typed, scopes, roles, locale }: Invitation,
  by: Actor,
): Promise<{ readonly email: string }> {
  const { email, canonical } = getEmail(typed)
  await store.transaction(async (tables) => {
    const names = signInNames(email) ?? { name: canonical, email: canonical }
    if (await tables.users.findByNameOrEmail(names)) throw new GatehouseError('already_exists')
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
