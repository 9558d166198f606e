import { IncomingMessage } from 'node:http'
import type { WaitingForm } from '@gatehouse/core/contracts'
import type { ErrorCode } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { keptFormParameter } from '@gatehouse/core/wire-names'
import { type CheckedRequest, checkMessage } from './check-request.ts'
import { type Denial, isDenial } from './denial.ts'
import { findRoute } from './match.ts'
import type { RouteTable } from './routes.ts'
import type { Visit } from './visit.ts'

/** How the query ends of a request that stands for a form that is kept. */
const standsFor = new RegExp(`(?:^|&)${keptFormParameter}=([\\w-]{43})$`)

/** Greatest body of such a request, in bytes: there is nothing to say beside the button. */
const ownBodyLimit = 1024

/** The id of the form that a request to a browser app stands for; absent for nearly all. */
export function findFormId(table: RouteTable, method: string | undefined, checked: CheckedRequest): string | undefined {
  const { host, path, query, bodyLength } = checked
  if (method !== 'POST' || query === '' || bodyLength < 0 || bodyLength > ownBodyLimit) return undefined
  const id = standsFor.exec(query)?.[1]
  const route = id && findRoute(table, { host, path, method })
  return route && !isDenial(route) && route.service.session ? id : undefined
}

/**
 * The request that a form was, as its sender sends it now: their present headers and connection, and its own target, type and
 * body. `undefined` where it was sent to another place than this request is.
 */
export function rebuildForm(
  request: IncomingMessage,
  checked: CheckedRequest,
  form: WaitingForm,
): { readonly request: IncomingMessage; readonly checked: CheckedRequest } | undefined {
  const query = checked.query.replace(standsFor, '')
  if (form.target !== (query === '' ? checked.path : `${checked.path}?${query}`)) return undefined
  const rebuilt = new FormRequest(request, form)
  const outcome = checkMessage(rebuilt)
  if (!outcome.ok) return undefined
  // What the button itself has sent is of no interest.
  request.resume()
  return { request: rebuilt, checked: outcome }
}

/** Headers that say what a body is. */
const ofBody: ReadonlySet<string> = new Set(['content-type', 'content-length', 'content-encoding', 'transfer-encoding'])

/** A request whose body is here already. Destroying it leaves its connection alone, which is that of another. */
class FormRequest extends IncomingMessage {
  constructor(request: IncomingMessage, { target, type, body }: WaitingForm) {
    super(request.socket)
    const bytes = Buffer.from(body, 'latin1')
    this.method = 'POST'
    this.url = target
    this.httpVersion = request.httpVersion
    this.httpVersionMajor = request.httpVersionMajor
    this.httpVersionMinor = request.httpVersionMinor
    const raw = request.rawHeaders
    this.rawHeaders = raw.filter((_, index) => !ofBody.has(raw[index - (index % 2)]?.toLowerCase() ?? ''))
    this.rawHeaders.push('content-type', type, 'content-length', String(bytes.length))
    const { 'transfer-encoding': _coding, 'content-encoding': _encoding, ...headers } = request.headers
    this.headers = { ...headers, 'content-type': type, 'content-length': String(bytes.length) }
    this.complete = true
    this.push(bytes)
    this.push(null)
  }

  override _read(): void {}

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    process.nextTick(callback)
  }
}

/** Nobody but who has signed in for a form sends it. Code: forbidden. */
export function checkSender({ form, token, route }: Visit): Denial | undefined {
  if (form === undefined || token?.claims.sub === form.sender) return undefined
  const needed = route?.requirement.needed ?? ''
  return { code: 'forbidden', reason: 'the form was kept for somebody else', needed }
}

/** Uses the form of a visit up, and goes on only where nobody has sent it before. */
export async function takeForm(visit: Visit, form: WaitingForm): Promise<Denial | undefined> {
  visit.form = undefined
  if (!(await form.take())) return noForm
  visit.usedForm = form
  return undefined
}

/**
 * Keeps a form on that was used up for nothing, since no service has heard of it: its sender shall not have to type it anew. Where that
 * fails, the visit has no form any more.
 */
export async function giveBack(visit: Visit): Promise<void> {
  const { usedForm } = visit
  if (usedForm === undefined || visit.sent) return
  visit.usedForm = undefined
  await usedForm.putBack().then(
    () => {
      visit.form = usedForm
    },
    () => undefined,
  )
}

/** Refusals that pass with time, so that sending the form again makes sense. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'too_many_requests',
  'temporarily_unavailable',
  'bad_gateway',
  'gateway_timeout',
])

/** The id of the form that a refused request stands for, where it waits all the same; its sender may try once more. */
export const findWaitingId = ({ form }: Visit, { code }: Denial): string | undefined =>
  passing.has(code) ? form?.id : undefined

/** The answer where there is no form any more: the page that says so. */
export const noForm: Denial = {
  code: 'not_found',
  status: 303,
  reason: 'the form has been sent already, was kept for too long, or is another browser’s',
  needed: 'a form that waits',
  headers: ['location', paths.appForm],
}
