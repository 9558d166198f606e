import { GatehouseError } from '@gatehouse/core/errors'
import { type JsonObject, parseJsonObject } from '@gatehouse/core/json'

/** A JSON object that a server answered. */
export interface JsonAnswer {
  readonly body: JsonObject
  /** How long it may be kept, in seconds, as Cache-Control says; absent where it says nothing. */
  readonly maxAge?: number
}

/** The bounds of one request: how long it may take in all, and how many bytes the answer may have. */
export interface FetchBounds {
  readonly timeoutMilliseconds: number
  readonly maxBytes: number
}

/** The server was reached and answered something else. */
export class UnfitAnswer extends Error {
  override readonly name = 'UnfitAnswer'
  readonly status: number
  /** Seconds for which it asks to be left alone; absent where it does not. */
  readonly retryAfter: number | undefined

  constructor(url: string, { status, headers }: Response) {
    super(`${url} answered ${status} ${headers.get('content-type') ?? ''}`)
    this.status = status
    this.retryAfter = parseRetryAfter(headers.get('retry-after'))
  }
}

const defaultBounds: FetchBounds = { timeoutMilliseconds: 5000, maxBytes: 256 * 1024 }
const jsonMediaType = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i

/**
 * Asks a server for a JSON object: only 200 counts, redirects are not followed, and the bounds hold for the body too.
 * Throws `temporarily_unavailable` with what happened as its cause: an {@link UnfitAnswer} where the server has answered.
 */
export async function fetchJson(
  fetcher: typeof fetch,
  url: string,
  init: RequestInit = {},
  bounds: FetchBounds = defaultBounds,
): Promise<JsonAnswer> {
  try {
    const response = await fetcher(url, {
      ...init,
      headers: { accept: 'application/json', ...init.headers },
      redirect: 'error',
      signal: AbortSignal.timeout(bounds.timeoutMilliseconds),
    })
    if (response.status !== 200 || !jsonMediaType.test(response.headers.get('content-type') ?? '')) {
      await response.body?.cancel()
      throw new UnfitAnswer(url, response)
    }
    const body = parseJsonObject(await readText(response, bounds.maxBytes))
    const maxAge = parseMaxAge(response.headers.get('cache-control'))
    return maxAge === undefined ? { body } : { body, maxAge }
  } catch (cause) {
    throw new GatehouseError('temporarily_unavailable', { cause })
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the body, so that nothing more is read.
    if (bytes > maxBytes) throw new Error(`${response.url} answered more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

/** The lifetime in a Cache-Control value, in seconds: 0 where keeping is forbidden, `undefined` where nothing is said. */
export function parseMaxAge(cacheControl: string | null | undefined): number | undefined {
  if (cacheControl == null) return undefined
  if (/(?:^|[, ])no-(?:store|cache)\b/i.test(cacheControl)) return 0
  const maxAge = /(?:^|[, ])max-age=(\d{1,10})\b/i.exec(cacheControl)?.[1]
  return maxAge === undefined ? undefined : Number(maxAge)
}

/** Seconds of a Retry-After value; a date, which no Gatehouse sends, is as none. Spec: RFC 9110 section 10.2.3. */
function parseRetryAfter(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : undefined
}
