import { errorCatalogue, type GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'

/** What people are told of an error; what is not here is told as the request's fault. */
const told: Readonly<Record<string, MessageKey>> = {
  not_found: 'error.not_found',
  forbidden: 'error.forbidden',
  insufficient_scope: 'error.forbidden',
  too_many_requests: 'error.too_many_requests',
  temporarily_unavailable: 'error.temporarily_unavailable',
  server_error: 'error.server_error',
}

/** Of these nothing more can be said that would help anybody. */
const toldInFull: Readonly<Record<string, true>> = {
  not_found: true,
  too_many_requests: true,
  temporarily_unavailable: true,
  server_error: true,
}

const titleOf = ({ status, details }: GatehouseError): MessageKey => {
  if (details.startAgain !== undefined) return 'error.title_expired'
  if (status === 404) return 'error.title_not_found'
  return status >= 500 ? 'error.title_ours' : 'error.title'
}

const keyOf = ({ code, details }: GatehouseError): MessageKey => {
  if (details.addFactorAt !== undefined) return 'error.lacks_factor'
  return details.startAgain === undefined ? (told[code] ?? 'error.invalid_request') : 'error.expired'
}

/**
 * An error as people see it: what is wrong, what to do, and the id under which the log knows the rest. What only the makers
 * of an app can mend stands below, in English as in every other answer to programs. `form`: the id of a form that waits all the
 * same, and can be sent once more.
 */
export const renderErrorPage = (error: GatehouseError, requestId: string, look: Look, form?: string): Answer => {
  const { startAgain, lacksCookies = false, addFactorAt } = error.details
  const key = keyOf(error)
  const hasDetail = error.message !== errorCatalogue[error.code].description && !(error.code in toldInFull)
  // What was asked for may be a stranger's words: there is no way back to it.
  return renderPage(
    { ...look, here: undefined },
    {
      name: 'error',
      title: look.text(titleOf(error)),
      status: error.status,
      body: html`<p id="error" class="error" data-error="${error.code}">${look.text(key)}</p>
${lacksCookies && html`<p id="lacks-cookies">${look.text('error.lacks_cookies')}</p>`}
${addFactorAt !== undefined && html`<p><a id="add-factor" class="button primary" href="${addFactorAt}">${look.text('error.add_factor')}</a></p>`}
${
  startAgain === undefined
    ? html`<p>${look.html('error.what_next', { id: html`<code id="request-id">${requestId}</code>` })}</p>`
    : html`<p><a id="start-again" class="button primary" href="${startAgain}">${look.text('error.start_again')}</a></p>`
}
${
  form !== undefined &&
  html`<p id="still-kept">${look.text('kept_form.still_kept')}</p>
<p><a id="send-again" class="button primary" href="${paths.appForm}?id=${form}">${look.text('kept_form.look_again')}</a></p>`
}
${hasDetail && html`<details open><summary>${look.text('error.detail')}</summary><p id="detail" lang="en">${error.message}</p></details>`}`,
    },
  )
}
