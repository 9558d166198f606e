import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Tables } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { type EnrolDependencies, openEnrolment, showEnrolment } from '../login/enrol-factor.ts'
import { renderSecurity } from '../pages/account.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { renderRecoveryCodes } from '../pages/second-factor.ts'
import { hasAnotherWay, type WaysInDependencies } from './another-way.ts'
import {
  holdOwner,
  type Owner,
  type OwnerDependencies,
  ownerAsActor,
  ownerPage,
  showToOwner,
  takeFromOwner,
} from './owner.ts'

interface Dependencies extends EnrolDependencies, WaysInDependencies, Omit<OwnerDependencies, 'secondFactors'> {}

const flowField = { flow: Type.String() }
const confirmSchema = Type.Object({
  ...flowField,
  sealed: Type.Optional(Type.String({ maxLength: 400 })),
  name: Type.Optional(Type.String({ maxLength: 60 })),
  code: Type.Optional(Type.String({ maxLength: 20 })),
})
const removeSchema = Type.Object({ ...flowField, factor: Type.String({ maxLength: 100 }) })

/** Where people see, add and remove their second factors. Changing anything asks for a sign-in of the last five minutes. */
export function securityEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const { secondFactors } = dependencies
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'GET',
      path: paths.accountSecurity,
      summary: 'The page on which people see and change their second factors',
      bodyKind: 'none',
      handle: (request) =>
        showToOwner(dependencies, request, paths.accountSecurity, (owner) =>
          showSecurity(dependencies, request.look, owner),
        ),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountTotp,
      summary: 'Begins to set up an authenticator app, or takes its first code',
      bodyKind: 'form',
      body: confirmSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, { page: paths.accountSecurity, isSensitive: true }, (owner) =>
          enrol(dependencies, request, owner),
        ),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountRecoveryCodes,
      summary: 'Makes new recovery codes in the place of the old ones',
      bodyKind: 'form',
      body: Type.Object(flowField),
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, { page: paths.accountSecurity, isSensitive: true }, async (owner) => {
          if ((await secondFactors.methodsOf(owner.user.id)).length === 0) throw new GatehouseError('not_found')
          const codes = await secondFactors.renewRecoveryCodes(owner.user.id, ownerAsActor(request, owner))
          return renderRecoveryCodes(request.look, { codes, next: paths.accountSecurity })
        }),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountRemoveFactor,
      summary: 'Removes a second factor',
      bodyKind: 'form',
      body: removeSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, { page: paths.accountSecurity, isSensitive: true }, async (owner) => {
          const { user } = owner
          const { factor } = request.body
          const holding = async (tables: Tables) => {
            await holdOwner(tables, owner)
            return hasAnotherWay(dependencies, tables, user, { factor })
          }
          const isDone = await secondFactors.remove(
            { user: user.id, id: factor, holding },
            ownerAsActor(request, owner),
          )
          return isDone ? redirectTo(paths.accountSecurity) : showSecurity(dependencies, request.look, owner, 400)
        }),
    }),
  ]
}

async function showSecurity(
  { secondFactors }: Dependencies,
  look: Look,
  { user, flow, cookies }: Owner,
  /** Of the answer where the last way in was to go. */
  refused?: number,
): Promise<Answer> {
  const [factors, codesLeft] = await Promise.all([
    secondFactors.list(user.id),
    secondFactors.recoveryCodesLeft(user.id),
  ])
  return renderSecurity(look, {
    flow: flow.id,
    username: user.username,
    factors,
    codesLeft,
    cookies,
    ...(refused !== undefined && { error: look.text('account.last_way'), status: refused }),
  })
}

async function enrol(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof confirmSchema>>,
  owner: Owner,
): Promise<Answer> {
  const { user, flow } = owner
  const { look, body } = request
  const { sealed, name = '', code = '' } = body
  const page = { flow, user, action: paths.accountTotp, isRequired: false, leadsTo: [] }
  if (sealed === undefined) return showEnrolment(dependencies, look, page)
  const secret = openEnrolment(dependencies, flow, user, sealed)
  try {
    const { recoveryCodes } = await dependencies.secondFactors.enrol(
      { user, secret, code, name, hold: (tables) => holdOwner(tables, owner) },
      ownerAsActor(request, owner),
    )
    return recoveryCodes
      ? renderRecoveryCodes(look, { codes: recoveryCodes, next: paths.accountSecurity })
      : redirectTo(paths.accountSecurity)
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'invalid_credentials') throw error
    return showEnrolment(dependencies, look, { ...page, secret, isWrong: true })
  }
}
