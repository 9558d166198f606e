import { detourFor } from './authenticate/sign-in-detour.ts'
import type { CheckedRequest } from './check-request.ts'
import type { Denial } from './denial.ts'
import { toService } from './endings.ts'
import { type Ending, type Pipeline, routeOf } from './journey.ts'
import { giveBack } from './kept-form.ts'
import { observe } from './observe.ts'
import { denyFault, unreadable } from './pipeline-denials.ts'
import { stages } from './stages.ts'
import type { Visit } from './visit.ts'

/**
 * Takes one request through every stage, and to its ending: a service, unless said otherwise. What no stage lets through
 * never gets there. Cost: no I/O before the ending, but for a proof of possession, which is written down so that it counts
 * once, where the rule of a route names somebody to ask, and where it says no for a role that a second factor may bring.
 */
export function runPipeline(pipeline: Pipeline, visit: Visit, ending: Ending = toService): void {
  const { checked } = visit
  if (!checked.ok) ending.refuse(pipeline, visit, unreadable(checked))
  else proceed({ pipeline, visit, checked, ending }, 0)
}

/** One request on its way. */
interface Journey {
  readonly pipeline: Pipeline
  readonly visit: Visit
  readonly checked: CheckedRequest
  readonly ending: Ending
}

function proceed(journey: Journey, from: number): void {
  const { pipeline, visit, checked } = journey
  let denial: Denial | undefined
  try {
    for (let index = from; index < stages.length; index += 1) {
      const outcome = stages[index]?.(pipeline, visit, checked)
      if (outcome === undefined) continue
      if (outcome instanceof Promise) {
        return void pipeline.undecided.during(() => proceedAfter(journey, outcome, index + 1))
      }
      return deny(journey, outcome)
    }
    denial = finish(journey)
  } catch (thrown) {
    denial = denyFault(thrown)
  }
  if (denial !== undefined) deny(journey, denial)
}

/** Goes on when a stage that had to wait is done. */
async function proceedAfter(journey: Journey, outcome: Promise<Denial | undefined>, next: number): Promise<void> {
  const { pipeline, visit } = journey
  let denial: Denial | undefined
  try {
    denial = (await outcome) ?? checkStillGood(pipeline, visit)
  } catch (thrown) {
    denial = denyFault(thrown)
  }
  // The client has gone meanwhile: there is nobody to do anything for.
  if (visit.response.destroyed) {
    pipeline.onAnswer?.(visit.route?.name ?? '', 499, 0)
    await giveBack(visit)
  } else if (denial !== undefined) deny(journey, denial)
  else proceed(journey, next)
}

/** What was revoked while a stage waited is in nobody's list of what is running: it is found here, or never. */
function checkStillGood({ isRevoked }: Pipeline, { token, route }: Visit): Denial | undefined {
  if (token === undefined || isRevoked?.(token) !== true) return undefined
  const needed = route?.requirement.needed ?? ''
  return { code: 'invalid_token', reason: 'revoked meanwhile', needed, challenge: { error: 'invalid_token' } }
}

/** Says no, or sends to sign in who looks at a page. */
function deny({ pipeline, visit, checked, ending }: Journey, denial: Denial): void {
  const detour = visit.allowed ? undefined : detourFor(pipeline, visit, checked, denial)
  if (detour === undefined) return ending.refuse(pipeline, visit, denial)
  detour.catch(denyFault).then((answer) => {
    if (visit.response.destroyed) pipeline.onAnswer?.(visit.route?.name ?? '', 499, 0)
    else ending.refuse(pipeline, visit, answer)
  })
}

function finish({ pipeline, visit, checked, ending }: Journey): Denial | undefined {
  const route = routeOf(visit)
  visit.allowed = true
  pipeline.onDecision?.({ route: route.name, outcome: 'allowed' })
  observe(pipeline, visit, checked, route)
  return ending.pass(pipeline, visit, checked, route)
}
