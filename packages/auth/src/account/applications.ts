import type { ClientId, Seconds, UserId } from '@gatehouse/core/brand'
import { paths } from '@gatehouse/core/paths'
import { appClientPrefix, firstPartyClientId } from '@gatehouse/core/wire-names'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { Clients } from '../domain/clients.ts'
import type { Revocations } from '../domain/revocations.ts'
import { withdrawConsent } from '../domain/sessions.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { type ConnectedApplication, renderApplications } from '../pages/account.ts'
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

async function show(dependencies: Dependencies, look: Look, { user, flow, cookies }: Owner): Promise<Answer> {
  const applications = await listApplications(dependencies, user.id)
  return renderApplications(look, { flow: flow.id, applications, cookies })
}

/**
 * Who has been agreed to, and who was let in without a consent that is kept, by a device's code or at once: everybody who may do
 * something. What is signed in here, this program's own and browser apps, stands among the sessions.
 */
async function listApplications(
  { store, clients, clock }: Dependencies,
  user: UserId,
): Promise<ConnectedApplication[]> {
  const [consents, grants] = await Promise.all([
    store.consents.listByUser(user),
    store.grants.listStanding(user, clock.now()),
  ])
  // Of a client all together: they are taken back together.
  const agreed = consents.map(({ client_id, scope, granted_at }) => ({ client_id, scope, since: granted_at }))
  const found = new Map<ClientId, { readonly scope: string; readonly since: Seconds }>()
  for (const { client_id, scope, since } of [...agreed, ...grants]) {
    if (client_id === firstPartyClientId || client_id.startsWith(appClientPrefix)) continue
    const known = found.get(client_id)
    const scopes = new Set([...(known?.scope ?? '').split(' '), ...scope.split(' ')].filter((name) => name !== ''))
    const earliest = known === undefined || since < known.since ? since : known.since
    found.set(client_id, { scope: [...scopes].join(' '), since: earliest })
  }
  return Promise.all(
    [...found].map(async ([client, { scope, since }]) => ({
      client,
      name: (await clients.find(client))?.name ?? client,
      scope,
      since,
    })),
  )
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
