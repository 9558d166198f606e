import { paths } from '@gatehouse/core/paths'
import type { DecoupledRequests } from '../domain/decoupled-requests.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { renderAccount } from '../pages/account.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { type OwnerDependencies, showWithoutForms } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly decoupledRequests: Pick<DecoupledRequests, 'listPending'>
}

/** The first page of one's account: who one is, whether a client waits for a decision, and the way to the others. */
export const accountEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.account,
    summary: 'The first page of one’s own account',
    bodyKind: 'none',
    answers: { 200: null, 303: null },
    errors: ['temporarily_unavailable'],
    errorPage: renderErrorPage,
    handle: (request) =>
      showWithoutForms(dependencies, request, paths.account, async ({ user, session }) => {
        const waiting = await dependencies.decoupledRequests.listPending(user.id)
        return renderAccount(request.look, { user, session, isAsked: waiting.length > 0 })
      }),
  })
