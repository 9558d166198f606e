import { createHash, randomBytes } from 'node:crypto'

/** A form as it stands on a page. */
export interface PageForm {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

const unescapeHtml = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

const attribute = (tag: string, name: string): string | undefined => {
  const match = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)
  return match ? unescapeHtml(match[1] ?? '') : undefined
}

/** What a browser shows: an answer and its text. */
export class ShownPage {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string

  constructor(url: string, status: number, headers: Headers, text: string) {
    this.url = url
    this.status = status
    this.headers = headers
    this.text = text
  }

  /** The page's form. */
  get form(): PageForm {
    const form = /<form\b[^>]*>[\s\S]*?<\/form>/.exec(this.text)?.[0] ?? ''
    const fields: Record<string, string> = {}
    for (const [tag] of form.matchAll(/<input\b[^>]*>/g)) {
      const name = attribute(tag, 'name')
      if (name !== undefined) fields[name] = attribute(tag, 'value') ?? ''
    }
    return { action: attribute(/<form\b[^>]*>/.exec(form)?.[0] ?? '', 'action') ?? '', fields }
  }

  /** Where a redirect out of Gatehouse leads; the parameters of its query or fragment. */
  get callback(): URLSearchParams {
    const location = this.headers.get('location') ?? ''
    const mark = location.search(/[?#]/)
    return new URLSearchParams(mark === -1 ? '' : location.slice(mark + 1))
  }

  has(id: string): boolean {
    return this.text.includes(`id="${id}"`)
  }
}

/**
 * A browser without scripts: it keeps cookies, follows redirects within Gatehouse, and stops where one leads out of it.
 * `origin` is where Gatehouse listens, `issuer` how it calls itself.
 */
export class TestBrowser {
  readonly #origin: string
  readonly #issuer: string
  readonly cookies = new Map<string, string>()

  constructor(origin: string, issuer: string) {
    this.#origin = origin
    this.#issuer = issuer
  }

  async #send(target: string, init: RequestInit): Promise<ShownPage> {
    const url = target.startsWith('/') ? this.#origin + target : target.replace(this.#issuer, this.#origin)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string>), ...(cookie ? { cookie } : {}) }, // only ever a plain object
    })
    for (const header of response.headers.getSetCookie()) {
      const [pair = ''] = header.split(';')
      const mark = pair.indexOf('=')
      if (/max-age=0/i.test(header)) this.cookies.delete(pair.slice(0, mark))
      else this.cookies.set(pair.slice(0, mark), pair.slice(mark + 1))
    }
    const location = response.headers.get('location')
    const page = new ShownPage(url, response.status, response.headers, await response.text())
    if (response.status !== 303 || location === null) return page
    const isOwn = location.startsWith('/') || location.startsWith(`${this.#issuer}/`)
    return isOwn ? this.#send(location, { method: 'GET' }) : page
  }

  get(target: string): Promise<ShownPage> {
    return this.#send(target, { method: 'GET' })
  }

  /** Sends a page's form, with some fields filled in. */
  submit(page: ShownPage, fields: Readonly<Record<string, string>>): Promise<ShownPage> {
    const { action, fields: given } = page.form
    return this.post(action, { ...given, ...fields })
  }

  post(
    target: string,
    fields: Readonly<Record<string, string>> | URLSearchParams,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ShownPage> {
    return this.#send(target, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
  }

  signIn(page: ShownPage, username: string, password: string): Promise<ShownPage> {
    return this.submit(page, { username, password })
  }
}

/** A fresh PKCE pair. */
export function newPkce(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}
