import type { GuardRequest } from '../guard-request.ts'
import { buildRefusalAnswer } from './refusal-answer.ts'

/**
 * What a guard looks at of a request of the Fetch standard. Several headers of a name reach it joined by a comma, which no
 * token contains, so that two of them are refused as one.
 */
export function buildWebRequest(
  { method, url }: { readonly method: string; readonly url: string },
  findHeader: (name: string) => string | null | undefined,
): GuardRequest {
  const { pathname, search } = new URL(url)
  return {
    authorization: findHeader('authorization') ?? undefined,
    dpop: findHeader('dpop') ?? undefined,
    method,
    target: pathname + search,
  }
}

/** The answer to what a guard has thrown; what is no refusal is thrown again. */
export function buildRefusalResponse(thrown: unknown): Response {
  const { status, headers, body } = buildRefusalAnswer(thrown)
  return new Response(body, { status, headers })
}
