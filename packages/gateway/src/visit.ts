import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { DpopProof } from '@gatehouse/guard/dpop'
import type { CheckedRequest, RefusedRequest } from './check-request.ts'
import type { Route } from './route.ts'

/** One request on its way through the pipeline: what was found out so far. */
export class Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly checked: CheckedRequest | RefusedRequest
  readonly requestId: string
  /** Where the request came from: the peer, or what a trusted proxy says. */
  readonly address: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  route: Route | undefined = undefined
  /** How the token was presented. */
  scheme: 'Bearer' | 'DPoP' = 'Bearer'
  /** A good proof that still has to be used up before anything is done for it. */
  proof: DpopProof | undefined = undefined
  /** Set once the request was let through: what goes wrong later is a failure, not a decision. */
  allowed = false
  /** Set once an exchange has it, which then counts the answer. */
  forwarded = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    checked: CheckedRequest | RefusedRequest,
    requestId: string,
    address: string,
    startedAt: number,
  ) {
    this.request = request
    this.response = response
    this.checked = checked
    this.requestId = requestId
    this.address = address
    this.startedAt = startedAt
  }
}

/** The peer's address, IPv4 in its usual form; empty when the connection is gone. */
export function peerAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** `https` on a TLS connection, `http` on any other. */
export const requestScheme = (request: IncomingMessage): 'http' | 'https' =>
  // A server's socket is a TLSSocket exactly where it has `encrypted`.
  (request.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http'
