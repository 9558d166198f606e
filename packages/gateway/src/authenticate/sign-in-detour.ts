import type { IncomingMessage } from 'node:http'
import type { CheckedRequest } from '../check-request.ts'
import type { Denial } from '../denial.ts'
import { takeForm } from '../kept-form.ts'
import type { Visit } from '../visit.ts'
import { type BrowserSessionFinder, isFromItself, mayHaveSession, opensWebSocket } from './browser-session.ts'

/** Greatest form that is kept while its sender signs in, in bytes (64 KiB). */
const keptFormLimit = 65_536

/** The types that a form can have. Spec: HTML, form submission attributes. */
const formTypes: ReadonlySet<string> = new Set([
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
])

/** The denials that a sign-in can mend. */
const mendable: ReadonlySet<string> = new Set(['credentials_required', 'insufficient_user_authentication'])

/**
 * What becomes of a denial where a person looks at a page of a browser app and a sign-in would mend it: they are sent to sign
 * in, and back. `undefined` for everything else; a script gets the denial as it is, never a redirect.
 */
export function detourFor(
  finder: BrowserSessionFinder,
  visit: Visit,
  checked: CheckedRequest,
  denial: Denial,
): Promise<Denial> | undefined {
  const { route, request } = visit
  if (!finder.apps || !route || !mayHaveSession(route, checked) || !mendable.has(denial.code)) return undefined
  const isForm = isSentForm(finder, visit, checked)
  return isForm || isPageVisit(visit) ? begin(finder.apps, visit, checked, denial, isForm, request) : undefined
}

async function begin(
  apps: NonNullable<BrowserSessionFinder['apps']>,
  visit: Visit,
  checked: CheckedRequest,
  denial: Denial,
  keepForm: boolean,
  request: IncomingMessage,
): Promise<Denial> {
  // It is kept anew, and must not be sent twice.
  const { form } = visit
  const gone = form && (await takeForm(visit, form))
  if (gone !== undefined) return gone
  const { location, cookies } = await apps.begin(request, {
    host: checked.host,
    returnTo: checked.query === '' ? checked.path : `${checked.path}?${checked.query}`,
    address: visit.address,
    keepForm,
    sender: form?.sender,
    // Without a session it may be from whoever sits at the browser, and does not go by itself.
    asks: visit.token === undefined,
    // To be asked for, it would have to be reachable: who has no second factor yet sets one up.
    acrValues: denial.isAskedByItself ? undefined : denial.challenge?.acrValues,
    maxAge: denial.challenge?.maxAge,
  })
  // It waits anew: there is nothing to put back.
  visit.usedForm = undefined
  const { code, reason, needed } = denial
  const headers = ['location', location, ...cookies.flatMap((cookie) => ['set-cookie', cookie])]
  return { code, status: 303, reason: `${reason}; sent to sign in`, needed, headers }
}

/** Whether somebody goes to a page, in a window of its own. */
const isPageVisit = (visit: Visit): boolean => visit.method === 'GET' && isForPerson(visit)

/** Whether a person will look at the answer. Browsers that do not say so are known by what they accept. */
export function isForPerson({ method, request }: Visit): boolean {
  const { headers } = request
  if ((method !== 'GET' && method !== 'POST') || opensWebSocket(request)) return false
  const mode = headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate' && (headers['sec-fetch-dest'] ?? 'document') === 'document'
  return headers.accept?.includes('text/html') === true && headers['x-requested-with'] === undefined
}

/** Whether it is a form that a page of the app has sent, and small enough to be kept. */
function isSentForm(finder: BrowserSessionFinder, { method, request }: Visit, checked: CheckedRequest): boolean {
  const { headers } = request
  return (
    method === 'POST' &&
    checked.bodyLength > 0 &&
    checked.bodyLength <= keptFormLimit &&
    formTypes.has(headers['content-type']?.toLowerCase().split(';', 1)[0]?.trim() ?? '') &&
    headers['content-encoding'] === undefined &&
    (headers['sec-fetch-mode'] ?? 'navigate') === 'navigate' &&
    headers.accept?.includes('text/html') === true &&
    isFromItself(finder, request, checked)
  )
}
