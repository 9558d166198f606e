import { mayHaveSession } from './authenticate/browser-session.ts'
import type { Denial } from './denial.ts'
import type { Pipeline } from './journey.ts'
import { checkRule, match } from './stages.ts'
import type { Visit } from './visit.ts'

/**
 * Whether a request that was let through by other routes is let through by these: as it was made, at the moment at which it was
 * made, by the caller who was found then. Nobody's token is verified anew, nothing is counted, and nobody outside is asked.
 * Leaves its new route in the visit.
 */
export function judgeAgain(pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { checked, route: before } = visit
  if (!checked.ok || before === undefined) return undefined
  const denied = match(pipeline, visit, checked)
  const { route, token } = visit
  if (denied !== undefined || route === undefined) return denied
  if (route.requirement.credentials !== 'ignored' && token !== undefined) {
    const accepted = mayHaveSession(route, checked) === mayHaveSession(before, checked)
    if (!accepted || !token.audiences.some((audience) => route.service.audiences.includes(audience)))
      return otherCredentials(route.requirement.needed)
  }
  return checkRule(pipeline, visit, checked)
}

const otherCredentials = (needed: string): Denial => ({
  code: 'invalid_token',
  reason: 'the route does not take the token, or the session, that the stream was opened by',
  needed,
})
