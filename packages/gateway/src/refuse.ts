import type { IncomingMessage } from 'node:http'
import type { BrowserApps, RefusalPage } from '@gatehouse/core/contracts'
import { type ErrorCode, errorCatalogue } from '@gatehouse/core/errors'
import { newDecisionId } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import { buildChallenge, type ChallengeParameters } from '@gatehouse/guard/challenge'
import { dpopAlgorithms } from '@gatehouse/guard/dpop'
import { findAnswerHeaders } from './answers/answer-headers.ts'
import { isForPerson } from './authenticate/sign-in-detour.ts'
import type { Denial } from './denial.ts'
import { isGrpc, refuseCall } from './http2/grpc.ts'
import { findWaitingId, giveBack } from './kept-form.ts'
import { afterRest } from './unread-body.ts'
import type { Visit } from './visit.ts'

/** What the log says of a refusal or of an upstream's failure. */
export interface RefusalEntry {
  /** By which a stranger's report finds this entry. */
  readonly decision_id: string
  readonly request_id: string
  readonly code: ErrorCode
  readonly status: number
  /** The service's name and the route's pattern; empty where none matched. */
  readonly route: string
  readonly method: string
  readonly host: string
  /** Canonical, without query; empty where the request was not even readable. */
  readonly path: string
  readonly address: string
  /** Who asked and through which client, as the token says; empty where nobody was known yet. */
  readonly subject: string
  readonly client_id: string
  /** Which part of the route's rule said no, such as `require.scopes`; empty where no rule of a route did. */
  readonly rule: string
  readonly reason: string
  readonly needed: string
}

/** What a refusal needs of the gateway. */
export interface RefusalSink {
  readonly clock: Clock
  /** The protection space that challenges name: the issuer's host. */
  readonly realm: string
  readonly log: (entry: RefusalEntry) => void
  readonly onDecision?: (decision: { readonly route: string; readonly outcome: 'allowed' | ErrorCode }) => void
  readonly onAnswer?: (route: string, status: number, seconds: number) => void
  /** Who shows refusals to people; absent = they are JSON for everybody. */
  readonly apps?: BrowserApps<IncomingMessage> | undefined
}

/** Bodies up to this many bytes are read to their end before a refusal, so that the connection can be used again. */
const readableRest = 65_536

/**
 * Answers with the standard error and an id, and logs under that id what the stranger is not told. Where the answer has
 * already begun, the connection is broken instead, since an ended answer would look complete. A client of gRPC is told in its own
 * way, also then, where a route has its request and it is no proxy's question.
 */
export function refuse(sink: RefusalSink, visit: Visit, denial: Denial): void {
  if (visit.usedForm === undefined || visit.sent) return answerRefusal(sink, visit, denial)
  // First, so that the page can say that it waits.
  void giveBack(visit).then(() => answerRefusal(sink, visit, denial))
}

function answerRefusal(sink: RefusalSink, visit: Visit, denial: Denial): void {
  const { request, response, checked } = visit
  const status = statusOf(denial)
  const route = visit.route?.name ?? ''
  const decisionId = logRefusal(sink, visit, denial)
  if (!visit.allowed) sink.onDecision?.({ route, outcome: denial.code })
  // To a proxy that asks about a call, its 200 with a status of gRPC would be a yes. Who asks for what no route has may be one that
  // was told a wrong address; clients of gRPC read a 404 as UNIMPLEMENTED by themselves.
  const isCall = visit.route !== undefined && !visit.isAskedAbout && isGrpc(request)
  if (response.headersSent && !isCall) {
    response.destroy()
    return
  }
  // An exchange counts its own answer when the response closes.
  if (!visit.forwarded) sink.onAnswer?.(route, status, (sink.clock.milliseconds() - visit.startedAt) / 1000)
  if (isCall) return refuseCall(response, denial, decisionId, headersBeside(sink, visit, denial))
  const page = pageFor(sink, visit, denial, decisionId)
  const body = page?.text ?? errorBody(denial.code, decisionId)
  const headers = [...errorHeaders(body, page?.headers), ...headersBeside(sink, visit, denial)]
  const unread = !request.complete && (!checked.ok || checked.bodyLength !== 0)
  const close = denial.close === true || (unread && !checked.ok)
  if (close) headers.push('connection', 'close')
  const answer = (): void => {
    response.writeHead(status, headers)
    response.end(body)
  }
  const isSmall = checked.ok && checked.bodyLength >= 0 && checked.bodyLength <= readableRest
  // A stream of HTTP/2 can be left without the bytes that are still to come.
  if (unread && isSmall && !close && request.httpVersionMajor === 1) return afterRest(request, answer)
  answer()
  if (unread) request.resume()
}

const statusOf = ({ status, code }: Denial): number => status ?? errorCatalogue[code].status

/** Logs what a stranger is not told, and answers with the id that it is found by. */
export function logRefusal(sink: RefusalSink, visit: Visit, denial: Denial): string {
  const { checked, token } = visit
  const decisionId = newDecisionId()
  sink.log({
    decision_id: decisionId,
    request_id: visit.requestId,
    code: denial.code,
    status: statusOf(denial),
    route: visit.route?.name ?? '',
    method: visit.method,
    host: checked.ok ? checked.host : '',
    path: checked.ok ? checked.path : '',
    address: visit.address,
    subject: token?.claims.sub ?? '',
    client_id: token?.claims.client_id ?? '',
    rule: denial.rule ?? '',
    reason: denial.reason,
    needed: denial.needed,
  })
  return decisionId
}

/** What a refusal says in headers, whatever its body. */
function headersBeside(sink: RefusalSink, visit: Visit, { headers, challenge }: Denial): string[] {
  const beside = [...(headers ?? []), ...(findAnswerHeaders(visit, true) ?? [])]
  if (challenge !== undefined) beside.push('www-authenticate', challengeOf(sink, visit, challenge))
  return beside
}

function challengeOf({ realm }: RefusalSink, visit: Visit, parameters: ChallengeParameters): string {
  const { scheme, route } = visit
  const algs = scheme === 'DPoP' ? { algs: dpopAlgorithms } : {}
  return buildChallenge(realm, { ...parameters, scheme, ...algs, resourceMetadata: route?.service.resourceMetadata })
}

/** The page for a person who looks at an app of ours; absent for everybody else, and for who is sent somewhere. */
function pageFor({ apps }: RefusalSink, visit: Visit, denial: Denial, id: string): RefusalPage | undefined {
  const { code, status } = denial
  const isShown = apps !== undefined && visit.route?.service.session === true && status !== 303 && isForPerson(visit)
  return isShown ? apps.showRefusal(visit.request, { code, id, form: findWaitingId(visit, denial) }) : undefined
}

/** The JSON that strangers see. */
export const errorBody = (code: ErrorCode, decisionId: string): string =>
  JSON.stringify({ error: code, error_description: errorCatalogue[code].description, decision_id: decisionId })

/** The headers of every refusal, but challenges: name, value, name, value. `own`: those of its kind of body. */
export const errorHeaders = (body: string, own: readonly string[] = ['content-type', 'application/json']): string[] => [
  ...own,
  'content-length',
  String(Buffer.byteLength(body)),
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
]
