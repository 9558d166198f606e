import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'

/**
 * A page that posts an answer to an app by itself; without scripts, one presses the button.
 * Spec: OAuth 2.0 Form Post Response Mode section 2.
 */
export const renderFormPost = (
  look: Look,
  page: {
    readonly redirectUri: string
    /** Names and values, in their order. */
    readonly fields: Iterable<readonly [string, string]>
    readonly cookies: readonly string[]
  },
): Answer =>
  // It is passed through, and shown once: there is nothing to come back to.
  renderPage(
    { ...look, here: undefined },
    {
      name: 'form-post',
      title: look.text('frame.back_to_app'),
      formTargets: [page.redirectUri],
      scripts: ['submit'],
      cookies: page.cookies,
      body: html`<form method="post" action="${page.redirectUri}">
${[...page.fields].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<noscript><p>${look.text('frame.one_step_left')}</p></noscript>
<button id="continue" class="primary" type="submit">${look.text('frame.continue')}</button>
</form>`,
    },
  )
