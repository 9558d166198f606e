import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { ShownPage } from './browser.ts'

/** What is sent beside the address. */
export interface Sent {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

/** A browser that keeps the cookies of each host apart, says where its requests come from, and follows redirects. */
export class HostBrowser {
  readonly #port: number | undefined
  readonly #exchange: Exchange
  readonly jars = new Map<string, Map<string, string>>()
  /** The addresses that it was led through, the last one included. */
  trail: string[] = []
  /** A path that it does not go to: there somebody else takes the address. */
  stopsBefore: string | undefined = undefined

  /**
   * Every host is this machine; `port` is where all of them are, whatever their addresses say. `exchange` is how requests are
   * sent, by default over HTTP/1.1 without TLS.
   */
  constructor(port?: number, exchange: Exchange = exchangePlain) {
    this.#port = port
    this.#exchange = exchange
  }

  /** Goes to a page as somebody does who follows a link of the site itself. */
  visit(address: string, headers: OutgoingHttpHeaders = {}): Promise<ShownPage> {
    this.trail = []
    return this.#follow(address, { headers: { ...pageHeaders, 'sec-fetch-site': 'same-origin', ...headers } })
  }

  /** Sends a form of a page of the same host. */
  post(address: string, fields: string | Readonly<Record<string, string>>, headers: OutgoingHttpHeaders = {}) {
    this.trail = []
    const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
    const { origin } = new URL(address)
    const own = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', origin }
    return this.#follow(address, { method: 'POST', body, headers: { ...pageHeaders, ...own, ...headers } })
  }

  /** Sends the form that stands on a page. */
  submit(page: ShownPage, fields: Readonly<Record<string, string>> = {}): Promise<ShownPage> {
    const { action, fields: given } = page.form
    return this.post(new URL(action, page.url).href, { ...given, ...fields })
  }

  /** Asks as a script of the page does, and follows nothing. */
  async call(address: string, sent: Sent = {}): Promise<ShownPage> {
    const headers = { 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin', accept: '*/*', ...sent.headers }
    return this.send(address, { ...sent, headers })
  }

  async #follow(address: string, sent: Sent): Promise<ShownPage> {
    this.trail.push(address)
    const page = await this.send(address, sent)
    const location = page.headers.get('location')
    if (page.status !== 303 || location === null || this.trail.length > 20) return page
    if (new URL(location, address).pathname === this.stopsBefore) return page
    const { 'content-type': _type, origin: _origin, ...headers } = sent.headers ?? {}
    return this.#follow(new URL(location, address).href, { headers })
  }

  /** One request, with the cookies of its host. */
  async send(address: string, { method = 'GET', headers = {}, body }: Sent): Promise<ShownPage> {
    const { host, port, pathname, search } = new URL(address)
    const jar = this.jars.get(host) ?? new Map<string, string>()
    this.jars.set(host, jar)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await this.#exchange(this.#port ?? Number(port), {
      method,
      path: pathname + search,
      headers: { host, ...(cookie ? { cookie } : {}), ...headers },
      body,
    })
    for (const header of answer.headers['set-cookie'] ?? []) {
      const [pair = ''] = header.split(';')
      const mark = pair.indexOf('=')
      if (/max-age=0/i.test(header)) jar.delete(pair.slice(0, mark))
      else jar.set(pair.slice(0, mark), pair.slice(mark + 1))
    }
    return new ShownPage(address, answer.status, toHeaders(answer.headers), answer.text)
  }
}

const pageHeaders = { accept: 'text/html,*/*', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

/** A request as it is sent. */
export interface SentRequest {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly body: string | undefined
}

/** Sends a request to a port of this machine, and answers with what comes back. */
export type Exchange = (
  port: number,
  request: SentRequest,
) => Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }>

const exchangePlain: Exchange = (port, { body, ...sent }) =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, ...sent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    if (body !== undefined) outgoing.setHeader('content-length', Buffer.byteLength(body))
    outgoing.end(body)
  })

const toHeaders = (headers: IncomingHttpHeaders): Headers =>
  new Headers(
    Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => [name, one] as [string, string]),
    ),
  )
