import { paths } from '@gatehouse/core/paths'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import type { Outbox } from '../mail/outbox.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { renderInbox } from '../pages/inbox.ts'

/** Mails that the inbox shows. */
const shown = 100

/**
 * Every mail that anybody is sent, with its links and codes, for whoever asks. Threat: that is every account; it must exist
 * in development mode alone, which listens on this machine only.
 */
export const inboxEndpoint = ({ outbox }: { readonly outbox: Pick<Outbox, 'listNewest'> }): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.inbox,
    summary: 'Shows every mail, with its links and codes: in development mode alone',
    bodyKind: 'none',
    answers: { 200: null },
    errors: ['temporarily_unavailable'],
    errorPage: renderErrorPage,
    handle: async ({ look }) => renderInbox(look, await outbox.listNewest(shown)),
  })
