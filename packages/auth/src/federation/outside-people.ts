import type { UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { LinkedIdentityRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import { type EmailAddress, parseEmail } from '../domain/email-addresses.ts'
import type { Notices } from '../domain/notices.ts'
import type { OrganisationPolicy } from '../domain/organisations.ts'
import type { Passwords } from '../domain/passwords.ts'
import type { Revocations } from '../domain/revocations.ts'
import { isShowable } from '../domain/shown-text.ts'
import type { Actor } from '../domain/users.ts'
import type { MappedPerson } from './mapping.ts'
import { openAccount } from './open-account.ts'
import type { OutsideIdentity } from './provider.ts'
import type { ProviderSettings } from './provider-settings.ts'
import { reclaimAccount } from './reclaim-account.ts'
import { applyWhatIsBrought, nothingGiven, takeBackWhatWasBrought } from './what-is-brought.ts'
import { getLink, noteWhatStands, profileOf, standsAlready } from './what-stands.ts'

/** Why an identity leads to no account, for the audit trail and the page. */
export type UnknownPerson =
  /** Nobody here is linked to it, and it may not open an account. */
  | 'no_account'
  /** An account here has its address, which does not lead there by itself: it has to be signed in to, and linked. */
  | 'account_exists'
  | 'subject_unusable'

/** Who somebody is here, or why nobody. */
export type Recognised = RecognisedPerson | { readonly why: UnknownPerson }

/** Somebody who has an account here. */
export interface RecognisedPerson {
  readonly user: UserRow
  /**
   * To be called in the transaction of what they are recognised for, with the account held: notes what has not been noted yet.
   * Error: `invalid_credentials` where the link is gone, or something has changed of what was judged. Threat: a sign-in that is
   * under way while its owner unlinks what it rests on, and outlives that.
   */
  readonly alongside: (tables: Tables) => Promise<void>
}

/** Who the people of outside providers are here. */
export interface OutsidePeople {
  /**
   * The user of an identity, with what the provider brings by now: linked before; or found by a verified address, where the
   * provider is trusted with those; or new. Cost: two reads for whoever is linked and of whom nothing new is said; else a few
   * reads and one transaction.
   */
  recognise(settings: ProviderSettings, identity: OutsideIdentity, by: Actor): Promise<Recognised>
  /**
   * Links an identity to a user who has just proven both. Errors: `already_exists` where it is linked to an account,
   * `invalid_request` where the user has as many as there may be, and what `holding` throws.
   */
  link(
    settings: ProviderSettings,
    identity: OutsideIdentity,
    to: { readonly user: UserId; readonly holding: (tables: Tables) => Promise<void> },
    by: Actor,
  ): Promise<void>
  /**
   * Takes a link of a user's away, with the tokens that came by it and all that it has brought; false where `holding` says that
   * it must stay. Errors: `not_found`, `forbidden` where an organisation would be left without anybody who looks after it, and what
   * `holding` throws.
   */
  unlink(
    link: Pick<LinkedIdentityRow, 'provider' | 'subject' | 'user_id'>,
    told: { readonly title: string; readonly holding: (tables: Tables) => Promise<boolean> },
    by: Actor,
  ): Promise<boolean>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly passwords: Passwords
  readonly notices: Notices
  readonly revocations: Pick<Revocations, 'write' | 'announce'>
  /** undefined = there are no organisations. */
  readonly organisationPolicy: () => OrganisationPolicy | undefined
}

/** Identities of one user, at most. */
const identityLimit = 20
/** Tries to find a name that nobody has got meanwhile. */
const nameTries = 3

export function createOutsidePeople(dependencies: Dependencies): OutsidePeople {
  const { store, clock, notices, revocations, organisationPolicy } = dependencies

  /** Notes what the provider brings, with the link, and what has come of it. */
  const renew = async (
    tables: Tables,
    link: LinkedIdentityRow,
    { user, person, label }: { readonly user: UserRow; readonly person: MappedPerson; readonly label: string },
    by: Actor,
  ): Promise<{ readonly user: UserRow; readonly ended: readonly Revocation[] }> => {
    const policy = organisationPolicy()
    const parts = { tables, clock, revocations, organisationPolicy: policy }
    const { given, ended, ...brought } = await applyWhatIsBrought(parts, user, link, person, by)
    const named = await refreshProfile(tables, clock, brought.user, person)
    const { provider, subject } = link
    if (person.failed.length > 0) {
      // Somebody wonders why a role is missing: here it stands.
      const detail = { provider, keys: person.failed }
      const event = { type: 'claims_not_mapped', result: 'ok', target: user.id, detail } as const
      await recordEvent(tables, clock, { ...event, ...by, fold: `${provider}|${user.id}` })
    }
    const key = { provider, subject, user_id: user.id }
    if (!(await tables.linkedIdentities.renew({ ...key, label, ...given, at: clock.now() }))) throw changed()
    return { user: named, ended }
  }

  const insertLink = async (
    tables: Tables,
    { name }: ProviderSettings,
    { subject, label, user }: { readonly subject: string; readonly label: string; readonly user: UserId },
    by: Actor,
  ): Promise<LinkedIdentityRow> => {
    const now = clock.now()
    const link = { provider: name, subject, user_id: user, label, ...nothingGiven, created_at: now, last_used_at: now }
    await tables.linkedIdentities.insert(link)
    const detail = { provider: name }
    await recordEvent(tables, clock, { type: 'identity_linked', result: 'ok', target: user, detail, ...by })
    return link
  }

  return {
    async recognise(settings, identity, by) {
      const { name: provider } = settings
      const { subject } = identity
      if (!isUsableSubject(subject)) return { why: 'subject_unusable' }
      const person = settings.mapping(identity.claims)
      const label = labelOf(person, identity)
      const known = await store.linkedIdentities.find({ provider, subject })
      const knownUser = known && (await store.users.findById(known.user_id))
      if (known && knownUser && standsAlready({ user: knownUser, link: known }, person)) {
        const noted = { provider, subject, label, user_id: knownUser.id }
        return { user: knownUser, alongside: (tables) => noteWhatStands(tables, clock, noted, person) }
      }
      const email = known ? undefined : trustedEmail(settings, person)
      const holder = email && (await store.users.findByEmail(email.canonical))
      if (!known && !holder) {
        if (await belongsToSomebody(store, person)) return { why: 'account_exists' }
        if (!settings.createsAccounts) return { why: 'no_account' }
      }
      const ended: Revocation[] = []
      const user = await retryTaken(() =>
        store.transaction(async (tables) => {
          ended.length = 0
          let link = await tables.linkedIdentities.find({ provider, subject })
          let current: UserRow | undefined
          if (link) current = await tables.users.findById(link.user_id)
          else if (holder) {
            const parts = { tables, clock, revocations, organisationPolicy: organisationPolicy() }
            const found = await takeOver(tables, parts, holder, by)
            ended.push(...found.ended)
            current = found.user
            link = await insertLink(tables, settings, { subject, label, user: current.id }, by)
            await notices.tell(tables, 'identity_linked', { user: current, what: settings.title, by })
          } else {
            current = await openAccount(dependencies, tables, { settings, person, subject, email: email?.email }, by)
            link = await insertLink(tables, settings, { subject, label, user: current.id }, by)
          }
          if (current) current = await holdAsItIs(tables, current)
          if (!current) throw changed()
          const renewed = await renew(tables, link, { user: current, person, label }, by)
          ended.push(...renewed.ended)
          return renewed.user
        }),
      )
      await revocations.announce(ended)
      return {
        user,
        async alongside(tables) {
          await getLink(tables, { provider, subject, user_id: user.id })
        },
      }
    },

    async link(settings, identity, { user: id, holding }, by) {
      const { subject } = identity
      if (!isUsableSubject(subject)) throw new GatehouseError('invalid_request')
      const person = settings.mapping(identity.claims)
      const label = labelOf(person, identity)
      const ended = await store.transaction(async (tables) => {
        await holding(tables)
        const user = await tables.users.findById(id)
        if (!user) throw changed()
        if ((await tables.linkedIdentities.listByUser(id)).length >= identityLimit) {
          throw new GatehouseError('invalid_request', { description: 'There are too many linked accounts' })
        }
        if (await tables.linkedIdentities.find({ provider: settings.name, subject })) {
          throw new GatehouseError('already_exists')
        }
        const link = await insertLink(tables, settings, { subject, label, user: id }, by)
        const renewed = await renew(tables, link, { user, person, label }, by)
        await notices.tell(tables, 'identity_linked', { user: id, what: settings.title, by })
        return renewed.ended
      })
      await revocations.announce(ended)
    },

    async unlink(key, { title, holding }, by) {
      const ended = await store.transaction(async (tables) => {
        if (!(await holding(tables))) return undefined
        const user = await tables.users.findById(key.user_id)
        const link = await tables.linkedIdentities.find(key)
        if (!user || !link || !(await tables.linkedIdentities.delete(key))) throw new GatehouseError('not_found')
        await tables.providerTokens.delete(key)
        // What is half proven rests on it too.
        await tables.flows.deleteByUser(user.id)
        const parts = { tables, clock, revocations, organisationPolicy: organisationPolicy(), leavesByThemselves: true }
        const taken = await takeBackWhatWasBrought(parts, user, [link], by)
        await notices.tell(tables, 'identity_unlinked', { user, what: title, by })
        const detail = { provider: key.provider }
        await recordEvent(tables, clock, { type: 'identity_unlinked', result: 'ok', target: user.id, detail, ...by })
        return taken.ended
      })
      await revocations.announce(ended ?? [])
      return ended !== undefined
    },
  }
}

/** The user as they are once nobody else changes them: what they hold is then what the provider adds to. */
async function holdAsItIs(tables: Pick<Tables, 'users'>, user: UserRow): Promise<UserRow | undefined> {
  await tables.users.hold(user)
  return tables.users.findById(user.id)
}

const isUsableSubject = (subject: string): boolean => subject !== '' && subject.length <= 255

const changed = (): GatehouseError => new GatehouseError('invalid_credentials')

/** How people tell this identity from another of theirs. */
function labelOf({ email, username, name }: MappedPerson, { subject }: OutsideIdentity): string {
  const label = email ?? username ?? name ?? subject
  return isShowable(label) ? label.slice(0, 200) : '?'
}

/**
 * An address that leads to an account: of a provider whose domains are known only one at those. Spec: ASVS 6.8.1. Threat: the
 * provider of one organisation that says it has seen the addresses of another.
 */
function trustedEmail(
  { trustsEmail, domains }: ProviderSettings,
  { email, emailVerified }: MappedPerson,
): EmailAddress | undefined {
  const address = trustsEmail && emailVerified && email !== undefined ? parseEmail(email) : undefined
  const domain = address?.canonical.slice(address.canonical.lastIndexOf('@') + 1) ?? ''
  return domains.length === 0 || domains.includes(domain) ? address : undefined
}

/**
 * Whether the address that the provider has seen to be theirs is that of an account here. Only whoever reads its mails gets
 * to hear that, if the provider says the truth; of an address that it has not seen nothing is told.
 */
async function belongsToSomebody(store: Store, { email, emailVerified }: MappedPerson): Promise<boolean> {
  const address = emailVerified && email !== undefined ? parseEmail(email) : undefined
  const holder = address && (await store.users.findByEmail(address.canonical))
  return holder !== undefined && holder.email_verified_at !== null
}

/** The account that has the trusted address: as it is where the address was shown to be its own, else as its owner's alone. */
async function takeOver(
  tables: Tables,
  parts: Parameters<typeof reclaimAccount>[0],
  holder: UserRow,
  by: Actor,
): Promise<{ readonly user: UserRow; readonly ended: readonly Revocation[] }> {
  const user = await tables.users.findById(holder.id)
  const { email, email_canonical } = user ?? {}
  if (!user || email == null || email_canonical == null || email_canonical !== holder.email_canonical) throw changed()
  if (user.email_verified_at !== null) return { user, ended: [] }
  return reclaimAccount(parts, { ...user, email, email_canonical }, by)
}

/** Writes the name and the language as the provider has them by now. */
async function refreshProfile(
  tables: Pick<Tables, 'users'>,
  clock: Clock,
  user: UserRow,
  person: MappedPerson,
): Promise<UserRow> {
  const next = profileOf(user, person)
  if (next.name === user.name && next.locale === user.locale) return user
  await tables.users.setProfile({ id: user.id, ...next, at: clock.now() })
  return { ...user, ...next }
}

/** Somebody else may take a name, or link the identity, between the look and the write: then it is looked at again. */
async function retryTaken<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run()
    } catch (error) {
      const isTaken = error instanceof GatehouseError && error.code === 'already_exists'
      if (!isTaken || tries === nameTries) throw error
    }
  }
}
