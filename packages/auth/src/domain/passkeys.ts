import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { FactorRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { type AddedFactor, addFactor, factorName } from './add-factor.ts'
import { recordEvent } from './audit.ts'
import type { Notices } from './notices.ts'
import { type Assertion, type Attestation, readClientData } from './passkey-answers.ts'
import { type ChallengePlace, createPasskeyChallenges, type PasskeyChallenges } from './passkey-challenges.ts'
import {
  type CreationOptions,
  creationOptions,
  type RelyingParty,
  type RequestOptions,
  requestOptions,
  userHandleOf,
} from './passkey-options.ts'
import { amrOf } from './second-factors.ts'
import type { Actor } from './users.ts'
import { readMadePasskey, verifyShownPasskey } from './verify-passkey.ts'

/** Where a passkey is shown. */
export type PasskeyPlace =
  /** To sign in by, whosever it is: in a flow, or with nothing but its challenge. */
  | { readonly flow?: string; readonly user?: undefined }
  /** As the second factor of a user, in a flow or with a token that goes on with the sign-in. */
  | { readonly flow: string; readonly user: UserId }

/** What was shown, and from where. */
export interface PasskeyTry {
  readonly assertion: Assertion
  readonly place: PasskeyPlace
  readonly by: Pick<Actor, 'address' | 'request_id'>
}

/** A passkey that has been shown. */
export interface ShownPasskey {
  readonly user: UserId
  /** Whether it has checked who holds it stands in this: then it is two factors (`mfa`). */
  readonly amr: readonly string[]
  /** Notes its use, in the sign-in's transaction. Error: `invalid_credentials` where it is gone, or was used beside this. */
  readonly use: (tables: Tables) => Promise<void>
}

/** One that has not: why, for the log, and whose it would be. */
export interface RefusedPasskey {
  readonly why: string
  readonly user: UserId | undefined
}

/** Passkeys: keys that people sign in by. Spec: WebAuthn Level 3. */
export interface Passkeys {
  /** What to make one with, on the page of this flow. */
  beginRegistration(user: Pick<UserRow, 'id' | 'username'>, flow: string): Promise<CreationOptions>
  /**
   * Adds the one that was made; the first factor comes with recovery codes. Error: `invalid_request` for one that proves
   * nothing, or that somebody has already. Cost: one verification, and a transaction.
   */
  register(made: MadePasskey, by: Actor): Promise<AddedFactor>
  /** What to show one with: any, or as a second factor one of this user's. */
  beginAssertion(place: PasskeyPlace): Promise<RequestOptions>
  /** Checks what was shown. Nothing is written but the end of its challenge, and an event where a counter has gone back. */
  check(shown: PasskeyTry): Promise<ShownPasskey | RefusedPasskey>
  /** Error: `not_found`. */
  rename(user: UserId, id: string, name: string, by: Actor): Promise<void>
}

/** A passkey that has just been made. */
export interface MadePasskey {
  readonly user: Pick<UserRow, 'id'>
  readonly flow: string
  readonly attestation: Attestation
  readonly name: string
  /** Holds, in the same transaction and before all else, what the right to add it rests on. */
  readonly hold: (tables: Tables) => Promise<void>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly notices: Notices
  readonly relyingParty: RelyingParty
}

/** Passkeys of one user. */
const passkeyLimit = 30
const defaultName = 'Passkey'

const registerPlace = (flow: string, user: UserId): ChallengePlace => ({
  purpose: 'register',
  holder: `${flow}:${user}`,
})

const assertionPlace = ({ flow, user }: PasskeyPlace): ChallengePlace =>
  user === undefined
    ? { purpose: 'sign_in', ...(flow === undefined ? {} : { holder: flow }) }
    : { purpose: 'factor', holder: `${flow}:${user}` }

export function createPasskeys(dependencies: Dependencies): Passkeys {
  const { store, clock, relyingParty } = dependencies
  const challenges = createPasskeyChallenges({ store, clock })
  return {
    async beginRegistration(user, flow) {
      const challenge = await challenges.issue(registerPlace(flow, user.id))
      return creationOptions(relyingParty, user, await listPasskeys(store, user.id), challenge)
    },
    register: (made, by) => register({ ...dependencies, challenges }, made, by),

    async beginAssertion(place) {
      const challenge = await challenges.issue(assertionPlace(place))
      return requestOptions(relyingParty, place.user && (await listPasskeys(store, place.user)), challenge)
    },
    check: (tried) => check({ ...dependencies, challenges }, tried),

    async rename(user, id, name, by) {
      await store.transaction(async (tables) => {
        const changed = await tables.factors.rename({ id, user_id: user, name: factorName(name, defaultName) })
        if (!changed) throw new GatehouseError('not_found')
        await recordEvent(tables, clock, { type: 'factor_renamed', result: 'ok', target: user, ...by })
      })
    },
  }
}

const listPasskeys = async ({ factors }: Pick<Store, 'factors'>, user: UserId): Promise<readonly FactorRow[]> =>
  (await factors.listByUser(user)).filter(({ kind }) => kind === 'passkey')

interface AnswerDependencies extends Dependencies {
  readonly challenges: PasskeyChallenges
}

/** Uses up the challenge that was answered; why not, where that cannot be. */
async function checkClientData(
  { challenges }: AnswerDependencies,
  text: string,
  place: ChallengePlace,
): Promise<string | undefined> {
  const data = readClientData(text)
  if (!data) return 'client data that is none'
  if (!(await challenges.consume(place, data.challenge))) return 'a challenge of another place, or of before'
  return data.isFramed ? 'answered in a frame of another site' : undefined
}

async function register(
  dependencies: AnswerDependencies,
  { user, flow, attestation, name, hold }: MadePasskey,
  by: Actor,
): Promise<AddedFactor> {
  const { store, clock, relyingParty } = dependencies
  const { clientDataJSON } = attestation.response
  const why = await checkClientData(dependencies, clientDataJSON, registerPlace(flow, user.id))
  if (why !== undefined) throw notAdded(why)
  const made = await readMadePasskey(relyingParty, attestation).catch((error: unknown) => {
    throw notAdded(error)
  })
  if ((await listPasskeys(store, user.id)).length >= passkeyLimit) throw notAdded('too many')
  const row: FactorRow = {
    ...{ ...made, id: randomToken(12), user_id: user.id, kind: 'passkey', name: factorName(name, defaultName) },
    ...{ sealed_secret: null, last_step: null, created_at: clock.now(), last_used_at: null },
  }
  return store
    .transaction(async (tables) => {
      await hold(tables)
      return addFactor(dependencies, tables, row, by)
    })
    .catch((error: unknown) => {
      throw error instanceof GatehouseError && error.code === 'already_exists' ? notAdded(error) : error
    })
}

async function check(
  dependencies: AnswerDependencies,
  { assertion, place, by }: PasskeyTry,
): Promise<ShownPasskey | RefusedPasskey> {
  const { store, clock, relyingParty } = dependencies
  const [why, row] = await Promise.all([
    checkClientData(dependencies, assertion.response.clientDataJSON, assertionPlace(place)),
    store.factors.findByCredential(assertion.id),
  ])
  const refuse = (reason: string): RefusedPasskey => ({ why: reason, user: row?.user_id })
  if (why !== undefined) return refuse(why)
  if (row?.kind !== 'passkey') return refuse('unknown passkey')
  if (!belongs(row, assertion, place.user)) return refuse('a passkey of another user')
  const seen = await verifyShownPasskey(relyingParty, row, assertion).catch((error: unknown) => String(error))
  if (typeof seen === 'string') return refuse(seen)
  if (hasGoneBack(row.sign_count, seen.count)) {
    const detail = { factor: row.id, stored: row.sign_count, shown: seen.count }
    const target = row.user_id
    await recordEvent(store, clock, { type: 'passkey_went_back', result: 'refused', target, detail, ...by })
    return refuse('its counter has gone back')
  }
  return {
    user: row.user_id,
    amr: seen.isVerified ? [amrOf.passkey, 'user', 'mfa'] : [amrOf.passkey, 'user'],
    async use(tables) {
      const use = { id: row.id, sign_count: seen.count, backed_up: seen.backedUp, at: clock.now() }
      if (!(await tables.factors.useCredential(use))) throw new GatehouseError('invalid_credentials')
    },
  }
}

const notAdded = (cause: unknown): GatehouseError =>
  new GatehouseError('invalid_request', {
    description: 'The passkey could not be added; try again',
    cause: cause instanceof Error ? cause : new Error(String(cause)),
  })

/**
 * Whether a passkey is that of the user who is asked for it, or of the one whom it names. Spec: WebAuthn Level 3 section 7.2
 * step 6: one that is found without a name must say whose it is.
 */
function belongs({ user_id }: FactorRow, { response }: Assertion, asked: UserId | undefined): boolean {
  if (asked !== undefined && user_id !== asked) return false
  const handle = response.userHandle ?? undefined
  return handle === undefined ? asked !== undefined : handle === userHandleOf({ id: user_id })
}

/** A counter that is kept goes up with each use. Spec: WebAuthn Level 3 section 6.1.1. Threat: a copied authenticator. */
const hasGoneBack = (stored: number, shown: number): boolean => (stored > 0 || shown > 0) && shown <= stored
