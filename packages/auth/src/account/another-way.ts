import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { mailedMethods } from '../domain/sign-in-methods.ts'
import type { Federation } from '../federation/federation.ts'
import type { OfferedMethods } from '../login/offered-methods.ts'

/** What the ways into an account depend on. */
export interface WaysInDependencies extends OfferedMethods {
  readonly federation: Federation
  /** Whether mails can be sent. */
  readonly canSend: boolean
}

/** What somebody is about to give up: an account elsewhere, or a factor by its id. */
export type GivenUp = { readonly provider: string; readonly subject: string } | { readonly factor: string }

/**
 * Whether somebody can still sign in without what they give up, by what is offered now: nobody shuts themselves out. To be asked
 * with the user held, so that two ways cannot be given up at once, each for the other's sake.
 */
export async function hasAnotherWay(
  { federation, signInMethods, canSend }: WaysInDependencies,
  tables: Pick<Tables, 'linkedIdentities' | 'factors'>,
  { id, password_hash, email, email_verified_at }: UserRow,
  without: GivenUp,
): Promise<boolean> {
  const factors = await tables.factors.listByUser(id)
  const passkeys = factors.filter(({ kind }) => kind === 'passkey')
  const gone = 'factor' in without ? without.factor : undefined
  // Nobody signs in by an authenticator app.
  if (gone !== undefined && passkeys.every((passkey) => passkey.id !== gone)) return true
  const methods = signInMethods()
  if (password_hash !== null && methods.has('password')) return true
  const hasMail = canSend && email !== null && email_verified_at !== null
  if (hasMail && mailedMethods.some((method) => methods.has(method))) return true
  const leadsIn = ({ provider, subject }: { readonly provider: string; readonly subject: string }): boolean => {
    if ('provider' in without && provider === without.provider && subject === without.subject) return false
    const doors = federation.providers.find(provider)?.doors
    return doors !== undefined && (doors.redirect || (doors.check && methods.has('password')))
  }
  const links = await tables.linkedIdentities.listByUser(id)
  if (links.some(leadsIn)) return true
  return methods.has('passkey') && passkeys.some((passkey) => passkey.id !== gone)
}
