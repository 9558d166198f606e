import type { IncomingMessage, ServerResponse } from 'node:http'
import { AnswerBatch, type Ready } from '@gatehouse/core/answer-batch'
import { asGatehouseError, GatehouseError } from '@gatehouse/core/errors'
import { newRequestId } from '@gatehouse/core/random'
import type { Look, Looks } from '../pages/look.ts'
import { BodyChecker } from './check-body.ts'
import type { ClientAddresses } from './client-address.ts'
import type { ClientCertificate } from './client-certificate.ts'
import { allowOrigin, answerPreflight } from './cors.ts'
import type { Answer, Endpoint, EndpointRequest } from './endpoint.ts'
import { pageSecurity } from './page-security.ts'
import { BodyReader } from './read-body.ts'
import { logRefusal, type RefusalLog, renderError } from './render-error.ts'

/** What serving the endpoints needs. */
export interface MountDependencies {
  readonly addresses: ClientAddresses
  readonly firstPartyOrigins: () => ReadonlySet<string>
  /**
   * For how many seconds browsers are told to come by https alone to the host that is asked; undefined = nothing is said, as on
   * hosts of apps.
   */
  readonly httpsFor: (request: Pick<IncomingMessage, 'headers'>) => number | undefined
  /** The certificate by which the client of a request has proven itself to the listener, or to a trusted proxy. */
  readonly findCertificate: (request: IncomingMessage) => ClientCertificate | undefined
  readonly looks: Pick<Looks, 'of'>
  readonly log: RefusalLog
  /** Called once per answer. */
  readonly onAnswer: (path: string, status: number, seconds: number) => void
}

/** Serves Gatehouse's own endpoints. */
export interface Mount {
  /** Whether a path is one of them, whatever the method. */
  has(path: string): boolean
  /** Answers a request whose path was found with {@link Mount.has}. `query` is without its question mark. */
  handle(request: IncomingMessage, response: ServerResponse, path: string, query: string): void
  /** Stops what runs beside the requests. */
  close(): void
}

/** What every exchange works with. */
interface Shared extends MountDependencies {
  readonly bodies: BodyReader
  readonly batch: AnswerBatch
}

type Methods = Map<string, Served>

interface Served {
  readonly endpoint: Endpoint
  readonly checker: BodyChecker | undefined
}

/**
 * Serves a list of endpoints on node:http. One exact path, one look-up; no framework stands between the socket and the
 * handler, so that /validate costs what the work costs (docs/decisions/0002).
 */
export function mountEndpoints(endpoints: readonly Endpoint[], dependencies: MountDependencies): Mount {
  const byPath = new Map<string, Methods>()
  for (const endpoint of endpoints) {
    const methods = byPath.get(endpoint.path) ?? new Map()
    const checker =
      endpoint.bodyKind === 'none' || !endpoint.body
        ? undefined
        : new BodyChecker(endpoint.bodyKind, endpoint.body, endpoint.escapes)
    methods.set(endpoint.method, { endpoint, checker })
    byPath.set(endpoint.path, methods)
  }
  const patterns = [...byPath].filter(([path]) => path.includes('{')).map(toPattern)
  const find = (path: string): Found | undefined => {
    const methods = byPath.get(path)
    return methods ? { methods, named: '' } : findPattern(patterns, path)
  }
  const shared: Shared = { ...dependencies, bodies: new BodyReader(), batch: new AnswerBatch() }
  return {
    close: () => shared.bodies.close(),
    has: (path) => byPath.has(path) || findPattern(patterns, path) !== undefined,
    handle(request, response, path, query) {
      const found = find(path)
      const exchange = new Exchange(request, response, { query, named: found?.named ?? '' }, shared)
      if (!found) return exchange.refuseUnread(new GatehouseError('not_found'))
      const { methods } = found
      if (request.method === 'OPTIONS' && answersPreflight(request, response, methods, dependencies)) return
      const served = methods.get(request.method === 'HEAD' ? 'GET' : (request.method ?? ''))
      if (!served) {
        exchange.refuseUnread(new GatehouseError('method_not_allowed', { headers: { allow: allowHeader(methods) } }))
        return
      }
      exchange.serve(served)
    },
  }
}

/** The endpoints of a path, and what stands in it in the place of a `{name}`. */
interface Found {
  readonly methods: Methods
  readonly named: string
}

/** A path with a `{name}`, taken apart around it. */
interface Pattern {
  readonly methods: Methods
  readonly before: string
  readonly after: string
}

function toPattern([path, methods]: readonly [string, Methods]): Pattern {
  const [before = '', after = ''] = path.split(/\{\w+\}/)
  return { methods, before, after }
}

function findPattern(patterns: readonly Pattern[], path: string): Found | undefined {
  for (const { methods, before, after } of patterns) {
    if (!path.startsWith(before) || !path.endsWith(after)) continue
    const named = path.slice(before.length, path.length - after.length)
    if (/^[\w.~-]+$/.test(named)) return { methods, named }
  }
  return undefined
}

/** A path's endpoints have one rule for origins: the first one's. */
function answersPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  methods: ReadonlyMap<string, Served>,
  { firstPartyOrigins }: MountDependencies,
): boolean {
  const [first] = methods.values()
  return (
    first !== undefined &&
    answerPreflight(request, response, [...methods.keys()], first.endpoint.cors, firstPartyOrigins())
  )
}

const allowHeader = (methods: ReadonlyMap<string, unknown>): string =>
  [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')

/** One request and its answer. It is itself what the handler is told of the request: what nobody asks for is not made. */
class Exchange implements EndpointRequest<never>, Ready {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly query: string
  readonly named: string
  readonly #shared: Shared
  #requestId: string | undefined
  readonly #startedAt = performance.now()
  #endpoint: Endpoint | undefined
  #text: string | Uint8Array = ''
  // Checked against the schema that the handler's own type comes from; here it is of no type.
  body = undefined as never

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { query, named }: Pick<EndpointRequest<never>, 'query' | 'named'>,
    shared: Shared,
  ) {
    this.#request = request
    this.#response = response
    this.query = query
    this.named = named
    this.#shared = shared
  }

  get headers(): IncomingMessage['headers'] {
    return this.#request.headers
  }

  get address(): string {
    return this.#shared.addresses.find(this.#request)
  }

  get certificate(): ClientCertificate | undefined {
    return this.#shared.findCertificate(this.#request)
  }

  get look(): Look {
    return this.#shared.looks.of(this.#request)
  }

  get requestId(): string {
    this.#requestId ??= newRequestId()
    return this.#requestId
  }

  serve({ endpoint, checker }: Served): void {
    this.#endpoint = endpoint
    if (endpoint.refuseQuery && this.query !== '') {
      return this.refuseUnread(
        new GatehouseError('invalid_request', { description: 'Parameters belong in the body, not in the query' }),
      )
    }
    if (endpoint.bodyKind === 'none' || !checker) {
      // Nobody looks at it, but where it has come the connection can be used again.
      if (hasBody(this.#request)) this.#request.resume()
      return this.#run()
    }
    if (endpoint.bodyOptional && !hasBody(this.#request)) {
      this.body = {} as never
      return this.#run()
    }
    const unsupported = checkContentType(this.#request.headers['content-type'], endpoint.bodyKind)
    if (unsupported) return this.refuseUnread(unsupported)
    const take = (error: GatehouseError | undefined, text: string): void => {
      if (error) return this.refuse(error)
      try {
        this.body = checker.parse(text) as never
      } catch (thrown) {
        return this.refuse(thrown)
      }
      this.#run()
    }
    this.#shared.bodies.read(this.#request, take, endpoint.bodyLimit)
  }

  #run(): void {
    const endpoint = this.#endpoint as Endpoint // set by serve(), the only caller
    let answer: Answer | Promise<Answer>
    try {
      answer = endpoint.handle(this)
    } catch (thrown) {
      return this.refuse(thrown)
    }
    if (answer instanceof Promise)
      answer.then(
        (value) => this.#send(value),
        (thrown) => this.refuse(thrown),
      )
    else this.#send(answer)
  }

  /** Refuses for a reason that is no body's. It is read all the same, as for an answer: then the connection can be used again. */
  refuseUnread(error: GatehouseError): void {
    if (hasBody(this.#request)) this.#shared.bodies.readBytes(this.#request, () => this.refuse(error))
    else this.refuse(error)
  }

  refuse(thrown: unknown): void {
    const error = asGatehouseError(thrown)
    if (error.details.headers?.connection === 'close') this.#response.shouldKeepAlive = false
    this.#logRefusal(error)
    const rendered = renderError(error, this.requestId)
    const page = this.#endpoint?.errorPage?.(error, this.requestId, this.look)
    this.#send(page ? { ...page, headers: { ...rendered.headers, ...page.headers } } : rendered)
    if (!this.#request.complete) this.#request.resume()
  }

  #logRefusal(error: GatehouseError): void {
    const { method = '', url = '' } = this.#request
    const { requestId, query, headers, address, body } = this
    logRefusal(this.#shared.log, error, {
      requestId,
      method,
      path: url.split('?', 1)[0] ?? '',
      query,
      headers,
      address,
      body,
    })
  }

  #send(answer: Answer): void {
    const response = this.#response
    if (response.headersSent || response.destroyed) return
    if (answer.refusal) this.#logRefusal(answer.refusal)
    const text = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json))
    const headers: Record<string, string | number | string[]> = {
      'cache-control': this.#endpoint && answer.status < 400 ? this.#endpoint.cacheControl : 'no-store',
      'x-content-type-options': 'nosniff',
    }
    if (text !== '' || answer.stream) headers['content-type'] = answer.type ?? 'application/json'
    if (answer.status !== 204 && !answer.stream) headers['content-length'] = Buffer.byteLength(text)
    if (this.#endpoint && this.#request.headers.origin !== undefined) {
      allowOrigin(this.#request, headers, this.#endpoint.cors, this.#shared.firstPartyOrigins())
    }
    // What is JSON is shown to nobody; those are the hot answers.
    if (answer.json === undefined) {
      const { type } = answer
      const httpsFor = this.#shared.httpsFor(this.#request)
      Object.assign(headers, pageSecurity({ path: this.#endpoint?.path, status: answer.status, type, httpsFor }))
    }
    if (answer.headers) Object.assign(headers, answer.headers)
    response.writeHead(answer.status, headers)
    if (answer.stream && this.#request.method !== 'HEAD') {
      response.flushHeaders()
      this.#count()
      return answer.stream(response)
    }
    if (this.#request.method !== 'HEAD') this.#text = text
    this.#shared.batch.add(this)
  }

  finish(): void {
    this.#response.end(this.#text)
    this.#count()
  }

  #count(): void {
    const seconds = (performance.now() - this.#startedAt) / 1000
    this.#shared.onAnswer(this.#endpoint?.path ?? '', this.#response.statusCode, seconds)
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * Refuses a body that is not of the endpoint's kind. JSON at an OAuth endpoint is `invalid_request`, as clients of those
 * expect (RFC 6749 section 3.2); anything else is 415.
 */
function checkContentType(header: string | undefined, kind: 'json' | 'form'): GatehouseError | undefined {
  const wanted = kind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
  if (header === wanted) return undefined
  const type = (header ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (type === wanted) return undefined
  const description = `The content type must be ${wanted}`
  return kind === 'form' && type === 'application/json'
    ? new GatehouseError('invalid_request', { description })
    : new GatehouseError('unsupported_media_type', { description })
}
