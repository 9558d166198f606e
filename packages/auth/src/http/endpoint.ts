import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { ErrorCode, GatehouseError } from '@gatehouse/core/errors'
import type { Static, TSchema } from 'typebox'
import type { Look } from '../pages/look.ts'
import type { ClientCertificate } from './client-certificate.ts'
import type { Escapes } from './read-body.ts'

/** What a handler is told of a request. The body has been read, limited and checked against the endpoint's schema. */
export interface EndpointRequest<Body> {
  readonly body: Body
  readonly headers: IncomingHttpHeaders
  /** The query without its question mark; empty where there is none. */
  readonly query: string
  /** What stands in the path in the place of the endpoint's `{name}`; empty where it has none. */
  readonly named: string
  /** The client's address: the peer's, or what a trusted proxy says. */
  readonly address: string
  readonly requestId: string
  /** The client's TLS certificate, where it showed one. Looked at when it is asked for. */
  readonly certificate: ClientCertificate | undefined
  /** How pages look to whoever asks. Found out when it is asked for. */
  readonly look: Look
}

/** What is passed on of a request where somebody goes on with something. */
export type BrowserRequest = Pick<EndpointRequest<never>, 'headers' | 'address' | 'requestId' | 'look'>

/** What a handler answers. */
export interface Answer {
  readonly status: number
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is, in place of `json`: JSON that was made before, a page, a JWT, or a picture's bytes. */
  readonly text?: string | Uint8Array
  /** The content type of `text`; application/json unless said otherwise. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** Set where it says no in a way of its own, such as a redirect: for the log. */
  readonly refusal?: GatehouseError
  /** Writes an answer that goes on, in place of `text`, once its headers are on their way. Not called for HEAD. */
  readonly stream?: (response: ServerResponse) => void
}

/** How a request's body is written. */
export type BodyKind = 'json' | 'form' | 'none'

/** The methods that endpoints have. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Which origins a browser may call it from: any, those of the first party only, or none. */
export type CorsRule = 'any' | 'first-party' | 'none'

/** An endpoint as data: routes, the OpenAPI document, metadata and docs all come from a list of these. */
export interface Endpoint {
  readonly method: Method
  /** One segment may be a `{name}`, in whose place any other one stands. */
  readonly path: string
  readonly summary: string
  /** RFC and section, where there is one. */
  readonly spec?: string
  /** What it reads from the query, for those who read about it. */
  readonly query?: TSchema | undefined
  readonly bodyKind: BodyKind
  readonly body?: TSchema | undefined
  /** Whether the body may be missing: the handler then gets an empty object. */
  readonly bodyOptional: boolean
  /** The greatest body, in bytes; 64 KiB unless said otherwise. */
  readonly bodyLimit?: number | undefined
  /** Which escapes a form may have; those of UTF-8 unless said otherwise. */
  readonly escapes?: Escapes | undefined
  /** By status; null = no body. */
  readonly answers: Readonly<Record<number, TSchema | null>>
  /** The content type of an answer that goes on. */
  readonly streams?: string | undefined
  readonly errors: readonly ErrorCode[]
  readonly cors: CorsRule
  /** Whether parameters in the query are refused (RFC 6749 section 3.2). */
  readonly refuseQuery: boolean
  /** Cache-Control of its answers; `no-store` unless said otherwise. */
  readonly cacheControl: string
  /** How its errors are shown to people; absent where programs read them as JSON. */
  readonly errorPage?: ((error: GatehouseError, requestId: string, look: Look) => Answer) | undefined
  readonly handle: (request: EndpointRequest<never>) => Answer | Promise<Answer>
}

interface Definition<Body extends TSchema | undefined> {
  method: Method
  path: string
  summary: string
  spec?: string
  query?: TSchema
  bodyKind: BodyKind
  body?: Body
  bodyOptional?: boolean
  bodyLimit?: number
  escapes?: Escapes
  answers: Readonly<Record<number, TSchema | null>>
  streams?: string
  errors: readonly ErrorCode[]
  cors?: CorsRule
  refuseQuery?: boolean
  cacheControl?: string
  errorPage?: (error: GatehouseError, requestId: string, look: Look) => Answer
  handle: (request: EndpointRequest<Body extends TSchema ? Static<Body> : undefined>) => Answer | Promise<Answer>
}

/** Describes an endpoint; the handler's body type follows from the schema. */
export function defineEndpoint<Body extends TSchema | undefined = undefined>(definition: Definition<Body>): Endpoint {
  const { bodyKind, body } = definition
  const described = bodyKind === 'json' && body && 'properties' in body ? { body: closed(body) } : {}
  return {
    cors: 'none',
    bodyOptional: false,
    refuseQuery: false,
    cacheControl: 'no-store',
    ...definition,
    ...described,
  }
}

/**
 * A body of JSON has no other members than its schema names; where it names none, as for registration, any are taken (RFC 7591
 * section 2). Members of members are left as they are: those have a form that a standard gives. Forms take any parameter (RFC 6749
 * section 3.2).
 * Threat: whoever sends `roles` or `email_verified` along, in the hope that they are stored, or believes that they were.
 */
const closed = (schema: TSchema): TSchema => ({ additionalProperties: false, ...schema })
