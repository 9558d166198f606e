import type { ClientId } from '@gatehouse/core/brand'
import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { Clients } from '../domain/clients.ts'
import type { Revocations } from '../domain/revocations.ts'
import { withdrawConsent } from '../domain/sessions.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { renderApplications } from '../pages/account.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { type Owner, type OwnerDependencies, ownerAsActor, ownerPage, showToOwner, takeFromOwner } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly store: Store
  readonly clients: Clients
  readonly revocations: Revocations
}

const formSchema = Type.Object({ flow: Type.String(), client: Type.String({ maxLength: 512 }) })

/** Where people see which apps may do something in their name, and take that back. */
export function accountApplicationsEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const described = { ...ownerPage, path: paths.accountApplications }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people see connected applications',
      bodyKind: 'none',
      handle: (request) =>
        showToOwner(dependencies, request, paths.accountApplications, (owner) =>
          show(dependencies, request.look, owner),
        ),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Takes back what an application was allowed, with every token that it has',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, { page: paths.accountApplications, isSensitive: false }, (owner) =>
          withdraw(dependencies, request, owner),
        ),
    }),
  ]
}

async function show({ store, clients }: Dependencies, look: Look, { user, flow, cookies }: Owner): Promise<Answer> {
  const consents = await store.consents.listByUser(user.id)
  const applications = await Promise.all(
    consents.map(async (consent) => ({
      consent,
      name: (await clients.find(consent.client_id))?.name ?? consent.client_id,
    })),
  )
  return renderApplications(look, { flow: flow.id, applications, cookies })
}

async function withdraw(
  { store, clock, revocations }: Dependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
  owner: Owner,
): Promise<Answer> {
  const consent = { user: owner.user.id, client: request.body.client as ClientId } // only looked up
  const entries = await store.transaction((tables) =>
    withdrawConsent({ tables, clock, revocations }, consent, ownerAsActor(request, owner)),
  )
  await revocations.announce(entries)
  return redirectTo(paths.accountApplications)
}
