import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import { renderPage } from './page.ts'

/** The page on which one signs in. */
export interface SignInPage {
  readonly flow: string
  /** Where the form is sent. */
  readonly action: string
  /** For whom: the app's name; absent where one signs in for its own sake. */
  readonly client?: string | undefined
  readonly username?: string | undefined
  /** What went wrong with the last try. */
  readonly error?: string | undefined
  readonly status?: number
  /** Where the answer to the form may lead. */
  readonly leadsTo: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Name and password, in a form that works without scripts. */
export const renderSignIn = (page: SignInPage): Answer => {
  const rendered = renderPage({
    title: 'Sign in',
    leadsTo: page.leadsTo,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${page.client !== undefined && html`<p>to continue to <strong id="client-name">${page.client}</strong></p>`}
${page.error !== undefined && html`<p id="error" class="error" role="alert">${page.error}</p>`}
<form method="post" action="${page.action}">
<input type="hidden" name="flow" value="${page.flow}">
<label>User name
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="255" value="${page.username ?? ''}"></label>
<label>Password
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024"></label>
<button id="sign-in" type="submit">Sign in</button>
</form>`,
  })
  return page.headers ? { ...rendered, headers: { ...rendered.headers, ...page.headers } } : rendered
}
