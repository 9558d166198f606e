import { hash } from 'node:crypto'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import { parseEmail } from '../domain/email-addresses.ts'
import type { Passwords } from '../domain/passwords.ts'
import { type Actor, buildUser, canonicalName, insertUser } from '../domain/users.ts'
import type { MappedPerson } from './mapping.ts'
import type { ProviderSettings } from './provider-settings.ts'

/** What a new account is opened with. */
export interface NewPerson {
  readonly settings: ProviderSettings
  readonly person: MappedPerson
  readonly subject: string
  /** Trusted; undefined = it has none until its owner shows one to be theirs. */
  readonly email: string | undefined
}

/** Opens the account of somebody whom nobody here knows, under a name that is free. Error: `already_exists`. */
export async function openAccount(
  { clock, passwords }: { readonly clock: Clock; readonly passwords: Passwords },
  tables: Tables,
  { settings, person, subject, email }: NewPerson,
  by: Actor,
): Promise<UserRow> {
  const { scopes, name: provider } = settings
  const wish = person.username ?? person.email
  // A name that is an address counts as its owner's: without the trust for it, it must not be one.
  // Neither must one be that looks like an address to a service, which may read its domain off it.
  const isAddress = wish?.normalize('NFKC').includes('@') === true
  const isTheirs =
    !isAddress || (email !== undefined && parseEmail(wish ?? '')?.canonical === parseEmail(email)?.canonical)
  const username = await findFreeName(tables, { provider, subject, wish, isTheirs })
  const row = await buildUser(
    { clock, passwords },
    {
      ...{ username, scopes, roles: [], minimumPasswordLength: 0 },
      ...(email === undefined ? {} : { email }),
      ...(person.locale === undefined ? {} : { locale: person.locale }),
    },
  )
  const user = { ...row, name: person.name ?? null }
  await insertUser(tables, user)
  const detail = { by: 'provider', provider }
  await recordEvent(tables, clock, { type: 'user_added', result: 'ok', target: user.id, detail, ...by })
  return user
}

interface WishedName {
  readonly provider: string
  readonly subject: string
  readonly wish: string | undefined
  /** Whether it may be theirs as it is. */
  readonly isTheirs: boolean
}

/** The wished name or, where somebody has it, one with the provider's name behind it. */
async function findFreeName(
  tables: Pick<Tables, 'users'>,
  { provider, subject, wish, isTheirs }: WishedName,
): Promise<string> {
  const base = (wish ?? `${provider}-${hash('sha256', subject, 'hex').slice(0, 10)}`).slice(0, 200)
  const told = `${base} (${provider})`
  for (const name of isTheirs ? [base, told] : [told]) {
    const canonical = canonicalName(name)
    if (canonical === undefined) continue
    // A name that is an address must not be that of somebody else either: they would be found by it.
    const taken = await tables.users.findByNameOrEmail({
      name: canonical,
      email: parseEmail(name)?.canonical ?? canonical,
    })
    if (!taken) return name
  }
  return `${base} (${provider} ${randomToken(4)})`
}
