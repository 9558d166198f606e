import type { UserId } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { MembershipOfUser } from '@gatehouse/store/tables/memberships'
import { recordEvent } from '../domain/audit.ts'
import type { BrowserSession } from '../domain/browser-sessions.ts'
import {
  chooseOrganisation,
  type EffectiveAccess,
  effectiveAccess,
  type OrganisationChoice,
  type OrganisationWish,
  type RoleRules,
} from '../domain/effective-access.ts'
import { noSuchOrganisation } from '../domain/organisation-members.ts'
import type { Actor } from '../domain/users.ts'

/** Somebody who has signed in, and what they may do in whose name. */
export interface Acting extends BrowserSession {
  readonly access: EffectiveAccess
}

/** How a question about the organisation stands; see {@link OrganisationChoice}. */
export type ActingChoice =
  | { readonly state: 'settled'; readonly acting: Acting }
  | Exclude<OrganisationChoice, { readonly state: 'settled' }>

/** Says in whose name people act. */
export interface ActingUsers {
  /** For which organisation a user acts. Cost: one read where there are organisations, else nothing. */
  choose(user: UserId, wish: OrganisationWish): Promise<OrganisationChoice>
  accessOf(user: Pick<UserRow, 'scopes' | 'roles'>, membership: MembershipOfUser | undefined): EffectiveAccess
  /** As `choose`, for the user of a browser's session. */
  find(browser: BrowserSession, asked: string | undefined): Promise<ActingChoice>
  /**
   * Notes in a browser's session which organisation its user has picked; the session as it is then. Error: `not_found` for one
   * that they do not belong to, as for one that there is not.
   */
  pick(browser: BrowserSession, organisation: string, by: Actor): Promise<BrowserSession>
  /**
   * Whether a user must have a second factor: for a role of their own, or in any organisation. Cost: as `membershipsOf`, and
   * nothing where no role needs one.
   */
  requiresSecondFactor(user: UserRow): Promise<boolean>
  /** A user's memberships; none where there are no organisations. */
  membershipsOf(user: UserId): Promise<readonly MembershipOfUser[]>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly roleRules: () => RoleRules
  /** Whether there are organisations. */
  readonly hasOrganisations: () => boolean
}

export function createActingUsers({ store, clock, roleRules, hasOrganisations }: Dependencies): ActingUsers {
  const users: ActingUsers = {
    membershipsOf: async (user) => (hasOrganisations() ? store.memberships.listByUser(user) : []),
    choose: async (user, wish) => chooseOrganisation(await users.membershipsOf(user), wish),
    accessOf: (user, membership) => effectiveAccess(user, membership, roleRules()),
    async requiresSecondFactor(user) {
      if (roleRules().needFactor.length === 0) return false
      const memberships = await users.membershipsOf(user.id)
      return [undefined, ...memberships].some((membership) => users.accessOf(user, membership).needsFactor)
    },
    async find(browser, asked) {
      const { user, session } = browser
      const choice = await users.choose(user.id, { asked, picked: session.organisation_id })
      if (choice.state !== 'settled') return choice
      return { state: 'settled', acting: { ...browser, access: users.accessOf(user, choice.membership) } }
    },
    async pick({ user, session }, organisation, by) {
      const memberships = await users.membershipsOf(user.id)
      const picked = memberships.find(({ organisation_id }) => organisation_id === organisation)
      if (!picked) throw noSuchOrganisation()
      const { organisation_id } = picked
      await store.transaction(async (tables) => {
        await tables.sessions.setOrganisation(session.id, organisation_id)
        await recordEvent(tables, clock, {
          ...{ type: 'organisation_picked', result: 'ok', target: organisation_id, session_id: session.id },
          ...by,
        })
      })
      return { user, session: { ...session, organisation_id } }
    },
  }
  return users
}

/** Whether a form comes from a page that was shown in this session, for this organisation. */
export const isShownTo = (
  { session, access }: Acting,
  shown: { readonly session?: string | undefined; readonly organisation?: string | undefined },
): boolean =>
  shown.session === session.id && (shown.organisation ?? '') === (access.organisation?.organisation_id ?? '')
