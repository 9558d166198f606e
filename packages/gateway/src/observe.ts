import { ServerResponse } from 'node:http'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import type { ErrorCode } from '@gatehouse/core/errors'
import { type Authenticator, authenticate } from './authenticate/access-token.ts'
import { type BrowserSessionFinder, findBySession, mayHaveSession } from './authenticate/browser-session.ts'
import { askRemote, checkRequirement } from './authorize/check-requirement.ts'
import type { CheckedRequest } from './check-request.ts'
import { type Denial, isDenial } from './denial.ts'
import type { RefusalEntry } from './refuse.ts'
import type { Route } from './route.ts'
import { Visit } from './visit.ts'

/** What the log says of a request that the observed rule would have refused. It was let through. */
export type ObservationEntry = Omit<RefusalEntry, 'decision_id' | 'status'>

/** What observing needs of the gateway. */
export interface Observer extends Authenticator, BrowserSessionFinder {
  readonly findAddress: (request: Visit['request']) => string | undefined
  /** What a rule that is only observed would have decided; `fault`: it could not be evaluated. */
  readonly onObservation?: ((route: string, outcome: 'allowed' | 'fault' | ErrorCode) => void) | undefined
  readonly logObservation?: ((entry: ObservationEntry) => void) | undefined
}

/**
 * Looks at a request that has been let through with the rule that its route only observes: counts what that would have
 * decided, and logs what it would have refused. Whatever happens in it, the request goes on as if it were not there.
 */
export function observe(observer: Observer, visit: Visit, checked: CheckedRequest, route: Route): void {
  if (route.observed === undefined) return
  look(observer, visit, checked, { ...route, requirement: route.observed }, route).catch(() =>
    observer.onObservation?.(route.name, 'fault'),
  )
}

async function look(
  observer: Observer,
  visit: Visit,
  checked: CheckedRequest,
  ofObserved: Route,
  route: Route,
): Promise<void> {
  await judge(observer, visit, checked, ofObserved, await findCaller(observer, visit, checked, route, ofObserved))
}

type Caller = VerifiedToken | Denial | undefined

/** Who calls is known, unless only the observed rule asks; then nothing of the visit is touched by finding out. */
function findCaller(observer: Observer, visit: Visit, checked: CheckedRequest, route: Route, ofObserved: Route) {
  const { requirement } = ofObserved
  if (route.requirement.credentials !== 'ignored' || requirement.credentials === 'ignored') return visit.token
  const { request, requestId, address, startedAt, method } = visit
  // An answer that nobody gets: a proof of possession may say in it which nonce to use.
  const shadow = new Visit(request, new ServerResponse(request), checked, requestId, address, startedAt, method)
  if (mayHaveSession(ofObserved, checked)) return findBySession(observer, shadow, checked, ofObserved)
  // Failed signatures are not counted against anybody here: nobody was asked for a token.
  return authenticate({ ...observer, allowFailure: () => true }, shadow, checked, ofObserved)
}

async function judge(
  observer: Observer,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  caller: Caller,
): Promise<void> {
  const token = caller === undefined || isDenial(caller) ? undefined : caller
  const { requirement, parameters } = route
  const { host, path, query } = checked
  const asked = {
    ...{ token, now: visit.startedAt, method: visit.method, host, path, query },
    findAddress: () => observer.findAddress(visit.request),
  }
  const denial =
    caller !== undefined && isDenial(caller)
      ? caller
      : (checkRequirement(requirement, parameters, asked) ?? (await askRemote(requirement, parameters, asked)))
  observer.onObservation?.(route.name, denial?.code ?? 'allowed')
  if (denial === undefined) return
  const { code, rule = '', reason, needed } = denial
  observer.logObservation?.({
    ...{ request_id: visit.requestId, code, route: route.name, method: visit.method, host, path },
    ...{ address: visit.address, subject: token?.claims.sub ?? '', client_id: token?.claims.client_id ?? '' },
    ...{ rule: rule.replace(/^require\b/, 'observe'), reason, needed },
  })
}
