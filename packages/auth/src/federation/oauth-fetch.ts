import { JsonFaultError, parseJsonObject } from '@gatehouse/core/json'
import type { CustomFetch } from 'openid-client'
import type { Outbound, OutboundAnswer, OutboundRequest } from '../outbound/outbound.ts'
import { OutboundError, type OutboundFailure } from '../outbound/outbound-error.ts'
import { ProviderFailure, type ProviderFailureReason } from './provider-failure.ts'

const limitBytes = 256 * 1024
/** Of what a provider publishes or answers; deeper than any of it is. */
const maxDepth = 20

const reasons: Readonly<Record<OutboundFailure, ProviderFailureReason>> = {
  url_not_allowed: 'misconfigured',
  address_not_allowed: 'misconfigured',
  unreachable: 'unavailable',
  timeout: 'unavailable',
  closed: 'unavailable',
  redirected: 'invalid_answer',
  wrong_type: 'invalid_answer',
  encoded: 'invalid_answer',
  too_large: 'invalid_answer',
}

/** An address as the log may have it: without what stands in its query. */
const nameOf = (url: string): string => {
  const { origin, pathname } = URL.canParse(url) ? new URL(url) : { origin: 'an address that is none', pathname: '' }
  return `${origin}${pathname}`
}

/**
 * Asks a provider over the one way out. Throws {@link ProviderFailure}: also for what says that the provider is out of order,
 * and for JSON that two parsers could read differently, or that reaches for a prototype.
 * Cost: 5 s and 256 KB at the most.
 */
export async function askProvider(
  outbound: Pick<Outbound, 'fetch'>,
  url: string,
  request: Omit<OutboundRequest, 'limitBytes'>,
): Promise<OutboundAnswer> {
  const answer = await outbound.fetch(url, { ...request, limitBytes, readsRefusals: true }).catch((error: unknown) => {
    if (!(error instanceof OutboundError)) throw error
    throw new ProviderFailure(reasons[error.reason], `${nameOf(url)}: ${error.reason}`, error)
  })
  if (answer.status >= 500 || answer.status === 429) {
    throw new ProviderFailure('unavailable', `${nameOf(url)} answered with ${answer.status}`)
  }
  checkJson(url, answer)
  return answer
}

const mediaTypeOf = (type: string | undefined): string => type?.split(';', 1)[0]?.trim().toLowerCase() ?? ''

const isJson = (type: string): boolean => /^application\/(?:[\w.-]+\+)?json$/.test(type) || type === 'text/javascript'

function checkJson(url: string, { headers, text }: OutboundAnswer): void {
  if (text === '' || !isJson(mediaTypeOf(headers['content-type']))) return
  try {
    // A list is made a member, so that what it holds is looked at like everything else.
    const isList = text.trimStart().startsWith('[') && Array.isArray(JSON.parse(text))
    parseJsonObject(isList ? `{"list":${text}}` : text, { maxDepth, unique: true })
  } catch (error) {
    const fault = error instanceof JsonFaultError ? error.fault : 'not_json'
    throw new ProviderFailure('invalid_answer', `${nameOf(url)}: the JSON of the answer is refused: ${fault}`)
  }
}

/** The requests of openid-client over the one way out; an answer can be changed before it is read. */
export const createOAuthFetch =
  (
    outbound: Pick<Outbound, 'fetch'>,
    change: (answer: OutboundAnswer) => OutboundAnswer = (answer) => answer,
  ): CustomFetch =>
  async (url, { method, headers, body }) => {
    const asked = headers.accept?.split(',').map((type) => type.trim()) ?? []
    const answer = await askProvider(outbound, url, {
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      accept: asked.length > 0 ? asked : ['application/json'],
      ...(body instanceof URLSearchParams || typeof body === 'string' ? { body: body.toString() } : {}),
    })
    return toResponse(change(answer))
  }

/** Only what openid-client reads. */
export function toResponse({ status, headers, text }: OutboundAnswer): Response {
  const kept = new Headers()
  if (headers['content-type'] !== undefined) kept.set('content-type', headers['content-type'])
  if (headers['www-authenticate'] !== undefined) kept.set('www-authenticate', headers['www-authenticate'])
  return new Response(text === '' ? null : text, { status, headers: kept })
}
