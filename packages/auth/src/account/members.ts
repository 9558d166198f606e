import type { OrganisationId, UserId } from '@gatehouse/core/brand'
import { type ErrorCode, GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { splitWords } from '@gatehouse/core/words'
import * as Type from 'typebox'
import { invitationLimit } from '../domain/organisation-invitations.ts'
import {
  changeRoles,
  getAdministered,
  isAdministrator,
  type MemberDependencies,
  removeMember,
} from '../domain/organisation-members.ts'
import type { Actor } from '../domain/users.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import type { Look } from '../pages/look.ts'
import { renderMembers } from '../pages/members.ts'
import { membersAddress } from '../pages/organisations.ts'
import { redirectTo } from '../pages/page.ts'
import { getPolicy, type OrganisationPagesDependencies } from './organisations.ts'
import { type Owner, ownerAsActor, ownerPage, showByRole, takeFromOwner } from './owner.ts'

const flowAndPlace = { flow: Type.String(), organisation: Type.String({ maxLength: 100 }) }
const memberFields = { ...flowAndPlace, member: Type.String({ maxLength: 100 }) }
const rolesSchema = Type.Object({
  ...memberFields,
  version: Type.String({ maxLength: 100 }),
  role: Type.Optional(Type.String({ maxLength: 4096, description: 'Given once for each role' })),
})
const removeSchema = Type.Object(memberFields)

/** Members that are shown at a time. */
const pageSize = 50

/** A form about an organisation: which one it names is checked against who sends it, each time anew. */
interface OrganisationForm {
  readonly flow: string
  readonly organisation: string
}

/**
 * Where administrators of an organisation look after its members. Every form asks for a sign-in of the last five minutes, and
 * every id in it is checked in the transaction that changes something: an organisation that is not the sender's to look after
 * is not found. Threat: an administrator of one organisation who reaches into another.
 */
export function accountMembersEndpoints(dependencies: OrganisationPagesDependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'GET',
      path: paths.accountMembers,
      summary: 'The page on which administrators of an organisation see its members and invitations',
      query: Type.Object({
        organisation: Type.Optional(Type.String({ description: 'Its id' })),
        after: Type.Optional(Type.String({ description: 'The name after which the list goes on' })),
      }),
      bodyKind: 'none',
      async handle(request) {
        const { organisation = '', after } = parseForm(request.query)
        const seen = { page: membersAddress(organisation, after), role: getPolicy(dependencies).administratorRole }
        return showByRole(dependencies, request, seen, (owner) =>
          showMembers(dependencies, request.look, owner, { organisation, after }),
        )
      },
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountMemberRoles,
      summary: 'Gives a member of an organisation other roles',
      bodyKind: 'form',
      body: rolesSchema,
      refuseQuery: true,
      handle: (request) => takeAsAdministrator(dependencies, request, rolesTold, (as) => setRoles(as, request.body)),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountRemoveMember,
      summary: 'Removes a member of an organisation, and ends what they do in its name',
      bodyKind: 'form',
      body: removeSchema,
      refuseQuery: true,
      handle: (request) =>
        takeAsAdministrator(dependencies, request, removalTold, ({ members, organisation, authority, by }) => {
          const member = request.body.member as UserId // only looked up
          return removeMember(members, { organisation, member }, authority, by)
        }),
    }),
  ]
}

/** Somebody who wants to change something in an organisation. Whether they may is for the domain to say. */
export interface AsAdministrator {
  readonly members: MemberDependencies
  readonly organisation: OrganisationId
  readonly authority: { readonly user: UserId }
  readonly by: Actor
}

/**
 * Takes a form of the page, does what it says, and shows the members as they are then. `told` says which refusals are told on
 * the page itself, and how.
 */
export function takeAsAdministrator(
  dependencies: OrganisationPagesDependencies,
  request: EndpointRequest<OrganisationForm>,
  told: Readonly<Partial<Record<ErrorCode, MessageKey>>>,
  act: (as: AsAdministrator) => Promise<void>,
): Promise<Answer> {
  const organisation = request.body.organisation as OrganisationId // only looked up
  const page = membersAddress(organisation)
  return takeFromOwner(dependencies, request, { page, isSensitive: true }, async (owner) => {
    const policy = getPolicy(dependencies)
    const authority = { user: owner.user.id }
    try {
      await act({
        members: { ...dependencies, policy },
        ...{ organisation, authority, by: ownerAsActor(request, owner) },
      })
    } catch (error) {
      const key = error instanceof GatehouseError ? told[error.code] : undefined
      if (!(error instanceof GatehouseError) || key === undefined) throw error
      const failed = { error: request.look.text(key), status: error.status }
      return showMembers(dependencies, request.look, owner, { organisation, after: undefined }, failed)
    }
    const memberships = await dependencies.actingUsers.membershipsOf(owner.user.id)
    const own = memberships.find(({ organisation_id }) => organisation_id === organisation)
    // Who has given up the role, or gone, has no business on the page any more.
    return redirectTo(own && isAdministrator(own, policy) ? page : paths.accountOrganisations)
  })
}

const rolesTold = { forbidden: 'organisations.last_one', invalid_request: 'organisations.changed' } as const
const removalTold = { forbidden: 'organisations.last_one' } as const

/** Roles as a form has them. */
export const rolesOf = ({ role = '' }: { readonly role?: string }): readonly string[] => splitWords(role)

function setRoles(
  { members, organisation, authority, by }: AsAdministrator,
  form: Type.Static<typeof rolesSchema>,
): Promise<void> {
  const member = form.member as UserId // only looked up
  return changeRoles(members, { organisation, member, roles: rolesOf(form), version: form.version }, authority, by)
}

async function showMembers(
  dependencies: OrganisationPagesDependencies,
  look: Look,
  { user, flow, cookies }: Owner,
  place: { readonly organisation: string; readonly after: string | undefined },
  failed: { readonly error?: string; readonly status?: number } = {},
): Promise<Answer> {
  const { store, clock } = dependencies
  const policy = getPolicy(dependencies)
  const organisation = await getAdministered({ store, policy }, place.organisation, user.id)
  const [found, invitations] = await Promise.all([
    store.memberships.listMembers({ organisation_id: organisation.id, after: place.after, limit: pageSize + 1 }),
    store.organisationInvitations.list({
      ...{ organisation_id: organisation.id, now: clock.now(), limit: invitationLimit },
    }),
  ])
  const members = found.slice(0, pageSize)
  return renderMembers(look, {
    flow: flow.id,
    organisation,
    members,
    nextAfter: found.length > pageSize ? members.at(-1)?.username_canonical : undefined,
    invitations,
    givableRoles: policy.givableRoles,
    canInvite: dependencies.canInvite,
    own: user.id,
    cookies,
    ...failed,
  })
}
