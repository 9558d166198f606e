import type { OutboundAnswer } from '../outbound/outbound.ts'
import type { OAuth2Settings } from './oauth2-settings.ts'

/**
 * Token answers of providers that came before RFC 6749, or read it their way, as it has them: a form becomes JSON, an error
 * that was answered with 200 a refusal, and a token without a type is a bearer token. An ID token is left out: without an
 * issuer and its keys nothing can be said of it.
 */
export const readTokenAnswer =
  (kind: OAuth2Settings['tokenAnswer']) =>
  (answer: OutboundAnswer): OutboundAnswer => {
    const members = kind === 'form' && isForm(answer) ? formMembers(answer.text) : jsonMembers(answer.text)
    if (!members) return answer
    const { id_token: _, ...others } = members
    const isError = typeof members.error === 'string' && members.access_token === undefined
    return {
      status: isError && answer.status === 200 ? 400 : answer.status,
      headers: { ...answer.headers, 'content-type': 'application/json' },
      text: JSON.stringify({ ...(isError ? {} : { token_type: 'bearer' }), ...others }),
    }
  }

const isForm = ({ headers }: OutboundAnswer): boolean =>
  headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false

function jsonMembers(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Each member once; numbers as numbers, which a form does not have. */
function formMembers(text: string): Readonly<Record<string, unknown>> {
  const form = new URLSearchParams(text)
  const expires = form.get('expires_in') ?? form.get('expires')
  return { ...Object.fromEntries(form), ...(expires === null ? {} : { expires_in: Number(expires) }) }
}
