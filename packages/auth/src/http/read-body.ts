import { isAscii, isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { GatehouseError } from '@gatehouse/core/errors'
import { GatheredBytes } from '@gatehouse/core/gathered-bytes'

/** The greatest body of a protocol request, in bytes (64 KiB). */
export const bodyLimit = 65_536
const parameterLimit = 100

/** Hears of the body once: with its text, or with an error of the catalogue. */
type Done = (error: GatehouseError | undefined, text: string) => void

/** Makes a text of a body; absent where it is none. */
type Decode = (bytes: Buffer) => string | undefined

/** Milliseconds that a body may take to arrive. */
const arrivalLimit = 30_000

/**
 * Reads whole request bodies as UTF-8 text. Callbacks and not promises, and one sweep for all in place of a timer each,
 * since this stands on the path of every validation.
 */
export class BodyReader {
  readonly #arriving = new Map<Arrival, number>()
  readonly #sweep: NodeJS.Timeout

  constructor() {
    this.#sweep = setInterval(() => this.#dropLate(), 5000)
    this.#sweep.unref()
  }

  /**
   * Calls back once. Errors: `payload_too_large` as soon as the declared or the received length passes the limit,
   * `request_timeout` after 30 to 35 seconds, `invalid_request` for bytes that are not UTF-8.
   */
  read(request: IncomingMessage, done: Done, limit = bodyLimit): void {
    this.#read(request, done, limit, decodeUtf8)
  }

  /** As {@link BodyReader.read}, for bytes that are no text: the answer has one character for each. */
  readBytes(request: IncomingMessage, done: Done, limit = bodyLimit): void {
    this.#read(request, done, limit, (bytes) => bytes.toString('latin1'))
  }

  #read(request: IncomingMessage, done: Done, limit: number, decode: Decode): void {
    if (Number(request.headers['content-length'] ?? 0) > limit) return done(tooLarge(), '')
    const arrival = new Arrival(request, limit, decode, (error, text) => {
      this.#arriving.delete(arrival)
      done(error, text)
    })
    this.#arriving.set(arrival, performance.now())
    request.on('data', (chunk: Buffer) => arrival.add(chunk))
    request.on('end', () => arrival.end())
  }

  /** Stops the sweep. */
  close(): void {
    clearInterval(this.#sweep)
  }

  #dropLate(): void {
    const limit = performance.now() - arrivalLimit
    for (const [arrival, since] of this.#arriving) {
      if (arrival.request.destroyed) this.#arriving.delete(arrival)
      else if (since < limit) arrival.fail(new GatehouseError('request_timeout', closing))
    }
  }
}

const closing = { headers: { connection: 'close' } } as const
const tooLarge = (): GatehouseError => new GatehouseError('payload_too_large', closing)

/** One body on its way. */
class Arrival {
  readonly request: IncomingMessage
  readonly #limit: number
  readonly #decode: Decode
  readonly #done: Done
  readonly #gathered = new GatheredBytes()
  #settled = false

  constructor(request: IncomingMessage, limit: number, decode: Decode, done: Done) {
    this.request = request
    this.#limit = limit
    this.#decode = decode
    this.#done = done
  }

  add(chunk: Buffer): void {
    if (this.#settled) return
    if (this.#gathered.length + chunk.length > this.#limit) this.fail(tooLarge())
    else this.#gathered.add(chunk)
  }

  end(): void {
    if (this.#settled) return
    const text = this.#decode(this.#gathered.take())
    if (text === undefined)
      return this.fail(new GatehouseError('invalid_request', { description: 'The body is not UTF-8' }))
    this.#settled = true
    this.#done(undefined, text)
  }

  fail(error: GatehouseError): void {
    if (this.#settled) return
    this.#settled = true
    this.#done(error, '')
  }
}

const decodeUtf8: Decode = (bytes) =>
  isAscii(bytes) ? bytes.toString('latin1') : isUtf8(bytes) ? bytes.toString('utf8') : undefined

/** Which escapes a form may have: those of UTF-8 alone, or whatever others send on their own account. */
export type Escapes = 'utf-8' | 'any'

/** What may be given several times: RFC 8707 section 2, RFC 8693 section 2.1; and the roles that a form of ours has ticked. */
const repeatable: ReadonlySet<string> = new Set(['resource', 'audience', 'role'])

/**
 * Reads an application/x-www-form-urlencoded body. Spec: RFC 6749 section 3.2.
 * A parameter that is named twice is `invalid_request`, but for those that may be: their values come with a space between
 * two, which no URI and no role has. An empty value counts as absent, and so does a name that would reach
 * for the prototype; at most 100 parameters. Escapes that are no UTF-8 are `invalid_request` too, since nobody could be given
 * them back; with `escapes: 'any'`, for what others send on their own account, each becomes U+FFFD.
 */
export function parseForm(text: string, escapes: Escapes = 'utf-8'): Record<string, string> {
  const form: Record<string, string> = {}
  let empty: Set<string> | undefined
  let count = 0
  let replaced = 0
  for (const [name, value] of splitForm(text)) {
    if (escapes === 'utf-8' && (value.includes(replacement) || name.includes(replacement)))
      replaced += countOf(replacement, name + value)
    count += 1
    if (count > parameterLimit) throw new GatehouseError('invalid_request', { description: 'Too many parameters' })
    const before = form[name]
    if (before !== undefined && repeatable.has(name)) {
      form[name] = `${before} ${value}`.trim()
      continue
    }
    if (Object.hasOwn(form, name) || empty?.has(name)) {
      throw new GatehouseError('invalid_request', { description: `The parameter ${quoteName(name)} is given twice` })
    }
    if (value === '' || name === '__proto__') {
      empty ??= new Set()
      empty.add(name)
    } else form[name] = value
  }
  // Once for the whole text: a stranger decides how often there is reason to look.
  if (replaced > 0 && replaced > countOf(meant, text))
    throw new GatehouseError('invalid_request', { description: 'A parameter has an escape that is not UTF-8' })
  return form
}

/** What stands in place of bytes that are no UTF-8. */
const replacement = '\ufffd'
/** The character itself, which somebody may have meant: every sequence that is none adds one to those. */
const meant = /%EF%BF%BD|\ufffd/i

const countOf = (what: string | RegExp, text: string): number => text.split(what).length - 1

/** The parameters in their order. Most forms have nothing to decode, and are taken apart in a tenth of the time then. */
function splitForm(text: string): Iterable<readonly [name: string, value: string]> {
  if (text.includes('%') || text.includes('+')) return new URLSearchParams(text)
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part): readonly [string, string] => {
      const mark = part.indexOf('=')
      return mark === -1 ? [part, ''] : [part.slice(0, mark), part.slice(mark + 1)]
    })
}

/** A name from outside as it may be repeated in a sentence: shortened, and without anything but plain characters. */
export const quoteName = (name: string): string => name.slice(0, 40).replaceAll(/[^\w.-]/g, '?')
