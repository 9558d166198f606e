import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AnswerBatch, Ready } from '@gatehouse/core/answer-batch'
import type { Clock } from '@gatehouse/core/time'
import type { Dispatcher } from 'undici'
import type { Denial } from '../denial.ts'
import { isGrpc } from '../http2/grpc.ts'
import { passTrailers } from '../http2/trailers.ts'
import { giveBack } from '../kept-form.ts'
import { logRefusal, type RefusalSink, refuse } from '../refuse.ts'
import { buildResponseHeaders, type ResponseRules } from '../rewrite/response-headers.ts'
import type { Route } from '../route.ts'
import type { RouteTable } from '../routes.ts'
import { addressKey } from '../traffic/address-key.ts'
import { enter, leave } from '../traffic/concurrency.ts'
import type { Turns } from '../turns.ts'
import type { Undecided } from '../undecided.ts'
import type { Visit } from '../visit.ts'
import { isEventStream, saysLength, saysTooLong } from './answer-shape.ts'
import { BodyWait } from './body-wait.ts'
import { noConnection, revokedMeanwhile, stopping, tooLarge, tooLong } from './denials.ts'
import { closeEmptyBody } from './empty-body.ts'
import { HeaderWait } from './header-wait.ts'
import { RequestBody } from './request-body.ts'
import type { Running, Runs } from './running.ts'
import { findSecond, idempotent } from './second-attempt.ts'
import type { ForwardTuning } from './tuning.ts'
import { isUnprocessed } from './unprocessed.ts'
import type { Upstream } from './upstream.ts'
import { describeFailure, isWholeAllTheSame, saysUnreachable } from './upstream-failure.ts'
import type { UpstreamSet } from './upstream-set.ts'

/** What an exchange needs of the gateway. */
export interface Forwarder extends RefusalSink {
  readonly clock: Clock
  readonly tuning: ForwardTuning
  /** By which requests are let through now. */
  readonly table: RouteTable
  /** Every exchange that is not over. */
  readonly running: Running
  /** Through which answers leave that came whole. */
  readonly batch: AnswerBatch
  /** In which failures are answered. */
  readonly turns: Turns
  /** Among which requests wait for their bodies. */
  readonly undecided: Undecided
}

/** A request as it is forwarded. */
export interface ForwardedRequest {
  readonly path: string
  readonly method: string
  readonly headers: string[]
  /** Bytes of its body; 0 = it has none, -1 = as many as come. */
  readonly bodyLength: number
  readonly authenticated: boolean
  /** What is added to the answer's headers. */
  readonly added: readonly string[] | undefined
  /** Called where the service agrees to a WebSocket; absent where none is asked for. */
  readonly onUpgrade?:
    | ((answer: { readonly raw: readonly Buffer[]; readonly socket: Duplex; readonly rules: ResponseRules }) => void)
    | undefined
}

/**
 * One request with a service: sends it, streams the answer back and sees to it that both ends learn of the other's
 * failure. One object per request; the handler of undici, whose calls come in the order in which they stand here.
 */
export class Exchange implements Dispatcher.DispatchHandler, Runs, Ready {
  slot = -1
  readonly #forwarder: Forwarder
  readonly visit: Visit
  judgedBy: RouteTable
  reviewAt = 0
  readonly #route: Route
  readonly #upstreams: UpstreamSet
  readonly #options: Dispatcher.DispatchOptions
  readonly #rules: ResponseRules
  readonly #response: ServerResponse
  readonly #body: RequestBody | null
  readonly #isTalk: boolean
  readonly #onUpgrade: ForwardedRequest['onUpgrade']
  /** Where it was sent; absent before that. */
  #upstream: Upstream | undefined = undefined
  #abort: ((reason?: Error) => void) | undefined = undefined
  #headerWait: HeaderWait | undefined = undefined
  /** Absent where there is no body, or that of a conversation. */
  #bodyWait: BodyWait | undefined = undefined
  #resume: (() => void) | undefined = undefined
  #retried = false
  /** Answered, failed or given up: whatever undici still says is of no interest. */
  #over = false
  /** All of the answer has come. */
  #complete = false
  /** The headers are on their way to the client; what comes of the body follows them at once. */
  #released = false
  /** What came of the body together with the headers. */
  #firstChunk: Buffer | undefined = undefined
  /** As they were sent to the client; undefined before that. */
  #headers: readonly string[] | undefined = undefined
  #waitsForClient = false
  /** Bytes of the answer's body so far; counted only where they are limited. */
  #received = 0
  #ticksWaiting = 0
  /** Ticks since its token was revoked; -1 = it was not. */
  #ticksRevoked = -1

  constructor(forwarder: Forwarder, visit: Visit, route: Route, upstreams: UpstreamSet, request: ForwardedRequest) {
    this.#forwarder = forwarder
    this.visit = visit
    this.judgedBy = forwarder.table
    this.#route = route
    this.#upstreams = upstreams
    this.#response = visit.response
    const { answers, service } = route
    this.#rules = {
      onIssuerHost: service.onIssuerHost,
      authenticated: request.authenticated && answers?.setsCaching !== true,
      dropped: answers?.dropped,
      added: request.added,
    }
    // Only where the service can hold a conversation: there its pool ends what is silent, and over HTTP/1.1 nobody would.
    const isHttp2 = upstreams.speaksHttp2
    this.#isTalk = isHttp2 && isGrpc(visit.request)
    const { path, method, headers, bodyLength, onUpgrade } = request
    const onTooLarge = (): void => this.#giveUp(tooLarge(route))
    this.#body =
      bodyLength === 0
        ? null
        : new RequestBody(visit.request, bodyLength, route.bodyLimit, onTooLarge, this.#isTalk, isHttp2)
    if (bodyLength === 0 && onUpgrade === undefined) closeEmptyBody(visit.request)
    this.#onUpgrade = onUpgrade
    this.#options = { path, method, headers, body: this.#body, ...(onUpgrade ? { upgrade: 'websocket' } : {}) }
  }

  get isStream(): boolean {
    if (this.#over) return false
    return this.#headers === undefined ? this.#isTalk : !saysLength(this.#headers)
  }

  /** Sends the request, as soon as enough of its body is there. */
  start(): void {
    this.visit.forwarded = true
    this.#forwarder.running.add(this)
    this.#response.on('close', () => this.#onClosed())
    if (this.#body === null || this.#isTalk) {
      this.#send(this.visit.startedAt)
      return
    }
    this.#bodyWait = new BodyWait({
      body: this.#body,
      client: addressKey(this.visit.address),
      upstreams: this.#upstreams,
      undecided: this.#forwarder.undecided,
      send: () => this.#send(this.#forwarder.clock.milliseconds()),
    })
  }

  /** Sends the request, now: it may have waited, and much may have changed. Answers with where to; absent = nowhere. */
  #send(now: number): Upstream | undefined {
    if (this.#over) return undefined
    if (this.#ticksRevoked !== -1) return this.#giveUp(revokedMeanwhile)
    const busy = enter(this.visit, this.#route)
    if (busy !== undefined) return this.#giveUp(busy)
    const upstream = this.#upstreams.take(now, undefined, this.visit)
    if (upstream === undefined) return this.#giveUp(noConnection('an upstream that can be reached'))
    this.#upstream = upstream
    upstream.dispatch(this.#options, this, now)
    return upstream
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#upstream?.reached()
    this.#abort = abort
    this.visit.sent = true
    this.#ticksWaiting = 0
    // Not `abort`, which costs the connection: those behind this one in the queue wait for it.
    if (this.#over) throw new Error('It was given up while it waited for a connection')
    this.#headerWait = new HeaderWait(this.#route.service.timeouts.headers, this.#body, abort)
  }

  /** The service has agreed to another protocol: what comes of the connection is no more of this exchange's concern. */
  onUpgrade(_status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    this.#leaveUpstream()
    this.#headerWait?.stop()
    if (this.#over || this.#ticksRevoked !== -1) {
      socket.on('error', () => undefined).destroy()
      return this.#giveUp(revokedMeanwhile)
    }
    this.#over = true
    this.#forwarder.running.remove(this)
    this.#onUpgrade?.({ raw: (raw ?? []).map((part) => Buffer.from(part)), socket, rules: this.#rules })
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200) return true
    this.#headerWait?.stop()
    this.#body?.takeHeld()
    this.#upstream?.standing.answered(status, this.#forwarder.clock)
    const response = this.#response
    const headers = buildResponseHeaders(status, raw, this.#rules)
    if (headers === undefined) throw new TypeError('the answer has a Transfer-Encoding other than chunked')
    if (saysTooLong(this.visit.method, status, headers, this.#route.responseLimit)) {
      this.#giveUp(tooLong(this.#route))
      return true
    }
    this.#resume = resume
    this.#headers = headers
    // What would go on and on does not begin any more.
    if (this.#ticksRevoked !== -1 && isEventStream(headers)) {
      this.#giveUp(revokedMeanwhile)
      return true
    }
    // An answer that comes whole leaves in one write; of any other nothing is held back beyond this turn.
    response.writeHead(status, headers)
    this.#forwarder.batch.hold(this)
    return true
  }

  /** Lets go of what has come: without this, the headers of an event stream would wait for its first event. */
  #release(): void {
    if (this.#released || this.#over) return
    this.#released = true
    const chunk = this.#firstChunk
    this.#firstChunk = undefined
    if (chunk === undefined) this.#response.flushHeaders()
    else this.#response.write(chunk)
  }

  onData(chunk: Buffer): boolean {
    if (this.#route.responseLimit !== Number.POSITIVE_INFINITY) {
      this.#received += chunk.length
      if (this.#received > this.#route.responseLimit) {
        this.#giveUp(tooLong(this.#route))
        return true
      }
    }
    if (!this.#released) {
      if (this.#firstChunk === undefined) {
        this.#firstChunk = chunk
        return true
      }
      this.#release()
    }
    if (this.#response.write(chunk)) return true
    if (!this.#waitsForClient) this.#response.once('drain', () => this.#onDrain())
    this.#waitsForClient = true
    return false
  }

  /** The service has no more to do with it. */
  #leaveUpstream(): void {
    if (this.#upstream !== undefined) this.#upstream.running -= 1
  }

  #onDrain(): void {
    this.#waitsForClient = false
    this.#ticksWaiting = 0
    this.#resume?.()
  }

  onComplete(trailers?: string[] | null): void {
    this.#leaveUpstream()
    this.#bodyWait?.end()
    if (this.#over) return
    this.#over = true
    this.#complete = true
    this.#ticksWaiting = 0
    if (trailers) passTrailers(trailers, this.#response, this.#rules)
    if (this.#released) this.#response.end()
    else this.#forwarder.batch.completed()
    this.#body?.discard()
  }

  /** The turn in which the headers came is over: sends the rest of a complete answer, or what there is of any other. */
  finish(): void {
    if (!this.#complete) this.#release()
    else if (!this.#released) this.#response.end(this.#firstChunk)
  }

  onError(error: Error): void {
    if (this.#headers !== undefined && isWholeAllTheSame(error, this.#response.statusCode)) return this.onComplete()
    this.#leaveUpstream()
    this.#bodyWait?.end()
    this.#headerWait?.stop()
    const nothingSent = this.#abort === undefined
    const now = this.#forwarder.clock.milliseconds()
    // Who says that a request was not taken, says so for a good reason: that is no sign of poor health.
    const isFault = saysUnreachable(error) && !isUnprocessed(error)
    if (nothingSent && isFault) this.#upstream?.unreachable(now)
    if (this.#over) return
    if (!nothingSent && isFault) this.#upstream?.standing.failed(now)
    this.#forwarder.turns.run(() => this.#fail(error, nothingSent))
  }

  /** It has failed: is sent elsewhere where it may be, or answered. */
  #fail(error: Error, nothingSent: boolean): void {
    if (this.#over) return
    // Nothing is sent for who may not ask any more.
    if (this.#ticksRevoked !== -1) return this.#giveUp(revokedMeanwhile)
    const now = this.#forwarder.clock.milliseconds()
    const upstream = this.#upstream as Upstream // only what was sent can fail
    const failed = { upstreams: this.#upstreams, upstream, options: this.#options, visit: this.visit }
    const other = this.#retried ? undefined : findSecond(failed, this.#body, error, nothingSent, now)
    if (other === undefined) return this.#giveUp(describeFailure(error, upstream.origin))
    this.#retried = true
    this.#abort = undefined
    this.#ticksWaiting = 0
    this.#upstream = other
    other.dispatch(this.#options, this, now)
  }

  /** Called once per tick until the answer has left: gives up what takes too long. */
  onTick(): void {
    const { tuning } = this.#forwarder
    if (this.#ticksRevoked !== -1 && !this.#over) {
      this.#ticksRevoked += 1
      if (this.#ticksRevoked > tuning.revokedTicks) return this.#giveUp(revokedMeanwhile)
    }
    if (this.visit.request.socket.destroyed) {
      // Node tells only the answer that has its turn; one that is pipelined behind it would never hear.
      this.#onClosed()
    } else if (this.#over) {
      if (this.#response.writableEnded) this.#countStall()
    } else if (this.#body?.isTooSlow(tuning.bodyIdleTicks, tuning.minimumRate)) {
      this.#giveUp({
        code: 'request_timeout',
        reason: 'the body came too slowly',
        needed: 'a faster body',
        close: true,
      })
    } else if (this.#abort === undefined) {
      this.#bodyWait?.look()
      // For as long as the client sends, and not too slowly, nobody else is to blame.
      if (this.#bodyWait?.isWaiting && this.#body?.isArriving) return
      this.#ticksWaiting += 1
      const patience = tuning.queueTicks + this.#route.service.timeouts.connect / tuning.tick
      if (this.#ticksWaiting > patience) this.#giveUp(noConnection(this.#route.requirement.needed))
    } else if (this.#waitsForClient) {
      this.#countStall()
    }
  }

  /** An answer that has not begun gets a few ticks: it may be the answer to the very request that has ended the session. */
  onRevoked(): void {
    if (this.#over || this.#ticksRevoked !== -1) return
    this.#ticksRevoked = 0
    if (this.#headers !== undefined) this.endStream(revokedMeanwhile)
  }

  /** An answer that has begun and will end is left to do so, for as long as its connection lasts. */
  stop(isLate: boolean): void {
    if (!isLate || (this.#headers !== undefined && !this.isStream)) return
    this.endStream(stopping(!this.visit.sent || idempotent.has(this.visit.method)))
  }

  /** Events end in order, so that their reader comes back and is told; anything else is broken off: half is no whole. */
  endStream(denial: Denial): void {
    if (this.#headers === undefined || !isEventStream(this.#headers)) return this.#giveUp(denial)
    this.#release()
    this.#over = true
    this.#abort?.()
    this.#response.end()
    this.#body?.discard()
    logRefusal(this.#forwarder, this.visit, denial)
  }

  /** For one tick more the client has not taken what it was sent. A pipelined answer waits without blame for its turn. */
  #countStall(): void {
    if (this.#response.socket === null) return
    this.#ticksWaiting += 1
    if (this.#ticksWaiting > this.#forwarder.tuning.stallTicks) this.#response.destroy()
  }

  /** Answers with an error, or breaks the answer that has begun, and lets go of the upstream. */
  #giveUp(denial: Denial): undefined {
    if (this.#over) return
    this.#over = true
    this.#abort?.()
    refuse(this.#forwarder, this.visit, denial)
    this.#body?.discard()
  }

  /** The answer is out, or the client is gone: 499 in the counters where it did not wait for any answer. */
  #onClosed(): void {
    if (this.slot === -1) return
    const gone = !this.#over && !this.#response.headersSent
    if (!this.#over) {
      this.#over = true
      this.#abort?.()
    }
    this.#bodyWait?.end()
    this.#body?.destroy()
    void giveBack(this.visit)
    const { clock, running, onAnswer } = this.#forwarder
    running.remove(this)
    leave(this.visit)
    const seconds = (clock.milliseconds() - this.visit.startedAt) / 1000
    onAnswer?.(this.#route.name, gone ? 499 : this.#response.statusCode, seconds)
  }
}
