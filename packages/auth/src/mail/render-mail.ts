import { type Html, html } from '../pages/html.ts'
import type { Look } from '../pages/look.ts'

/** A letter before it has a form. */
export interface Letter {
  readonly subject: string
  /** Above the link or the code. */
  readonly before: readonly string[]
  readonly link?: { readonly href: string; readonly label: string } | undefined
  readonly code?: string | undefined
  /** Below it. */
  readonly after: readonly string[]
}

/** A letter as it is sent. */
export interface RenderedMail {
  readonly locale: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The link that it carries, and the code, for what shows them in its own way. */
  readonly link?: string | undefined
  readonly code?: string | undefined
}

const body =
  'margin:0;padding:24px 12px;background:#f4f5f7;color:#1b1f24;font:16px/1.5 system-ui,-apple-system,sans-serif'
const card = 'max-width:32rem;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px'
const button =
  'display:inline-block;padding:12px 20px;border-radius:6px;background:#1f4fd8;color:#ffffff;text-decoration:none;font-weight:600'
const digits = 'font:700 28px/1.4 ui-monospace,monospace;letter-spacing:4px'
const small = 'color:#59636e;font-size:14px;overflow-wrap:anywhere'

/**
 * Writes a letter as text and as HTML. Nothing in it is loaded from anywhere, styles stand at their elements since mail
 * programs take no others, and every value is escaped. Threat: a name that brings its own markup, a picture that reports
 * who reads.
 */
export function renderMail(look: Look, { subject, before, link, code, after }: Letter): RenderedMail {
  const paragraph = (text: string): Html => html`<p>${text}</p>`
  const document = html`<!doctype html>
<html lang="${look.locale}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${subject}</title></head>
<body style="${body}">
<div style="${card}">
<p><strong>${look.brand.name}</strong></p>
${before.map(paragraph)}
${link && html`<p><a href="${link.href}" style="${button}">${link.label}</a></p><p style="${small}">${link.href}</p>`}
${code !== undefined && html`<p style="${digits}">${code}</p>`}
${after.map(paragraph)}
</div>
</body>
</html>
`
  const lines = [...before, ...(link ? [link.href] : []), ...(code === undefined ? [] : [code]), ...after]
  return {
    locale: look.locale,
    subject,
    text: `${lines.join('\n\n')}\n\n-- \n${look.brand.name}\n`,
    html: document.text,
    link: link?.href,
    code,
  }
}
