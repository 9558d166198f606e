import { identityHeaders } from '@gatehouse/core/wire-names'
import type { CheckedRequest } from '../check-request.ts'
import type { Gateway } from '../gateway.ts'
import { foldHeaderName, headerKind, hopByHop, misleads, readHeaderName } from '../rewrite/header-names.ts'
import type { EnvoyAnswer, EnvoyQuestion } from './messages.ts'
import { createRequest, KeptResponse, type ToldAnswer } from './off-the-wire.ts'

/** What the service is sent in the place of what the client said, or without it. */
const told: readonly string[] = [...Object.values(identityHeaders), 'authorization', 'cookie', 'x-request-id']

/** Of a refusal, what is not for the client of Envoy, which sets it itself. */
const framing: ReadonlySet<string> = new Set(['connection', 'content-length', 'transfer-encoding'])

/** What Envoy writes itself, or needs for its connections, among what the gateway forwards of no client. */
const envoys = /^(?:x-forwarded-(?:for|proto|port|client-cert)|x-envoy-.*|x-request-id|expect|proxy-connection)$/

/** What Envoy states itself, whatever headers there are. */
const stated = /^(?:x-forwarded-(?:method|host|uri|proto)|host|connection|content-length|transfer-encoding)$/

/**
 * Decides on the request that an Envoy asks about, by the code that answers `/gateway/check`. `peer` is the Envoy's address:
 * like every proxy it has to be a trusted one. Never rejects for what a client has sent: that is an answer too.
 */
export async function askGateway(
  gateway: Pick<Gateway, 'check'>,
  question: EnvoyQuestion,
  peer: string,
): Promise<EnvoyAnswer> {
  const headers = headersOf(question)
  const answer = await new Promise<ToldAnswer>((resolve) => {
    const request = createRequest(headers, peer)
    gateway.check(request, new KeptResponse(request, resolve), checkedOf(headers), true)
  })
  return answer.status === 200 ? allow(answer, question) : refusal(answer)
}

function headersOf({ headers, method, host, target, scheme, source }: EnvoyQuestion): readonly string[] {
  const kept: string[] = []
  let hops = ''
  for (let index = 0; index < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase()
    if (name === 'x-forwarded-for') hops = hops === '' ? (headers[index + 1] ?? '') : `${hops}, ${headers[index + 1]}`
    else if (isOfInterest(name)) kept.push(name, headers[index + 1] ?? '')
  }
  // Whom Envoy itself has seen stands last, where the client cannot write. Where it says nobody, the last one would be the
  // client's own word.
  if (source !== '') kept.push('x-forwarded-for', hops === '' ? source : `${hops}, ${source}`)
  kept.push('x-forwarded-method', method, 'x-forwarded-host', host, 'x-forwarded-uri', target)
  return [...kept, 'x-forwarded-proto', scheme === 'https' ? 'https' : 'http', 'host', host]
}

/** Not what Envoy itself states, nor what it is told to take away: nobody is refused for that. */
const isOfInterest = (name: string): boolean =>
  !name.startsWith(':') && !stated.test(name) && !misleads(foldHeaderName(name))

function checkedOf(headers: readonly string[]): CheckedRequest {
  const all = headers.filter((_, index) => index % 2 === 1 && isAuthorization(headers[index - 1] ?? ''))
  const authorization = all.length === 1 ? all[0] : undefined
  const own = { path: '/gateway/check', query: '', host: '', bodyLength: 0 }
  return { ok: true, ...own, authorization, authorizationCount: all.length }
}

const isAuthorization = (name: string): boolean => readHeaderName(name).kind === headerKind.authorization

/**
 * Envoy drops what is set to nothing, and would keep the client's: that is taken away instead. So is all that the gateway
 * itself would not forward: by which other proxies tell a service who calls and what was asked for.
 */
function allow({ headers }: ToldAnswer, question: EnvoyQuestion): EnvoyAnswer {
  const values = new Map(headers)
  const set = told.flatMap((name) => (values.get(name) ? [[name, values.get(name) ?? ''] as const] : []))
  const removed = told.filter((name) => !values.get(name))
  for (let index = 0; index < question.headers.length; index += 2) {
    const { kind, name } = readHeaderName(question.headers[index] ?? '')
    if (kind === headerKind.drop && !hopByHop.has(name) && !envoys.test(name)) removed.push(name)
  }
  return { status: 200, headers: set, removed, body: '' }
}

const refusal = ({ status, headers, body }: ToldAnswer): EnvoyAnswer => ({
  ...{ status, body, removed: [] },
  headers: headers.filter(([name]) => !framing.has(name)),
})
