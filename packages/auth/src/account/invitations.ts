import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { type InvitationDependencies, inviteMember, withdrawInvitation } from '../domain/organisation-invitations.ts'
import { getEmail } from '../domain/users.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { rolesOf, takeAsAdministrator } from './members.ts'
import type { OrganisationPagesDependencies } from './organisations.ts'
import { ownerPage } from './owner.ts'

interface Dependencies extends OrganisationPagesDependencies {
  /** Requests that cost a mail, by address. */
  readonly mailRequests: AddressLimit
  /** undefined = nobody can be sent mail, and nobody is invited. */
  readonly queueInvitation: InvitationDependencies['queueMail'] | undefined
}

const flowAndPlace = { flow: Type.String(), organisation: Type.String({ maxLength: 100 }) }
const inviteSchema = Type.Object({
  ...flowAndPlace,
  email: Type.Optional(Type.String({ maxLength: 254 })),
  role: Type.Optional(Type.String({ maxLength: 4096, description: 'Given once for each role' })),
})
const withdrawSchema = Type.Object({ ...flowAndPlace, email: Type.String({ maxLength: 320 }) })

const invitationTold = {
  invalid_request: 'members.bad_email',
  too_many_requests: 'members.too_many_invitations',
} as const

/** Where administrators of an organisation invite people by mail, and take that back. */
export function accountInvitationsEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountInvite,
      summary: 'Invites somebody into an organisation by mail',
      bodyKind: 'form',
      body: inviteSchema,
      refuseQuery: true,
      handle: (request) =>
        takeAsAdministrator(dependencies, request, invitationTold, async ({ members, organisation, authority, by }) => {
          const { queueInvitation: queueMail } = dependencies
          if (!queueMail) throw new GatehouseError('not_found')
          // Inviting and taking back in turns would mail any number of strangers.
          dependencies.mailRequests.take(request.address)
          const address = getEmail(request.body.email ?? '')
          const { locale } = request.look
          const invitation = { organisation, address, roles: rolesOf(request.body), locale }
          await inviteMember({ ...members, queueMail }, invitation, authority, by)
        }),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountWithdrawInvitation,
      summary: 'Takes an invitation into an organisation back',
      bodyKind: 'form',
      body: withdrawSchema,
      refuseQuery: true,
      handle: (request) =>
        takeAsAdministrator(dependencies, request, {}, ({ members, organisation, authority, by }) =>
          withdrawInvitation(members, { organisation_id: organisation, email: request.body.email }, authority, by),
        ),
    }),
  ]
}
