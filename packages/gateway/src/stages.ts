import type { VerifiedToken } from '@gatehouse/core/contracts'
import type { DpopProof } from '@gatehouse/guard/dpop'
import { authenticate } from './authenticate/access-token.ts'
import { findBySession, mayHaveSession } from './authenticate/browser-session.ts'
import { denyProof } from './authenticate/dpop-proof.ts'
import type { AskedRequest } from './authorize/asked-request.ts'
import { askRemote, checkRequirement } from './authorize/check-requirement.ts'
import { explainByFactor } from './authorize/factor-of-role.ts'
import type { CheckedRequest } from './check-request.ts'
import { type Denial, isDenial } from './denial.ts'
import { type Outcome, type Pipeline, routeOf } from './journey.ts'
import { checkSender, takeForm } from './kept-form.ts'
import { findRoute } from './match.ts'
import { takeRates } from './traffic/route-rates.ts'
import type { Visit } from './visit.ts'

/** One stage. What it finds out is left in the visit for those after it. */
type Stage = (pipeline: Pipeline, visit: Visit, checked: CheckedRequest) => Outcome

/**
 * The way of every request, in this order. The first stage that says no decides the answer. What can be used once, a proof of
 * possession or a form that was kept, is used up last, so that a request which is refused for something else uses up nothing.
 */
export const stages: readonly Stage[] = [
  match,
  limitAddress,
  findCaller,
  findSender,
  limitCaller,
  checkRuleOrFactor,
  checkBody,
  askOutside,
  limitRoute,
  useProof,
  useForm,
]

/** Finds the route. */
export function match({ table }: Pipeline, visit: Visit, { host, path }: CheckedRequest): Denial | undefined {
  const found = findRoute(table, { host, path, method: visit.method })
  if (isDenial(found)) return found
  visit.route = found
  return undefined
}

/** Before anything is verified, so that a flood costs no signature. */
function limitAddress(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { rates } = routeOf(visit)
  return rates && takeRates(rates.byAddress, visit)
}

/** Before the rule, so that who is refused again and again is counted too. */
function limitCaller(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { rates } = routeOf(visit)
  return rates && takeRates(rates.byCaller, visit)
}

/** After the rule, so that strangers cannot use up what everybody shares. */
function limitRoute(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { rates } = routeOf(visit)
  return rates && takeRates(rates.byRoute, visit)
}

function findCaller(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Outcome {
  const route = routeOf(visit)
  if (route.requirement.credentials === 'ignored') return undefined
  const found = mayHaveSession(route, checked)
    ? findBySession(pipeline, visit, checked, route)
    : authenticate(pipeline, visit, checked, route)
  return found instanceof Promise ? found.then((token) => noteCaller(visit, token)) : noteCaller(visit, found)
}

function findSender(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  return checkSender(visit)
}

function useForm(_pipeline: Pipeline, visit: Visit): Outcome {
  return visit.form && takeForm(visit, visit.form)
}

function noteCaller(visit: Visit, found: VerifiedToken | Denial | undefined): Denial | undefined {
  if (found !== undefined && isDenial(found)) return found
  visit.token = found
  return undefined
}

/** Checks who calls, and what for, against the route's rule. */
export function checkRule(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Denial | undefined {
  const { requirement, parameters } = routeOf(visit)
  return checkRequirement(requirement, parameters, new Asked(pipeline, visit, checked))
}

/** As {@link checkRule}; a no for want of a second factor says so. */
function checkRuleOrFactor(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Outcome {
  const denial = checkRule(pipeline, visit, checked)
  const { supposeTwoFactors } = pipeline
  if (denial === undefined || supposeTwoFactors === undefined) return denial
  const { requirement, parameters } = routeOf(visit)
  return explainByFactor(supposeTwoFactors, denial, requirement, parameters, new Asked(pipeline, visit, checked))
}

/** Asks whom the rule names, once all else holds. */
export function askOutside(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Outcome {
  const { requirement, parameters } = routeOf(visit)
  if (requirement.remote === undefined) return undefined
  return askRemote(requirement, parameters, new Asked(pipeline, visit, checked))
}

/** One shape without a closure: it is made for every request, and read by few rules. */
class Asked implements AskedRequest {
  readonly token: VerifiedToken | undefined
  readonly now: number
  readonly method: string
  readonly host: string
  readonly path: string
  readonly query: string
  readonly #pipeline: Pipeline
  readonly #request: Visit['request']

  constructor(pipeline: Pipeline, { token, startedAt, method, request }: Visit, { host, path, query }: CheckedRequest) {
    this.token = token
    this.now = startedAt
    this.method = method
    this.host = host
    this.path = path
    this.query = query
    this.#pipeline = pipeline
    this.#request = request
  }

  findAddress(): string | undefined {
    return this.#pipeline.findAddress(this.#request)
  }
}

function checkBody(_pipeline: Pipeline, visit: Visit, { bodyLength }: CheckedRequest): Denial | undefined {
  const { bodyLimit } = routeOf(visit)
  if (bodyLength <= bodyLimit) return undefined
  const [reason, needed] = [`a body of ${bodyLength} bytes`, `a body of at most ${bodyLimit} bytes`]
  return { code: 'payload_too_large', reason, needed, close: true }
}

/** Uses a proof up, and goes on only where nobody has used it before. What cannot be written down is not let through. */
function useProof(pipeline: Pipeline, visit: Visit): Outcome {
  const { proof } = visit
  return proof === undefined ? undefined : consume(pipeline, proof, routeOf(visit).requirement.needed)
}

async function consume({ dpop }: Pipeline, proof: DpopProof, needed: string): Promise<Denial | undefined> {
  return (await dpop?.consume(proof)) === true ? undefined : denyProof('replayed', needed)
}
