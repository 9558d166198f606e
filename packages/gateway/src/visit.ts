import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { VerifiedToken, WaitingForm } from '@gatehouse/core/contracts'
import type { DpopProof } from '@gatehouse/guard/dpop'
import type { CheckedRequest, RefusedRequest } from './check-request.ts'
import type { Route } from './route.ts'
import type { ConcurrencyLimit } from './traffic/concurrency-limit.ts'
import type { RateState } from './traffic/rate-limit.ts'

/** One request on its way through the pipeline: what was found out so far. */
export class Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly checked: CheckedRequest | RefusedRequest
  /** The method that is decided on: the request's, or that of the request which a proxy asks about. */
  readonly method: string
  readonly requestId: string
  /** Where the request came from: the peer, or what a trusted proxy says. */
  readonly address: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  route: Route | undefined = undefined
  /** Who calls; absent until that is known, and where nobody needs to be known. */
  token: VerifiedToken | undefined = undefined
  /** How the token was presented. */
  scheme: 'Bearer' | 'DPoP' = 'Bearer'
  /** A good proof that still has to be used up before anything is done for it. */
  proof: DpopProof | undefined = undefined
  /** The form that it is, where that was kept while its sender signed in; still to be used up. */
  form: WaitingForm | undefined = undefined
  /** The same form once it is used up; it is put back where the request does not reach the service. */
  usedForm: WaitingForm | undefined = undefined
  /** How the rate limits stand that it was counted against; absent where there are none. */
  rate: RateState | undefined = undefined
  /** The limits among whose requests it is counted now. */
  entered: readonly ConcurrencyLimit[] | undefined = undefined
  /** Set where a proxy asks about the request: it hears a status of HTTP, whatever the request itself speaks. */
  isAskedAbout = false
  /** Set once the request was let through: what goes wrong later is a failure, not a decision. */
  allowed = false
  /** Set once an exchange has it, which then counts the answer. */
  forwarded = false
  /** Set once a service may have heard of it. */
  sent = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    checked: CheckedRequest | RefusedRequest,
    requestId: string,
    address: string,
    startedAt: number,
    method = request.method ?? '',
  ) {
    this.request = request
    this.response = response
    this.checked = checked
    this.requestId = requestId
    this.address = address
    this.startedAt = startedAt
    this.method = method
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
