import { hash } from 'node:crypto'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html, Html as Markup } from './html.ts'

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0; display: grid; min-height: 100vh; place-items: center }
main { box-sizing: border-box; width: min(26rem, 100%); padding: 1.5rem }
label { display: block; margin-block: 1rem }
input:not([type=hidden]) { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem }
button { font: inherit; padding: .5rem 1.25rem; margin-inline-end: .5rem }
.error { border-inline-start: .25rem solid; padding-inline-start: .75rem }
dt { font-weight: 600 } dd { margin: 0 0 .5rem; overflow-wrap: anywhere }
`
const submitScript = 'document.forms[0].submit()'

const sourceOf = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`
const styleSource = sourceOf(style)
const scriptSource = sourceOf(submitScript)

/** What a page is made of. */
export interface Page {
  readonly title: string
  readonly body: Html
  readonly status?: number
  /** Where forms of the page are sent, beside Gatehouse itself. */
  readonly formTargets?: readonly string[]
  /**
   * Where the redirect that answers a form leads. Browsers hold the whole chain of redirects to the policy, and an app may
   * send people on from there: so for https any https is allowed.
   */
  readonly leadsTo?: readonly string[]
  /** Frames that the page loads. */
  readonly frames?: readonly string[]
  /** Sends the page's form by itself, where scripts run. */
  readonly submits?: boolean
  readonly cookies?: readonly string[]
}

/**
 * A page as an answer: without anything from elsewhere, never in a frame, never kept, and without a word to the next site.
 * Spec: RFC 9700 sections 4.2 and 4.16. Threat: clickjacking, script in what strangers supply.
 */
export function renderPage(page: Page): Answer {
  const led = (page.leadsTo ?? []).map((url) => (url.startsWith('https:') ? 'https:' : originOf(url)))
  const targets = ["'self'", ...(page.formTargets ?? []).map(originOf), ...led].join(' ')
  const frames = page.frames?.length ? `; frame-src ${page.frames.map(originOf).join(' ')}` : ''
  const script = page.submits ? `; script-src ${scriptSource}` : ''
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<h1>${page.title}</h1>
${page.body}
</main>
${page.submits && new Markup(`<script>${submitScript}</script>`)}
</body>
</html>
`
  return {
    status: page.status ?? 200,
    text: document.text,
    type: 'text/html; charset=utf-8',
    headers: {
      'content-security-policy': `default-src 'none'; style-src ${styleSource}; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'${frames}${script}`,
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      ...(page.cookies?.length ? { 'set-cookie': [...page.cookies] } : {}),
    },
  }
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
