import { paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import { isMessageKey, localeNames, locales } from '../messages/messages.ts'
import { assetsOf } from './assets.ts'
import type { TemplateData } from './brand.ts'
import { Html, html } from './html.ts'
import type { Look } from './look.ts'
import { type ScriptName, scripts } from './scripts.ts'

/** What a page is made of. */
export interface Page {
  /** What it is: stands in the markup for style sheets, and names its template. */
  readonly name: string
  readonly title: string
  readonly body: Html
  /** Beside the body on wide screens: the way to other pages. */
  readonly nav?: Html
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Where forms of the page are sent, beside Gatehouse itself. */
  readonly formTargets?: readonly string[]
  /**
   * Where the redirect that answers a form leads. Browsers hold the whole chain of redirects to the policy, and an app may
   * send people on from there: so for https any https is allowed.
   */
  readonly leadsTo?: readonly string[]
  /** Whether a form's answer may lead to whatever https site, and from this machine to any: a provider's is not known here. */
  readonly leadsAnywhere?: boolean
  /** Frames that the page loads. */
  readonly frames?: readonly string[]
  readonly scripts?: readonly ScriptName[]
  readonly cookies?: readonly string[]
}

/**
 * A page as an answer: without anything from elsewhere, never in a frame, never kept, and without a word to the next site.
 * Style and scripts are files of their own, so that the policy allows none within the page.
 * Spec: RFC 9700 sections 4.2 and 4.16. Threat: clickjacking, script in what strangers supply.
 */
export function renderPage(look: Look, page: Page): Answer {
  const body = fillTemplate(look, page, page.name, page.body)
  const inner = fillTemplate(look, page, 'layout', body)
  const used = page.scripts ?? []
  const document = html`<!doctype html>
<html lang="${look.locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${page.title} · ${look.brand.name}</title>
<link rel="stylesheet" href="${assetsOf(look.brand).style}">
<link rel="icon" href="${assetsOf(look.brand).logo}">
${used.map((name) => html`<script src="${scripts[name].address}" defer></script>`)}
</head>
<body data-page="${page.name}"${page.nav && html` class="wide"`}>
${inner === body ? frameOf(look, page, body) : inner}
</body>
</html>
`
  return {
    status: page.status ?? 200,
    text: document.text,
    type: 'text/html; charset=utf-8',
    headers: {
      'content-security-policy': policyOf(page),
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      ...(page.cookies?.length ? { 'set-cookie': [...page.cookies] } : {}),
      ...page.headers,
    },
  }
}

/** What stands around the content of every page. */
const frameOf = (
  look: Look,
  page: Page,
  body: Html,
): Html => html`<a class="skip" href="#main">${look.text('frame.skip')}</a>
<header class="top"><img src="${assetsOf(look.brand).logo}" alt=""><span id="brand">${look.brand.name}</span></header>
<main id="main">
${
  page.nav
    ? html`<div class="columns">${page.nav}<div class="card"><h1>${page.title}</h1>
${body}</div></div>`
    : html`<div class="card"><h1>${page.title}</h1>
${body}</div>`
}
</main>
${footOf(look)}`

/** Links of the brand, and the choice of a language where the page can be shown again. */
function footOf(look: Look): Html {
  const { terms, privacy, support } = look.brand.links
  const link = (id: string, text: string, address: string | undefined): Html | false =>
    address !== undefined && html`<a id="${id}" href="${address}">${text}</a>`
  return html`<footer class="foot">
${link('terms', look.text('frame.terms'), terms)}
${link('privacy', look.text('frame.privacy'), privacy)}
${link('support', look.text('frame.support'), support)}
${
  look.here !== undefined &&
  html`<form id="languages" method="post" action="${paths.language}">
<input type="hidden" name="back" value="${look.here}">
<label>${look.text('frame.language')}
<select id="locale" name="locale" autocomplete="off">${locales.map(
    (locale) =>
      html`<option value="${locale}" lang="${locale}"${locale === look.locale && html` selected`}>${localeNames[locale]}</option>`,
  )}</select></label>
<button id="change-language" type="submit">${look.text('frame.change_language')}</button>
</form>`
}
</footer>`
}

/**
 * What an installation's own template makes of a body; the body where there is none of this name. Templates are tried when
 * they are loaded; one that fails all the same must not keep people from signing in, and is left out.
 */
function fillTemplate(look: Look, page: Page, name: string, body: Html): Html {
  const template = look.brand.templates?.get(name)
  if (!template) return body
  const data: TemplateData = {
    page: page.name,
    title: page.title,
    body: body.text,
    locale: look.locale,
    brand: look.brand.name,
    text: (key, values) => (isMessageKey(key) ? look.text(key, values) : key),
  }
  try {
    return new Html(template(data))
  } catch {
    return body
  }
}

function policyOf(page: Page): string {
  const led = (page.leadsTo ?? []).map((url) => (url.startsWith('https:') ? 'https:' : originOf(url)))
  const anywhere = page.leadsAnywhere ? ['https:', 'http://localhost:*', 'http://127.0.0.1:*'] : []
  const targets = ["'self'", ...(page.formTargets ?? []).map(originOf), ...led, ...anywhere].join(' ')
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    ...(page.scripts?.length ? ["script-src 'self'", "connect-src 'self'"] : []),
    ...(page.frames?.length ? [`frame-src ${page.frames.map(originOf).join(' ')}`] : []),
    `form-action ${targets}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/**
 * What a policy calls the place of a URL: its origin or, where that is none that a policy can name, the scheme: that of an
 * app's own, an IPv6 address, a host with a character that would end the directive. Spec: CSP3 section 2.3.1.
 */
function originOf(url: string): string {
  const { origin, protocol } = new URL(url)
  return /^https?:\/\/[\w.-]+(:\d+)?$/.test(origin) ? origin : protocol
}

/** Sends a browser on to another page. Spec: RFC 9700 section 4.12: 303, so that a form's content is not sent on. */
export const redirectTo = (location: string, cookies: readonly string[] = []): Answer => ({
  status: 303,
  headers: {
    location,
    'referrer-policy': 'no-referrer',
    ...(cookies.length > 0 ? { 'set-cookie': [...cookies] } : {}),
  },
})
