import { hash } from 'node:crypto'
import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { seconds } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { limitKey } from '../http/client-address.ts'
import { writeCode, writeLink } from '../mail/letters.ts'
import type { QueuedMail } from '../mail/outbox.ts'
import type { Locale } from '../messages/messages.ts'
import { recordEvent } from './audit.ts'
import { linkIsGone } from './link-is-gone.ts'
import type { MailedDependencies } from './mailed-dependencies.ts'
import { type MailedProof, proofLifetimes } from './mailed-proofs.ts'
import type { Notices } from './notices.ts'
import { findReachable, type NamedUser, nobodyNamed } from './reachable-users.ts'
import type { MailedMethod } from './sign-in-methods.ts'
import type { Actor } from './users.ts'

/** Somebody who wants to sign in by a mail. */
export interface SignInMailRequest {
  readonly method: MailedMethod
  /** A user name or an e-mail address, as it was typed. */
  readonly username: string
  /** Who asks: the link and the code are good for them alone. */
  readonly asker: string
  readonly flow?: string | undefined
  readonly locale: Locale
  readonly by: Actor
}

/** Somebody who has shown that they read the account's mails. */
export interface ProvenByMail {
  readonly user: UserRow
  readonly flow: string | undefined
  /** Uses the link or the code up, in the sign-in's transaction. Error: `not_found`. */
  readonly alongside: (tables: Tables) => Promise<void>
}

/** Signing in by a link or a code that is mailed. */
export interface SignInMails {
  /**
   * Mails a link or a code, if the account exists and has a verified address. Who asks sees the same after the same work.
   * Error: `too_many_requests` after three in ten minutes for what was typed, existing or not, from where it is asked. An account
   * is mailed three by all its names, and three more from where it has been signed in to before: what is asked beyond that is
   * answered as for nobody, and its owner is told. Threat: two names of which one is refused for what the other has used up, and
   * so are known to be one person's. Cost: one transaction.
   */
  ask(request: SignInMailRequest): Promise<void>
  /**
   * Who a link is for, by whoever asked for it. Errors: `not_found`; `forbidden` for another browser. Threat: a link that
   * somebody else asked for and sends on, so that one signs in to their session (or gives them one's own).
   */
  findByLink(token: string, asker: string | undefined): Promise<ProvenByMail>
  /** Who a code is for. Errors: `invalid_credentials`, `too_many_requests`; see domain/mailed-proofs. */
  findByCode(asker: string, code: string): Promise<ProvenByMail>
}

interface Dependencies extends MailedDependencies {
  readonly notices: Notices
}

/** Mails to sign in by that one account may be asked for, and within how many seconds. Spec: ASVS 6.6.4. */
const limit = { mails: 3, within: 600 }
const purposes = ['sign_in_link'] as const
const nobody = 'usr_unknown' as UserId

export function createSignInMails(dependencies: Dependencies): SignInMails {
  const { store, clock, proofs } = dependencies

  const build = async (proof: MailedProof, use: ProvenByMail['alongside']): Promise<ProvenByMail | undefined> => {
    const user = proof.userId === undefined ? undefined : await store.users.findById(proof.userId)
    // An address that is no longer the account's proves nothing about it.
    const isTheirs = user?.email_canonical === proof.address && user.email_verified_at !== null
    const { flow } = proof.details
    return user && isTheirs ? { user, flow: typeof flow === 'string' ? flow : undefined, alongside: use } : undefined
  }

  return {
    async ask(request) {
      const retryAfter = await store.transaction(async (tables) => {
        const named = await findReachable(tables, request.username)
        const unknown = nobodyNamed(request.username)
        const now = clock.now()
        // From where they have signed in before they have a share of their own, which strangers cannot use up. Looked up for nobody, too.
        const from = limitKey(request.by.address ?? '')
        const isFamiliar = await tables.familiarAddresses.has(named.user?.id ?? nobody, from, now)
        // What is typed as a name may be anything: it is kept nowhere in clear.
        const typed = hash('sha256', unknown.address, 'base64url')
        const keys = {
          typed: `sign-in-mail:typed:${typed}|${from}`,
          account: `sign-in-mail:${named.user?.id ?? typed}${isFamiliar ? ':familiar' : ''}`,
        }
        const counting = { at: now, expires_at: seconds(now + limit.within) }
        const rows = await tables.signInFailures.record(Object.values(keys).map((key) => ({ key, ...counting })))
        const ofTyped = rows.find(({ key }) => key === keys.typed)
        const sent = rows.find(({ key }) => key === keys.account)?.count ?? 1
        const isOver = (ofTyped?.count ?? 1) > limit.mails
        if (!isOver) await mail(dependencies, tables, { named: sent > limit.mails ? unknown : named, unknown }, request)
        await tellOnce(dependencies, tables, named, request, sent === limit.mails + 1)
        const target = named.user?.id ?? null
        const result = isOver || sent > limit.mails ? 'too_many_requests' : named.user ? 'ok' : 'unknown'
        const fold = `${target ?? '?'}|${from}`
        await recordEvent(tables, clock, { type: 'sign_in_mail_asked', result, target, ...request.by, fold })
        return isOver ? Math.max(1, (ofTyped?.expires_at ?? now) - now) : undefined
      })
      // Once it is committed: what was counted must stay.
      if (retryAfter !== undefined) throw new GatehouseError('too_many_requests', { retryAfter })
    },

    async findByLink(token, asker) {
      const proof = await proofs.findLink(token, purposes)
      if (proof && (proof.asker === undefined || proof.asker !== asker)) {
        throw new GatehouseError('forbidden', {
          description: 'This link was asked for in another browser: open it there',
          members: { reason: 'other_browser' },
        })
      }
      const proven =
        proof &&
        (await build(proof, async (tables) => {
          if (!(await proofs.consumeLink(tables, token, purposes))) throw linkIsGone()
        }))
      if (!proven) throw linkIsGone()
      return proven
    },

    async findByCode(asker, code) {
      const proof = await proofs.checkCode(asker, code)
      const proven =
        proof &&
        (await build(proof, async (tables) => {
          if (!(await proofs.consumeCode(tables, asker, code))) throw new GatehouseError('invalid_credentials')
        }))
      if (!proven) throw new GatehouseError('invalid_credentials')
      return proven
    },
  }
}

/** Queues the mail, and notes what it is good for; nobody is mailed, and that is noted too. */
async function mail(
  { issuer, outbox, proofs, mailLooks }: Dependencies,
  tables: Tables,
  { named: { user, to, address }, unknown }: { readonly named: NamedUser; readonly unknown: NamedUser },
  { method, asker, flow, locale }: SignInMailRequest,
): Promise<void> {
  const look = mailLooks.of(user, locale)
  const proof = { address, userId: user?.id, asker, details: flow === undefined ? {} : { flow } }
  const envelope: Pick<QueuedMail, 'to' | 'countedAs' | 'userId'> = { to, countedAs: address, userId: user?.id }
  if (method === 'email_link') {
    const token = proofs.newToken('sign_in_link')
    const goodFor = proofLifetimes.sign_in_link
    const content = writeLink(look, 'sign_in_link', { link: `${issuer}${paths.loginLink}?token=${token}`, goodFor })
    if (await outbox.queue(tables, { ...envelope, kind: 'sign_in_link', content, goodFor })) {
      await proofs.putLink(tables, { ...proof, purpose: 'sign_in_link', token })
    }
    return
  }
  const code = proofs.newCode()
  const goodFor = proofLifetimes.sign_in_code
  const content = writeCode(look, { code, goodFor })
  const isQueued = await outbox.queue(tables, { ...envelope, kind: 'sign_in_code', content, goodFor })
  // There is a code to try, as often as any, also where nobody was mailed one.
  await proofs.putCode(tables, code, isQueued ? proof : { ...proof, address: unknown.address, userId: undefined })
}

/** Tells an owner whom somebody keeps sending mails, with the first that is not sent. */
async function tellOnce(
  { notices }: Dependencies,
  tables: Tables,
  { user }: NamedUser,
  { by }: SignInMailRequest,
  isFirst: boolean,
): Promise<void> {
  if (user && isFirst) await notices.tell(tables, 'sign_in_mails_stopped', { user, by })
}
