import { paths } from '@gatehouse/core/paths'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { renderAccount } from '../pages/account.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { type OwnerDependencies, showWithoutForms } from './owner.ts'

/** The first page of one's account: who one is, and the way to the others. */
export const accountEndpoint = (dependencies: OwnerDependencies): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.account,
    summary: 'The first page of one’s own account',
    bodyKind: 'none',
    answers: { 200: null, 303: null },
    errors: ['temporarily_unavailable'],
    errorPage: renderErrorPage,
    handle: (request) =>
      showWithoutForms(dependencies, request, paths.account, ({ user, session }) =>
        renderAccount(request.look, { user, session }),
      ),
  })
