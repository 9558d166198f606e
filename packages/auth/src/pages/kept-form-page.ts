import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'

/** One field of a form, as its sender is shown it. */
export interface DescribedField {
  readonly name: string
  /** What was typed, shortened; absent for a file and for what nobody should read over a shoulder. */
  readonly value?: string
  readonly file?: { readonly name: string; readonly bytes: number }
}

/**
 * A form that waits, as its sender sees it: what is in it, where it goes, and as whom. Sent by itself, where scripts run, if it
 * need not be asked whether that is meant.
 */
export const renderKeptForm = (
  look: Look,
  form: {
    /** Path and query that it is sent to by, on this host. */
    readonly action: string
    /** Path that it goes to, to be shown. */
    readonly path: string
    readonly fields: readonly DescribedField[]
    readonly username: string
    readonly asks: boolean
  },
): Answer =>
  renderPage(
    { ...look, here: undefined },
    {
      name: 'kept-form',
      title: look.text('kept_form.title'),
      // What the app answers may lead to any place, as it could from a page of its own.
      leadsAnywhere: true,
      // Without a referrer a browser sends it with `Origin: null`, and some say in no other way that it comes from here.
      headers: { 'referrer-policy': 'same-origin' },
      scripts: form.asks ? [] : ['submit'],
      body: html`<form method="post" action="${form.action}">
<p>${look.html('kept_form.waits', { path: html`<code id="target">${form.path}</code>` })}</p>
<dl id="fields">
${form.fields.map(
  (
    field,
  ) => html`<dt>${field.name}</dt><dd>${field.file ? describeFile(look, field.file) : (field.value ?? '••••')}</dd>
`,
)}</dl>
<p id="sender">${look.text('frame.signed_in_as', { username: form.username })}</p>
<button id="send" class="primary" type="submit">${look.text('kept_form.send')}</button>
<a id="leave" class="button" href="/">${look.text('kept_form.leave')}</a>
</form>`,
    },
  )

const describeFile = (look: Look, { name, bytes }: { readonly name: string; readonly bytes: number }): string =>
  look.text('kept_form.file', { name, bytes: String(bytes) })

/** There is nothing to be sent: it was sent, has waited for too long, or is somebody else's. */
export const renderNoKeptForm = (look: Look): Answer =>
  renderPage(
    { ...look, here: undefined },
    {
      name: 'kept-form',
      title: look.text('kept_form.title_gone'),
      body: html`<p id="gone">${look.text('kept_form.gone')}</p>
<a id="leave" class="button primary" href="/">${look.text('frame.back_to_app')}</a>`,
    },
  )
