import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import {
  addPasskey,
  type NewPasskeyDependencies,
  type NewPasskeyPlace,
  newPasskeySchema,
  showNewPasskey,
} from '../login/enrol-passkey.ts'
import { redirectTo } from '../pages/page.ts'
import { renderRecoveryCodes } from '../pages/second-factor.ts'
import { holdOwner, type Owner, type OwnerDependencies, ownerAsActor, ownerPage, takeFromOwner } from './owner.ts'

interface Dependencies extends OwnerDependencies, NewPasskeyDependencies {}

const formSchema = Type.Object({
  ...newPasskeySchema.properties,
  answer: Type.Optional(newPasskeySchema.properties.answer),
})
const renameSchema = Type.Object({
  flow: Type.String(),
  factor: Type.String({ maxLength: 100 }),
  name: Type.String({ maxLength: 60 }),
})

/** Where people make passkeys and name them; they see and remove them beside their other factors. */
export function accountPasskeysEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const place = { page: paths.accountSecurity, isSensitive: true }
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountPasskeys,
      summary: 'Begins to make a passkey, or takes the one that was made',
      spec: 'WebAuthn Level 3 section 7.1',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) => takeFromOwner(dependencies, request, place, (owner) => make(dependencies, request, owner)),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountPasskeysRename,
      summary: 'Gives a passkey another name',
      bodyKind: 'form',
      body: renameSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, place, async (owner) => {
          const { factor, name } = request.body
          await dependencies.passkeys.rename(owner.user.id, factor, name, ownerAsActor(request, owner))
          return redirectTo(paths.accountSecurity)
        }),
    }),
  ]
}

async function make(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
  owner: Owner,
): Promise<Answer> {
  const { look, body } = request
  const { answer } = body
  const { user, flow } = owner
  const place: NewPasskeyPlace = {
    ...{ user, flow, action: paths.accountPasskeys, isRequired: false, leadsTo: [] },
    hold: (tables) => holdOwner(tables, owner),
  }
  if (answer === undefined) return showNewPasskey(dependencies, look, place)
  const added = await addPasskey(dependencies, place, { ...body, answer }, ownerAsActor(request, owner))
  if (!added) return showNewPasskey(dependencies, look, { ...place, isWrong: true })
  return added.recoveryCodes
    ? renderRecoveryCodes(look, { codes: added.recoveryCodes, next: paths.accountSecurity })
    : redirectTo(paths.accountSecurity)
}
