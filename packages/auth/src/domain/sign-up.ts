import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { limitKey } from '../http/client-address.ts'
import { writeAccountExists, writeLink } from '../mail/letters.ts'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import { linkIsGone } from './link-is-gone.ts'
import type { MailedDependencies } from './mailed-dependencies.ts'
import { type MailedProof, proofLifetimes } from './mailed-proofs.ts'
import { findInvitation } from './organisation-invitations.ts'
import { checkNewPassword } from './password-rules.ts'
import type { Passwords } from './passwords.ts'
import { findHolder } from './reachable-users.ts'
import { type Actor, buildUser, getEmail, insertUser } from './users.ts'

/** Who may open an account, and what they get. */
export interface SignUpPolicy {
  /** `domains`: whose address is at one of `domains`; `invitation`: who has been invited. */
  readonly mode: 'off' | 'open' | 'invitation' | 'domains'
  readonly domains: readonly string[]
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** The address of terms that have to be agreed to. */
  readonly terms: string | undefined
}

/** Whether people can sign up uninvited. */
export const isOpen = ({ mode }: SignUpPolicy): boolean => mode === 'open' || mode === 'domains'

/** What somebody who opens an account has typed, and where from. */
export interface SignUpRequest {
  readonly email: string
  readonly password: string
  /** Who asks, as mailed-proofs has it. */
  readonly asker: string
  /** What they were in the middle of: gone on with where the link is opened in the same browser. */
  readonly flow?: string | undefined
  readonly locale: Locale
  readonly by: Actor
}

/** What a link of an invitation or a sign-up would lead to. */
export interface PendingAccount {
  readonly email: string
  readonly flow: string | undefined
  /** Whether a password has still to be chosen by whoever has the link. */
  readonly needsPassword: boolean
}

/** An account that begins in the transaction of its first sign-in. */
export interface NewAccount {
  readonly user: UserRow
  /** Uses the link up and inserts the user. Errors: `not_found`, `already_exists`. */
  readonly alongside: (tables: Tables) => Promise<void>
}

/** Opens accounts. */
export interface SignUps {
  readonly policy: SignUpPolicy
  /**
   * Takes an address and a password, and mails a link to the address. Where there is an account already its owner is told
   * so by mail; the work, and what the one who asks gets to see, is the same. Errors: `invalid_request`, `weak_password`,
   * `forbidden` for an address that may not sign up. Cost: one hash, one transaction.
   * Threat: finding out who has an account; a password that somebody else has set beforehand.
   */
  begin(request: SignUpRequest): Promise<void>
  /** Looks at a link, for a page; it can still be used after. */
  find(token: string, asker: string | undefined): Promise<PendingAccount | undefined>
  /**
   * The account that a link leads to. A password that was typed before counts only for who typed it: anybody could have
   * typed it with this address. Errors: `not_found`, `weak_password`, `invalid_request` where a password is missing. Cost: one
   * hash where a password is chosen now.
   */
  build(
    link: { readonly token: string; readonly asker: string | undefined; readonly password: string | undefined },
    by: Actor,
  ): Promise<NewAccount>
}

interface Dependencies extends MailedDependencies {
  readonly passwords: Passwords
  readonly policy: () => SignUpPolicy
  readonly minimumPasswordLength: () => number
}

/** What is kept of a sign-up and of an invitation until the link comes back; sealed. */
interface PendingDetails {
  readonly email: string
  readonly passwordHash?: string
  readonly locale?: string
  readonly flow?: string
  readonly scopes?: readonly string[]
  readonly roles?: readonly string[]
  /** The hash of the invitation into an organisation that it rests on. */
  readonly invitation?: string
}

const purposes = ['sign_up', 'invitation'] as const

export function createSignUps(dependencies: Dependencies): SignUps {
  const { store, clock, issuer, passwords, outbox, proofs, mailLooks, policy } = dependencies

  const checkPassword = (password: string, email: string): Promise<void> =>
    checkNewPassword(password, {
      minimum: dependencies.minimumPasswordLength(),
      owner: { username: email, email },
      passwords,
    })
  const detailsOf = ({ details }: MailedProof): PendingDetails => details as unknown as PendingDetails // written here and by invitations
  /** A link that the configuration still lets anybody use: it may have changed since the mail was sent. */
  const findStanding = async (token: string): Promise<MailedProof | undefined> => {
    const proof = await proofs.findLink(token, purposes)
    if (!proof) return undefined
    const { invitation } = detailsOf(proof)
    if (invitation !== undefined && !(await findInvitation({ store, clock }, invitation))) return undefined
    const isWelcome = proof.purpose === 'invitation' ? policy().mode !== 'off' : mayOpen(policy(), proof.address)
    return isWelcome ? proof : undefined
  }
  const needsPassword = (proof: MailedProof, asker: string | undefined): boolean =>
    detailsOf(proof).passwordHash === undefined || proof.asker === undefined || proof.asker !== asker

  return {
    get policy() {
      return policy()
    },

    async begin({ email: typed, password, asker, flow, locale, by }) {
      const address = getEmail(typed)
      const { email, canonical } = address
      checkAllowed(policy(), canonical)
      await checkPassword(password, email)
      const passwordHash = await passwords.hash(password)
      const details: PendingDetails = { email, passwordHash, locale, ...(flow === undefined ? {} : { flow }) }
      await store.transaction(async (tables) => {
        const existing = await findHolder(tables, address)
        const token = proofs.newToken('sign_up')
        const goodFor = proofLifetimes.sign_up
        const look = mailLooks.of(existing, locale)
        const queued = await outbox.queue(tables, {
          kind: existing ? 'account_exists' : 'sign_up',
          to: existing?.email ?? email,
          countedAs: canonical,
          userId: existing?.id,
          content: existing
            ? writeAccountExists(look, { link: issuer + paths.login })
            : writeLink(look, 'sign_up', { link: `${issuer}${paths.verify}?token=${token}`, goodFor }),
          goodFor,
        })
        // Where there is an account nobody ever sees the token: it is written so that the work is the same.
        if (queued) {
          await proofs.putLink(tables, {
            ...{ purpose: 'sign_up', token, address: canonical, userId: existing?.id, asker },
            details: { ...details },
          })
        }
        await recordEvent(tables, clock, {
          ...{ type: 'sign_up_asked', result: existing ? 'account_exists' : 'ok', target: existing?.id ?? null },
          ...{ ...by, fold: limitKey(by.address ?? '') },
        })
      })
    },

    async find(token, asker) {
      const proof = await findStanding(token)
      if (!proof) return undefined
      const { email, flow } = detailsOf(proof)
      return { email, flow: proof.asker === asker ? flow : undefined, needsPassword: needsPassword(proof, asker) }
    },

    async build({ token, asker, password }, by) {
      const proof = await findStanding(token)
      if (!proof) throw linkIsGone()
      const { email, passwordHash, locale, scopes, roles, invitation } = detailsOf(proof)
      const { scopes: usualScopes, roles: usualRoles } = policy()
      if (needsPassword(proof, asker)) {
        if (password === undefined)
          throw new GatehouseError('invalid_request', { description: 'The field password is missing' })
        await checkPassword(password, email)
      }
      const user = await buildUser(
        { clock, passwords },
        {
          username: email,
          email,
          passwordHash: needsPassword(proof, asker) ? await passwords.hash(password ?? '') : (passwordHash ?? ''),
          scopes: scopes ?? usualScopes,
          roles: roles ?? usualRoles,
          ...(locale === undefined ? {} : { locale }),
          minimumPasswordLength: dependencies.minimumPasswordLength(),
        },
      )
      return {
        user,
        async alongside(tables) {
          if (!(await proofs.consumeLink(tables, token, purposes))) throw linkIsGone()
          // It may have been withdrawn while the password was hashed.
          if (invitation !== undefined && !(await tables.organisationInvitations.find(invitation, clock.now())))
            throw linkIsGone()
          await insertUser(tables, user)
          const detail = { by: proof.purpose }
          await recordEvent(tables, clock, {
            type: 'user_added',
            result: 'ok',
            target: user.id,
            detail,
            ...by,
            actor: user.id,
          })
        },
      }
    },
  }
}

/** Whether the owner of an address may open an account without an invitation. */
function mayOpen({ mode, domains }: SignUpPolicy, canonical: string): boolean {
  const domain = canonical.slice(canonical.lastIndexOf('@') + 1)
  return mode === 'open' || (mode === 'domains' && domains.includes(domain))
}

function checkAllowed(policy: SignUpPolicy, canonical: string): void {
  if (!mayOpen(policy, canonical)) {
    throw new GatehouseError('forbidden', { description: 'Nobody can sign up with this address' })
  }
}
