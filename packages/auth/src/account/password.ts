import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { Notices } from '../domain/notices.ts'
import type { Passwords } from '../domain/passwords.ts'
import type { Revocations } from '../domain/revocations.ts'
import { createTryLimit, type TryLimit } from '../domain/try-limit.ts'
import { setPassword } from '../domain/users.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { renderChangePassword, renderPasswordChanged } from '../pages/account.ts'
import { tellWeakness } from '../pages/weak-password.ts'
import { type Owner, type OwnerDependencies, ownerAsActor, ownerPage, showToOwner, takeFromOwner } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly store: Store
  readonly passwords: Passwords
  readonly notices: Notices
  readonly revocations: Revocations
  readonly minimumPasswordLength: () => number
}

/** Wrong present passwords, and within how many seconds. */
const limits = { wrong: 5, within: 300 }

const formSchema = Type.Object({
  flow: Type.String(),
  current: Type.Optional(Type.String()),
  new: Type.Optional(Type.String()),
})

type PasswordForm = Type.Static<typeof formSchema>

/** Where people change their password: the old one is asked for, and every session ends. */
export function accountPasswordEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const tries = createTryLimit(dependencies, limits)
  const described = { ...ownerPage, path: paths.accountPassword }
  const minimum = dependencies.minimumPasswordLength
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people change their password',
      bodyKind: 'none',
      handle: (request) =>
        showToOwner(dependencies, request, paths.accountPassword, ({ flow, user, cookies }) =>
          renderChangePassword(request.look, { flow: flow.id, username: user.username, minimum: minimum(), cookies }),
        ),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Changes the password and ends every session',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, { page: paths.accountPassword, isSensitive: true }, (owner) =>
          change(dependencies, tries, request, owner),
        ),
    }),
  ]
}

async function change(
  dependencies: Dependencies,
  tries: TryLimit,
  request: EndpointRequest<PasswordForm>,
  owner: Owner,
): Promise<Answer> {
  const { passwords, minimumPasswordLength } = dependencies
  const { look, body } = request
  const { current = '', new: password = '' } = body
  const { user, flow } = owner
  const again = (error: string, status: number): Answer =>
    renderChangePassword(look, {
      ...{ flow: flow.id, username: user.username, minimum: minimumPasswordLength(), cookies: [], error, status },
    })
  // Who has found a browser open shall not find out the password in it.
  const isRight = await tries.limited([`password-change:${user.id}`], async () =>
    (await passwords.check(current, user.password_hash)) === 'wrong' ? undefined : true,
  )
  if (!isRight) return again(look.text('password.wrong'), 401)
  try {
    await setPassword(
      dependencies,
      { user, password, minimumLength: minimumPasswordLength() },
      ownerAsActor(request, owner),
    )
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'weak_password') throw error
    return again(tellWeakness(look, error, minimumPasswordLength()), 400)
  }
  return renderPasswordChanged(look)
}
