import { paths } from '@gatehouse/core/paths'
import type { FactorRow } from '@gatehouse/store/rows'
import type { CreationOptions, RequestOptions } from '../domain/passkey-options.ts'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { buttonForm, errorNotice } from './pieces.ts'

/** A form that the page's script fills in: see passkey-script. */
interface PasskeyForm {
  readonly flow: string
  readonly action: string
  /** What to ask for, or where to ask for that. */
  readonly asks: { readonly options: CreationOptions | RequestOptions } | { readonly begin: string }
  /** Whether passkeys are offered beside the user name too. */
  readonly hasAutofill?: boolean
  readonly id: string
  readonly text: string
  readonly className: string
  /** Further fields. */
  readonly fields?: Html
  /** What stands above, where the form is shown. */
  readonly before?: Html | false
}

/** Hidden until the script has found that the browser knows passkeys. */
export const passkeyForm = (
  look: Look,
  form: PasskeyForm,
): Html => html`<form class="passkey" method="post" action="${form.action}" hidden
data-passkey="${'options' in form.asks && 'rp' in form.asks.options ? 'create' : 'get'}"${
  'options' in form.asks
    ? html` data-options="${JSON.stringify(form.asks.options)}"`
    : html` data-begin="${form.asks.begin}"`
}${form.hasAutofill === true && html` data-autofill`}
data-cancelled="${look.text('passkey.cancelled')}" data-known="${look.text('passkey.known')}" data-failed="${look.text('passkey.failed')}">
${form.before}
<p class="error" role="alert" hidden></p>
<input type="hidden" name="flow" value="${form.flow}">
<input type="hidden" name="answer">
${form.fields}
<button id="${form.id}" class="${form.className}" type="submit">${form.text}</button>
</form>`

/** What those are told whose browser knows no passkeys, or runs no scripts. */
export const withoutPasskeys = (
  look: Look,
): Html => html`<noscript><p class="error">${look.text('passkey.needs_script')}</p></noscript>
<p id="passkey-unsupported" class="error" data-without-passkey hidden>${look.text('passkey.unsupported')}</p>`

/** The page on which one makes a passkey. */
export interface NewPasskeyPage {
  readonly flow: string
  readonly action: string
  readonly options: CreationOptions
  /** Another way, or back. */
  readonly other: { readonly address: string; readonly text: string }
  /** Whether one cannot go on without a second factor. */
  readonly isRequired: boolean
  readonly error?: string | undefined
  readonly leadsTo: readonly string[]
}

export const renderNewPasskey = (look: Look, page: NewPasskeyPage): Answer =>
  renderPage(look, {
    name: 'new-passkey',
    title: look.text('passkey.new_title'),
    scripts: ['passkey'],
    leadsTo: page.leadsTo,
    ...(page.error === undefined ? {} : { status: 400 }),
    body: html`${page.isRequired && html`<p>${look.text('enrol.required')}</p>`}
${errorNotice(page.error)}
<p>${look.text('passkey.about')}</p>
${withoutPasskeys(look)}
${passkeyForm(look, {
  ...{ flow: page.flow, action: page.action, asks: { options: page.options } },
  ...{ id: 'create-passkey', className: 'primary', text: look.text('passkey.create') },
  fields: html`<label>${look.text('passkey.name')}
<input id="factor-name" name="name" maxlength="60" autocomplete="off" value="${look.text('passkey.default_name')}"></label>`,
})}
<a id="other-way" class="button other" href="${page.other.address}">${page.other.text}</a>`,
  })

const renderPasskey = (look: Look, flow: string, { id, name, created_at, last_used_at }: FactorRow): Html => {
  const used = last_used_at !== null && html`, ${look.html('security.last_used', { date: look.date(last_used_at) })}`
  return html`<li data-factor="${id}"><div><p class="who">${name}</p>
<p class="hint">${look.html('security.since', { date: look.date(created_at) })}${used}</p></div>
<details><summary>${look.text('passkey.rename')}</summary>
<form method="post" action="${paths.accountPasskeysRename}">
<input type="hidden" name="flow" value="${flow}">
<input type="hidden" name="factor" value="${id}">
<label>${look.text('passkey.name')}
<input name="name" required maxlength="60" autocomplete="off" value="${name}"></label>
<button class="rename small" type="submit">${look.text('passkey.save_name')}</button>
</form></details>
${buttonForm({
  action: paths.accountRemoveFactor,
  fields: { flow, factor: id },
  className: 'remove small danger',
  text: look.text('security.remove'),
  about: name,
})}</li>`
}

/** One's passkeys, and the way to another. */
export const passkeyList = (
  look: Look,
  flow: string,
  passkeys: readonly FactorRow[],
): Html => html`<h2>${look.text('passkey.title')}</h2>
${passkeys.length === 0 && html`<p id="no-passkeys">${look.text('passkey.none')}</p>`}
<ul id="passkeys" class="cards">${passkeys.map((passkey) => renderPasskey(look, flow, passkey))}</ul>
${buttonForm({
  action: paths.accountPasskeys,
  fields: { flow },
  id: 'add-passkey',
  className: 'secondary',
  text: look.text('passkey.add'),
})}`
