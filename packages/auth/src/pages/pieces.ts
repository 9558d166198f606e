import { type Html, html } from './html.ts'
import type { Look } from './look.ts'

/** What went wrong with the last try; nothing where nothing did. */
export const errorNotice = (error: string | undefined): Html | false =>
  error !== undefined && html`<p id="error" class="error" role="alert">${error}</p>`

/** As whom somebody has signed in. */
export const signedInAs = (look: Look, username: string): Html =>
  html`<p>${look.html('frame.signed_in_as', { username: html`<strong id="username">${username}</strong>` })}</p>`

/** A form of one button that carries its values in hidden fields. */
export const buttonForm = (form: {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  readonly text: string
  readonly id?: string
  readonly className?: string
  /** What the button is about, for those who do not see what stands beside it. */
  readonly about?: string
}): Html => html`<form method="post" action="${form.action}">
${Object.entries(form.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button${form.id !== undefined && html` id="${form.id}"`} class="${form.className ?? 'small'}" type="submit"${
  form.about !== undefined && html` aria-label="${form.text}: ${form.about}"`
}>${form.text}</button>
</form>`
