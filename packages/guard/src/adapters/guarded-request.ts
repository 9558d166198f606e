import { hash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { GuardRequest } from '../guard-request.ts'

/** A request as node:http and the frameworks on top of it show it. */
export interface RequestParts {
  readonly headers: { readonly authorization?: string | undefined; readonly dpop?: string | string[] | undefined }
  /** Names and values in turn, as they came over the wire. */
  readonly rawHeaders?: readonly string[] | undefined
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** What the client asked for, where a framework has shortened `url` since. */
  readonly originalUrl?: string | undefined
  readonly socket?: object | undefined
}

/**
 * What a guard looks at of a request, with every header of a name: node:http shows only the first of several Authorization
 * headers, and two of them are one too many, since somebody else may have looked at the other one.
 */
export function buildGuardRequest(request: RequestParts): GuardRequest {
  const { headers, rawHeaders, socket } = request
  return {
    authorization: findAll(rawHeaders, 'authorization') ?? headers.authorization,
    dpop: findAll(rawHeaders, 'dpop') ?? headers.dpop,
    method: request.method,
    target: request.originalUrl ?? request.url,
    findCertificateThumbprint: () => findThumbprint(socket),
  }
}

function findAll(rawHeaders: readonly string[] | undefined, name: string): string[] | undefined {
  if (!rawHeaders) return undefined
  const values: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '')
  }
  return values.length === 0 ? undefined : values
}

/** Of the certificate that the connection to this very process was made with. Spec: RFC 8705 section 3.1. */
function findThumbprint(socket: object | undefined): string | undefined {
  // A server's socket is a TLSSocket exactly where it has this method.
  const certificate = (socket as Partial<TLSSocket> | undefined)?.getPeerX509Certificate?.()
  return certificate && hash('sha256', certificate.raw, 'base64url')
}
