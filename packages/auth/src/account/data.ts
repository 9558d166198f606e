import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { LogoutDeliveries } from '../domain/logout-deliveries.ts'
import type { Notices } from '../domain/notices.ts'
import { collectOwnData } from '../domain/own-data.ts'
import type { Revocations } from '../domain/revocations.ts'
import { canonicalName, deleteUser } from '../domain/users.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { renderAccountDeleted, renderOwnData } from '../pages/own-data.ts'
import { type Owner, type OwnerDependencies, ownerAsActor, ownerPage, showToOwner, takeFromOwner } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly store: Store
  readonly notices: Notices
  readonly revocations: Revocations
  readonly logoutDeliveries: LogoutDeliveries
  readonly cookies: Cookies
}

const downloadSchema = Type.Object({ flow: Type.String() })
const deleteSchema = Type.Object({ flow: Type.String(), username: Type.Optional(Type.String({ maxLength: 255 })) })

/** Where people take away what is kept of them, or have it removed: both ask for a sign-in of the last five minutes. */
export function accountDataEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const sensitive = { page: paths.accountData, isSensitive: true }
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'GET',
      path: paths.accountData,
      summary: 'The page on which people take away or remove what is kept of them',
      bodyKind: 'none',
      handle: (request) =>
        showToOwner(dependencies, request, paths.accountData, ({ flow, user, cookies }) =>
          renderOwnData(request.look, { flow: flow.id, username: user.username, cookies }),
        ),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountDownload,
      summary: 'Everything that is kept of a user, as JSON',
      bodyKind: 'form',
      body: downloadSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, sensitive, (owner) => download(dependencies, request, owner)),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountDelete,
      summary: 'Removes an account with everything that is kept of it',
      bodyKind: 'form',
      body: deleteSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, sensitive, (owner) => remove(dependencies, request, owner)),
    }),
  ]
}

async function download(
  { store, clock }: Dependencies,
  request: EndpointRequest<unknown>,
  owner: Owner,
): Promise<Answer> {
  const { id } = owner.user
  const data = await collectOwnData(store, owner.user)
  await recordEvent(store, clock, {
    type: 'data_downloaded',
    result: 'ok',
    target: id,
    ...ownerAsActor(request, owner),
  })
  return {
    status: 200,
    text: `${JSON.stringify(data, undefined, 2)}\n`,
    headers: { 'content-disposition': 'attachment; filename="account.json"' },
  }
}

async function remove(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof deleteSchema>>,
  owner: Owner,
): Promise<Answer> {
  const { look, body } = request
  const { user, flow } = owner
  if (canonicalName(body.username ?? '') !== user.username_canonical) {
    const error = look.text('data.delete_wrong')
    return renderOwnData(look, { flow: flow.id, username: user.username, cookies: [], error, status: 400 })
  }
  await deleteUser(dependencies, user.id, ownerAsActor(request, owner))
  dependencies.logoutDeliveries.deliver().catch(() => {})
  return renderAccountDeleted(look, { cookies: [dependencies.cookies.clearSession()] })
}
