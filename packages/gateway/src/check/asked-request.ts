import { type IncomingMessage, METHODS } from 'node:http'
import { type ErrorCode, errorCatalogue } from '@gatehouse/core/errors'
import { parseAuthority } from '../authority.ts'
import type { CheckedRequest, RefusedRequest } from '../check-request.ts'
import { foldHeaderName, misleads, namesCertificate } from '../rewrite/header-names.ts'
import { parseTarget } from '../target.ts'

/** The request that a proxy asks about. */
export interface AskedRequest {
  readonly method: string
  readonly checked: CheckedRequest | RefusedRequest
}

/** Why a path is refused that is not written as the gateway would write it, where another proxy forwards. */
export const notCanonical = 'the path is not canonical, and the proxy would forward it as it is'

const refused = (reason: string, code: ErrorCode = 'invalid_request'): RefusedRequest => ({
  ok: false,
  code,
  status: errorCatalogue[code].status,
  reason,
})

/** What counts besides for what a proxy asks. */
export interface Asking {
  /** Folded names by which the proxy itself tells Gatehouse something, such as a client certificate. */
  readonly hiddenHeaders: readonly string[]
  /** Whether it is told which headers to take away from the request, and does: nobody has to be refused for a certificate. */
  readonly takesAway: boolean
}

/**
 * Reads which request a trusted proxy asks about: its method, host and target from X-Forwarded-Method, -Host and -Uri, its
 * credentials from the headers of the question itself. Refused is what the proxy would forward otherwise than it was decided
 * on, since it forwards its own bytes and not ours: a path that is not canonical, any header of Gatehouse's own names, and
 * those by which a client has services take another method, path, caller or certificate than the request's.
 * Codes: invalid_request. Stops: a path or a method that gateway and service read differently; identity that a client brings
 * along.
 */
export function readAskedRequest(
  request: IncomingMessage,
  question: CheckedRequest,
  { hiddenHeaders, takesAway }: Asking,
): AskedRequest {
  const { rawHeaders } = request
  const said = new Map<string, string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = foldHeaderName((rawHeaders[index] ?? '').toLowerCase())
    if (name.startsWith('x-gatehouse-')) return wrong(`the header ${name} is for Gatehouse to set`)
    if (misleads(name)) return wrong(`the header ${name} can name another request or caller than was decided on`)
    if (!takesAway && namesCertificate(name) && !hiddenHeaders.includes(name)) {
      return wrong(`the header ${name} can name a certificate that nobody has proven`)
    }
    if (!asked.has(name)) continue
    if (said.has(name)) return wrong(`the header ${name} is there twice`)
    said.set(name, rawHeaders[index + 1] ?? '')
  }
  const missing = [...asked].filter((name) => !said.has(name))
  if (missing.length > 0) return wrong(`the proxy does not say what it asks about: ${missing.join(', ')} missing`)
  const method = said.get('x-forwarded-method') ?? ''
  if (!METHODS.includes(method)) return wrong('X-Forwarded-Method is no method')
  const host = parseAuthority(said.get('x-forwarded-host') ?? '')
  if (host === undefined) return wrong('X-Forwarded-Host is malformed')
  return { method, checked: readTarget(said.get('x-forwarded-uri') ?? '', host, question) }
}

const asked: ReadonlySet<string> = new Set(['x-forwarded-method', 'x-forwarded-host', 'x-forwarded-uri'])

const wrong = (reason: string): AskedRequest => ({ method: '', checked: refused(reason) })

function readTarget(written: string, host: string, question: CheckedRequest): CheckedRequest | RefusedRequest {
  const target = parseTarget(written)
  if (!target.ok) return refused(target.reason, target.code)
  if (!target.isCanonical) return refused(notCanonical)
  const { path, query } = target
  const { authorization, authorizationCount } = question
  return { ok: true, path, query, host, bodyLength: 0, authorization, authorizationCount }
}
