import type { OrganisationId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { isAdministrator, noSuchOrganisation, removeMember } from '../domain/organisation-members.ts'
import type { OrganisationPolicy } from '../domain/organisations.ts'
import type { Revocations } from '../domain/revocations.ts'
import type { ActingUsers } from '../flow/acting.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { Look } from '../pages/look.ts'
import { renderOrganisations } from '../pages/organisations.ts'
import { redirectTo } from '../pages/page.ts'
import { type Owner, type OwnerDependencies, ownerAsActor, ownerPage, showToOwner, takeFromOwner } from './owner.ts'

export interface OrganisationPagesDependencies extends OwnerDependencies {
  readonly store: Store
  readonly revocations: Revocations
  readonly actingUsers: ActingUsers
  /** What organisations may do; undefined = there are none. */
  readonly organisationPolicy: () => OrganisationPolicy | undefined
  /** Whether people can be invited: by mail. */
  readonly canInvite: boolean
}

const formSchema = Type.Object({ flow: Type.String(), organisation: Type.String({ maxLength: 100 }) })

type OrganisationForm = Type.Static<typeof formSchema>

/** Where people see the organisations that they belong to, say for which they act, and leave them. */
export function accountOrganisationsEndpoints(dependencies: OrganisationPagesDependencies): readonly Endpoint[] {
  const page = paths.accountOrganisations
  const taken = { ...ownerPage, method: 'POST', bodyKind: 'form', body: formSchema, refuseQuery: true } as const
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'GET',
      path: page,
      summary: 'The page on which people see the organisations that they belong to',
      bodyKind: 'none',
      handle: (request) => showToOwner(dependencies, request, page, (owner) => show(dependencies, request.look, owner)),
    }),
    defineEndpoint({
      ...taken,
      path: paths.accountPickOrganisation,
      summary: 'Notes for which organisation somebody acts in this browser',
      handle: (request) =>
        takeFromOwner(dependencies, request, { page, isSensitive: false }, async (owner) => {
          await dependencies.actingUsers.pick(owner, request.body.organisation, ownerAsActor(request, owner))
          return redirectTo(page)
        }),
    }),
    defineEndpoint({
      ...taken,
      path: paths.accountLeaveOrganisation,
      summary: 'Takes somebody out of an organisation, and ends what they do in its name',
      handle: (request) =>
        takeFromOwner(dependencies, request, { page, isSensitive: true }, (owner) =>
          leave(dependencies, request, owner),
        ),
    }),
  ]
}

/** What organisations may do. Error: `not_found` where there are none. */
export function getPolicy({ organisationPolicy }: Pick<OrganisationPagesDependencies, 'organisationPolicy'>) {
  const policy = organisationPolicy()
  if (!policy) throw noSuchOrganisation()
  return policy
}

async function show(
  dependencies: OrganisationPagesDependencies,
  look: Look,
  { user, session, flow, cookies }: Owner,
  failed: { readonly error?: string; readonly status?: number } = {},
): Promise<Answer> {
  const policy = getPolicy(dependencies)
  return renderOrganisations(look, {
    flow: flow.id,
    memberships: await dependencies.actingUsers.membershipsOf(user.id),
    picked: session.organisation_id,
    looksAfter: (membership) => isAdministrator(membership, policy),
    cookies,
    ...failed,
  })
}

async function leave(
  dependencies: OrganisationPagesDependencies,
  request: EndpointRequest<OrganisationForm>,
  owner: Owner,
): Promise<Answer> {
  const policy = getPolicy(dependencies)
  const organisation = request.body.organisation as OrganisationId // only looked up
  const authority = { user: owner.user.id }
  try {
    await removeMember(
      { ...dependencies, policy },
      { organisation, member: owner.user.id },
      authority,
      ownerAsActor(request, owner),
    )
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'forbidden') throw error
    const { look } = request
    return show(dependencies, look, owner, { error: look.text('organisations.last_one'), status: error.status })
  }
  return redirectTo(paths.accountOrganisations)
}
