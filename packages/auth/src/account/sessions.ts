import type { SessionId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { listLiveSessions } from '../domain/live-sessions.ts'
import type { LogoutDeliveries } from '../domain/logout-deliveries.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endSession } from '../domain/sessions.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { renderSessions } from '../pages/account.ts'
import { redirectTo } from '../pages/page.ts'
import { type Owner, type OwnerDependencies, ownerAsActor, ownerPage, showToOwner, takeFromOwner } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly store: Store
  readonly revocations: Revocations
  readonly logoutDeliveries: LogoutDeliveries
}

const formSchema = Type.Object({
  flow: Type.String(),
  session: Type.String({ maxLength: 100, description: 'Which one to end; `others`: all but this one' }),
})

/** Sessions on the page: the newest; a program that signs in over and over has many. */
const shownAtMost = 25

/** Where people see from where they are signed in, and end what is not theirs. */
export function accountSessionsEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const described = { ...ownerPage, path: paths.accountSessions }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people see their sessions',
      bodyKind: 'none',
      handle: (request) =>
        showToOwner(dependencies, request, paths.accountSessions, async ({ user, session, flow, cookies }) => {
          const { store: tables, clock } = dependencies
          const lasting = await listLiveSessions({ tables, clock }, user.id)
          const newest = lasting.slice(-shownAtMost)
          const shown = newest.some(({ id }) => id === session.id) ? newest : [session, ...newest]
          const hidden = lasting.length - shown.length
          return renderSessions(request.look, { flow: flow.id, sessions: shown, hidden, current: session.id, cookies })
        }),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Ends one session, or all others',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, { page: paths.accountSessions, isSensitive: false }, (owner) =>
          end(dependencies, request, owner),
        ),
    }),
  ]
}

async function end(
  { store, clock, revocations, logoutDeliveries }: Dependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
  owner: Owner,
): Promise<Answer> {
  const { session: asked } = request.body
  const own = await store.sessions.listByUser(owner.user.id)
  const chosen = own.filter(({ id }) => (asked === 'others' ? id !== owner.session.id : id === asked))
  const endOne = (id: SessionId): Promise<readonly Revocation[]> =>
    store.transaction((tables) => endSession({ tables, clock, revocations }, id, ownerAsActor(request, owner)))
  // One after the other: each is a transaction of its own, and there are few.
  for (const { id } of chosen) await revocations.announce(await endOne(id))
  logoutDeliveries.deliver().catch(() => {})
  return redirectTo(paths.accountSessions)
}
