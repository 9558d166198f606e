import { type IncomingHttpHeaders, IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** What was answered. */
export interface ToldAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/**
 * A request that never was on a connection of ours: what another protocol says of one, as the stages of the gateway read it.
 * `headers` are flat: name, value. `peer` is the address of who says it.
 */
export function createRequest(headers: readonly string[], peer: string): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: peer })
  const request = new IncomingMessage(socket)
  request.method = 'GET'
  request.httpVersion = '1.1'
  request.rawHeaders = [...headers]
  request.headers = collect(headers)
  request.complete = true
  return request
}

/** As Node does: cookies are one; of what may be there once, the first counts; the rest is a list. */
function collect(headers: readonly string[]): IncomingHttpHeaders {
  const collected: Record<string, string> = Object.create(null)
  for (let index = 0; index < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase()
    const value = headers[index + 1] ?? ''
    const before = collected[name]
    if (before === undefined) collected[name] = value
    else if (!once.has(name)) collected[name] = before + (name === 'cookie' ? '; ' : ', ') + value
  }
  return collected
}

/** Headers of which a second one is left out here; those that matter are looked for in `rawHeaders`. */
const once: ReadonlySet<string> = new Set(['authorization', 'content-type', 'host', 'user-agent'])

/** An answer that is kept and not sent. `onEnd` hears it once, when it is complete. */
export class KeptResponse extends ServerResponse {
  readonly #onEnd: (answer: ToldAnswer) => void
  #told: [string, string][] = []
  #isEnded = false

  constructor(request: IncomingMessage, onEnd: (answer: ToldAnswer) => void) {
    super(request)
    this.#onEnd = onEnd
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    this.statusCode = status
    for (const [name, value] of Object.entries(this.getHeaders())) this.#tell(name, value)
    const given = rest.at(-1)
    if (Array.isArray(given)) {
      for (let index = 0; index < given.length; index += 2) this.#tell(String(given[index]), given[index + 1])
    } else if (typeof given === 'object' && given !== null) {
      // Node's other form of headers.
      for (const [name, value] of Object.entries(given as OutgoingHttpHeaders)) this.#tell(name, value)
    }
    return this
  }

  override end(...given: unknown[]): this {
    if (this.#isEnded) return this
    this.#isEnded = true
    const [body] = given
    this.#onEnd({ status: this.statusCode, headers: this.#told, body: typeof body === 'string' ? body : '' })
    return this
  }

  #tell(name: string, value: unknown): void {
    for (const one of [value].flat()) if (one !== undefined) this.#told.push([name.toLowerCase(), String(one)])
  }
}
