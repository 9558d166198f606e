import type { IncomingMessage, ServerResponse } from 'node:http'
import { AnswerBatch } from '@gatehouse/core/answer-batch'
import type { BrowserApps, RevocationEntry, SupposeTwoFactors, VerifiedToken } from '@gatehouse/core/contracts'
import type { ErrorCode } from '@gatehouse/core/errors'
import { newRequestId } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import { createRevocationSet } from '@gatehouse/guard/revocations'
import { answerPreflight } from './answers/preflight.ts'
import type { Authenticator } from './authenticate/access-token.ts'
import type { DpopProofs } from './authenticate/dpop-proof.ts'
import { answersFor, parseProxyKind, unknownKind, untrusted } from './check/answer-check.ts'
import { readAskedRequest } from './check/asked-request.ts'
import { type CheckedRequest, checkRequest, type RefusedRequest } from './check-request.ts'
import type { Denial } from './denial.ts'
import { toWebSocket } from './endings.ts'
import { Running } from './forward/running.ts'
import { defaultTuning, type ForwardTuning } from './forward/tuning.ts'
import { Upstream } from './forward/upstream.ts'
import { identifyUpstream } from './forward/upstream-options.ts'
import { UpstreamSet } from './forward/upstream-set.ts'
import type { IdentityIssuer, Pipeline } from './journey.ts'
import { findFormId, noForm, rebuildForm } from './kept-form.ts'
import type { Observer } from './observe.ts'
import { runPipeline } from './pipeline.ts'
import { denyFault } from './pipeline-denials.ts'
import { type RefusalEntry, refuse } from './refuse.ts'
import { foldHeaderName } from './rewrite/header-names.ts'
import type { Service } from './route.ts'
import type { RouteTable } from './routes.ts'
import { type FindEnd, StreamReview } from './stream-review.ts'
import { createSharedUsage, type TellOthers } from './traffic/shared-usage.ts'
import { Turns } from './turns.ts'
import { Undecided } from './undecided.ts'
import { peerAddress, requestScheme, Visit } from './visit.ts'
import { isWebSocketHandshake } from './websocket/handshake.ts'

/** What the gateway is handed by the program. All of it is synchronous and does no I/O, but for what answers by a promise. */
export interface GatewayDependencies {
  readonly clock: Clock
  /** The shared verifier: signature, type, issuer, expiry, revocation, audience and binding of the token. */
  readonly verify: Authenticator['verify']
  /** What DPoP proofs are checked with; absent = DPoP is no way to present a token. */
  readonly dpop?: DpopProofs
  /** The `x5t#S256` of the certificate that a request's client has shown; absent = none ever reaches us. */
  readonly findCertificateThumbprint?: (request: IncomingMessage) => string | undefined
  /** The sessions that are held for browser apps; absent = no app has any. */
  readonly apps?: BrowserApps<IncomingMessage>
  /** The scheme of the issuer, by which browsers reach the gateway. Default: http. */
  readonly publicScheme?: 'http' | 'https'
  /** Headers by which a proxy tells Gatehouse alone something, such as a client certificate: never forwarded. */
  readonly hiddenHeaders?: readonly string[]
  /** Whether a token is revoked by now: asked where something had to be waited for. Absent = nothing is ever revoked. */
  readonly isRevoked?: (token: VerifiedToken) => boolean
  /** What a token would say by two factors: asked where a role or a scope is missing. Absent = no role needs a second one. */
  readonly supposeTwoFactors?: SupposeTwoFactors
  /** Until when what a token was issued from lasts, at the strength that is needed: asked for streams that outlast it. Absent = until it is revoked. */
  readonly findEnd?: FindEnd
  /** A signed identity JWT for one service and, where a request is named, for that request alone. */
  readonly issueIdentity: IdentityIssuer
  /** Called once per decision. */
  readonly onDecision?: (decision: { readonly route: string; readonly outcome: 'allowed' | ErrorCode }) => void
  /** Called once per answer; 499 = the client went away before there was one. `route` is empty where none matched. */
  readonly onAnswer?: (route: string, status: number, seconds: number) => void
  /** Called for refusals and upstream failures only. */
  readonly log: (entry: RefusalEntry) => void
  /** As `onDecision`, for the rule that a route only observes. */
  readonly onObservation?: Observer['onObservation']
  /** Called for what an observed rule would have refused. */
  readonly logObservation?: Observer['logObservation']
  /** Counts a failed signature of an address; false = the address has had too many. */
  readonly allowFailure?: (address: string) => boolean
  /** Where a request came from and how, where proxies are trusted to say so. Absent = what the connection itself says. */
  readonly origin?: {
    readonly address: (request: IncomingMessage) => string
    readonly scheme: (request: IncomingMessage) => 'http' | 'https'
    /** Whether a peer's word about other requests counts. */
    readonly isTrustedProxy: (request: IncomingMessage) => boolean
    /** As `address`, but `undefined` where a trusted proxy does not say it: rules count that as no address at all. */
    readonly findStated: (request: IncomingMessage) => string | undefined
  }
  /** Gets messages to the other processes that serve the same, so that limits hold over all; absent = there are none. */
  readonly tellOthers?: TellOthers
  /** For tests and unusual networks. */
  readonly tuning?: Partial<ForwardTuning>
}

/** The reverse proxy. */
export interface Gateway {
  /**
   * Answers everything that is not Gatehouse's own path. `checked` is `checkRequest`'s outcome where the caller has it
   * already, also a refused one: it is answered here.
   */
  handle(request: IncomingMessage, response: ServerResponse, checked?: CheckedRequest | RefusedRequest): void
  /**
   * Answers a request that wishes for another protocol: a WebSocket where it asks for one in the right form and the service
   * agrees, by the same rules before the first byte; a plain answer otherwise. `response` is `createUpgradedResponse`'s,
   * `sent` what came after the request's headers.
   */
  upgrade(
    request: IncomingMessage,
    response: ServerResponse,
    checked: CheckedRequest | RefusedRequest,
    sent: Uint8Array,
  ): void
  /**
   * Answers a proxy that asks about another request: `GET /gateway/check`. `question` is `checkRequest`'s outcome. Only what a
   * trusted proxy says is believed; anybody else is `forbidden`. `takesAway`: the proxy is told which headers to leave out.
   */
  check(request: IncomingMessage, response: ServerResponse, question: CheckedRequest, takesAway?: boolean): void
  /**
   * Swaps all routes at once; running requests finish on the old ones, connections of unchanged upstreams are kept. Streams
   * that the new ones would not let through end at the next tick.
   */
  replace(table: RouteTable): void
  /** Ends what is under way by tokens that these entries revoke. Cost: one look at each request that is running. */
  endRevoked(entries: readonly RevocationEntry[]): void
  /** Takes a message that another process has told its {@link GatewayDependencies.tellOthers}. Anything else is ignored. */
  hearOther(message: string): void
  /**
   * Ends what does not end by itself, or has not begun to be answered, with the reason: `temporarily_unavailable`, a close frame, the end
   * of an event stream. Call it when what is under way has had its time, and before connections are broken.
   */
  endRunning(): void
  /** Lets running requests finish for a while, then breaks them off. Call it once the server accepts no more. */
  close(): Promise<void>
}

/** Builds the gateway. Opens no connection before the first request. */
export function createGateway(table: RouteTable, dependencies: GatewayDependencies): Gateway {
  const tuning: ForwardTuning = { ...defaultTuning, ...dependencies.tuning }
  const running = new Running()
  let upstreams = new Map<string, Upstream>()
  /** Take no more requests and still have some. */
  const retiring = new Set<Upstream>()
  /** By the routes that they came under. */
  const waiting = new Set<Undecided>()
  let closing: Promise<void> | undefined
  const { address, scheme, isTrustedProxy, findStated } = dependencies.origin ?? connectionItself
  const { publicScheme = 'http' } = dependencies
  const hiddenHeaders = (dependencies.hiddenHeaders ?? []).map((name) => foldHeaderName(name.toLowerCase()))
  const base = {
    ...dependencies,
    tuning,
    running,
    batch: new AnswerBatch(),
    turns: new Turns(),
    scheme,
    hiddenHeaders,
    publicScheme,
    findAddress: findStated,
  }
  const usage = dependencies.tellOthers && createSharedUsage(dependencies.tellOthers, dependencies.clock)
  let pipeline = adopt(table)

  function adopt(next: RouteTable, before?: RouteTable): Pipeline {
    const kept = new Map<string, Upstream>()
    const sets = next.services.map((service) => buildSet(service, kept, upstreams, tuning))
    for (const [key, upstream] of upstreams) if (!kept.has(key)) retire(upstream, allDecided())
    upstreams = kept
    const undecided = new Undecided()
    waiting.add(undecided)
    inheritCounts(before, next)
    usage?.adopt(next)
    return { ...base, table: next, upstreams: sets, realm: next.issuerHost, undecided }
  }

  /** Resolved when no request waits any more that has come until now. */
  async function allDecided(): Promise<void> {
    const before = [...waiting]
    await Promise.all(before.map((undecided) => undecided.none()))
    // Those of the present routes go on to come.
    for (const undecided of before) if (undecided !== pipeline.undecided) waiting.delete(undecided)
  }

  function retire(upstream: Upstream, after: Promise<void>): void {
    retiring.add(upstream)
    const close = async (): Promise<void> => {
      await after
      await upstream.close()
      retiring.delete(upstream)
    }
    // What is broken off at a stop has nothing left to close.
    close().catch(() => undefined)
  }

  async function closeAll(): Promise<void> {
    running.stop(false)
    const decided = allDecided()
    for (const upstream of upstreams.values()) retire(upstream, decided)
    const all = [...retiring]
    const finished = decided.then(() => Promise.all(all.map((upstream) => upstream.close())))
    let deadline: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, tuning.drain).unref()
    })
    await Promise.race([finished, late])
    clearTimeout(deadline)
    await Promise.all(all.map((upstream) => upstream.destroy()))
    clearInterval(timer)
    await usage?.close()
  }

  const visitOf = (
    request: IncomingMessage,
    response: ServerResponse,
    checked: CheckedRequest | RefusedRequest,
    method?: string,
  ): Visit =>
    new Visit(request, response, checked, newRequestId(), address(request), dependencies.clock.milliseconds(), method)

  /** A request that stands for a form that is kept goes on as that. */
  async function sendForm(
    apps: BrowserApps<IncomingMessage>,
    request: IncomingMessage,
    response: ServerResponse,
    checked: CheckedRequest,
    id: string,
  ): Promise<void> {
    let denial: Denial = noForm
    try {
      const form = await apps.findForm(request, { host: checked.host, id })
      const rebuilt = form && rebuildForm(request, checked, form)
      if (rebuilt !== undefined) {
        const visit = visitOf(rebuilt.request, response, rebuilt.checked)
        visit.form = form
        return runPipeline(pipeline, visit)
      }
    } catch (thrown) {
      denial = denyFault(thrown)
    }
    refuse(pipeline, visitOf(request, response, checked), denial)
  }

  const review = new StreamReview(dependencies.findEnd)
  const tick = (): void => {
    const now = dependencies.clock.milliseconds()
    review.begin()
    running.tick((member) => review.look(pipeline, member, now))
  }
  const timer = setInterval(tick, tuning.tick).unref()

  return {
    handle(request, response, checked = checkRequest(request)) {
      if (checked.ok) {
        const id = findFormId(pipeline.table, request.method, checked)
        if (id !== undefined && pipeline.apps) return void sendForm(pipeline.apps, request, response, checked, id)
      }
      const visit = visitOf(request, response, checked)
      if (request.method !== 'OPTIONS' || !answerPreflight(pipeline, visit)) runPipeline(pipeline, visit)
    },
    upgrade(request, response, checked, sent) {
      const visit = visitOf(request, response, checked)
      // Nothing may follow a handshake that has not been agreed to: it would be a request that nobody has looked at.
      if (checked.ok && (sent.length > 0 || checked.bodyLength !== 0)) return refuse(pipeline, visit, tooEarly)
      const opens = checked.ok && isWebSocketHandshake(request, checked)
      runPipeline(pipeline, visit, opens ? toWebSocket : undefined)
    },
    check(request, response, question, takesAway = false) {
      const kind = parseProxyKind(question.query)
      const isBelieved = isTrustedProxy(request) && kind !== undefined
      const { method, checked } = isBelieved
        ? readAskedRequest(request, question, { hiddenHeaders, takesAway })
        : { method: undefined, checked: question }
      const visit = visitOf(request, response, checked, method)
      visit.isAskedAbout = true
      if (isBelieved) runPipeline(pipeline, visit, answersFor(kind))
      else refuse(pipeline, visit, kind === undefined ? unknownKind : untrusted)
    },
    replace(next) {
      pipeline = adopt(next, pipeline.table)
    },
    endRevoked(entries) {
      if (running.size === 0) return
      // These alone: whatever was revoked before has been ended then.
      const revoked = createRevocationSet()
      revoked.add(entries)
      running.tellRevoked((token) => revoked.isRevoked(token))
    },
    hearOther: (message) => usage?.hear(message),
    endRunning: () => running.stop(true),
    close() {
      closing ??= closeAll()
      return closing
    },
  }
}

const tooEarly: Denial = {
  code: 'invalid_request',
  reason: 'bytes that came with a request for another protocol, before that was agreed to',
  needed: 'a client that waits for the answer',
  close: true,
}

/** What is believed where no proxy is trusted. */
const connectionItself: NonNullable<GatewayDependencies['origin']> = {
  address: peerAddress,
  scheme: requestScheme,
  isTrustedProxy: () => false,
  findStated: peerAddress,
}

/** Limits that stand as they stood go on with what they have counted: a reload gives nobody a full bucket. */
function inheritCounts(before: RouteTable | undefined, next: RouteTable): void {
  const known = new Map(before?.rateLimits.map((limit) => [limit.identity, limit]))
  for (const limit of next.rateLimits) {
    const same = known.get(limit.identity)
    if (same !== undefined) limit.inherit(same)
  }
  const places = new Map(before?.concurrencyLimits.map((limit) => [limit.place, limit]))
  for (const limit of next.concurrencyLimits) {
    const same = places.get(limit.place)
    if (same !== undefined) limit.inherit(same)
  }
}

/** Upstreams are told apart by origin and by how they are reached: two services may share one. */
function buildSet(
  service: Service,
  kept: Map<string, Upstream>,
  before: ReadonlyMap<string, Upstream>,
  tuning: ForwardTuning,
): UpstreamSet {
  const { timeouts, connections, upstreamTls: tls, health } = service
  const options = { timeouts, connections, tls, health }
  return new UpstreamSet(
    service.upstreams.map((origin) => {
      const key = identifyUpstream(origin, options)
      const upstream = kept.get(key) ?? before.get(key) ?? new Upstream(origin, options, tuning)
      kept.set(key, upstream)
      return upstream
    }),
    service.balance,
  )
}
