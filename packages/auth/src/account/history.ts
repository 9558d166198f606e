import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { renderHistory } from '../pages/own-data.ts'
import { type OwnerDependencies, ownerPage, showWithoutForms } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly store: Store
}

/** Events on one page. */
const pageLength = 25

/** Where people see what has happened to their account, the latest first. */
export const accountHistoryEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    ...ownerPage,
    method: 'GET',
    path: paths.accountHistory,
    summary: 'The page on which people see what has happened to their account',
    bodyKind: 'none',
    handle: (request) =>
      showWithoutForms(dependencies, request, paths.accountHistory, async ({ user }) => {
        const before = Number(parseForm(request.query).before)
        const events = await dependencies.store.audit.list({
          target: user.id,
          limit: pageLength + 1,
          ...(Number.isSafeInteger(before) ? { before } : {}),
        })
        const shown = events.slice(0, pageLength)
        const older = events.length > pageLength ? shown.at(-1)?.id : undefined
        return renderHistory(request.look, { events: shown, older })
      }),
  })
