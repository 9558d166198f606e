/** A page of somebody else’s server, and its first form. */
export interface ForeignPage {
  readonly url: string
  readonly status: number
  readonly text: string
}

/** A browser without scripts for servers of others: it keeps cookies by path and follows every redirect until `stopAt`. */
export class ForeignBrowser {
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>()
  readonly #stopAt: string

  constructor(stopAt: string) {
    this.#stopAt = stopAt
  }

  get(url: string): Promise<ForeignPage> {
    return this.#send(url, { method: 'GET' })
  }

  /** Sends the first form of a page, with some fields filled in. */
  submit(page: ForeignPage, fields: Readonly<Record<string, string>>): Promise<ForeignPage> {
    const action = /<form[^>]* action="([^"]*)"/.exec(page.text)?.[1]
    if (action === undefined) throw new Error(`there is no form: ${page.status} ${page.text}`)
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
    const given = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]))
    return this.#send(new URL(action, page.url).href, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...given, ...fields }).toString(),
    })
  }

  async #send(url: string, init: RequestInit, hops = 0): Promise<ForeignPage> {
    if (url.startsWith(this.#stopAt) || hops > 20) return { url, status: 0, text: '' }
    const { pathname } = new URL(url)
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
    for (const header of response.headers.getSetCookie()) this.#keep(header)
    const location = response.headers.get('location')
    if (location !== null) return this.#send(new URL(location, url).href, { method: 'GET' }, hops + 1)
    return { url, status: response.status, text: await response.text() }
  }

  #keep(header: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? []
    if (value === '' || /expires=Thu, 01 Jan 1970/i.test(header)) this.#cookies.delete(name)
    else this.#cookies.set(name, { value, path: /path=([^;]+)/i.exec(header)?.[1] ?? '/' })
  }
}
