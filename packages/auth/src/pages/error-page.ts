import type { GatehouseError } from '@gatehouse/core/errors'
import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import { renderPage } from './page.ts'

/** An error as people see it: what is wrong, what to do, and the id under which the log knows the rest. */
export const renderErrorPage = (error: GatehouseError, requestId: string): Answer =>
  renderPage({
    title: error.status >= 500 ? 'Something went wrong' : 'This does not work',
    status: error.status,
    body: html`<p id="error" class="error" data-error="${error.code}">${error.message}</p>
<p>If you came here from an app, go back to it and try again. If that does not help, tell those who run it: <code id="request-id">${requestId}</code></p>`,
  })
