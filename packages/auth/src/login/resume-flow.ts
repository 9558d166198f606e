import { GatehouseError } from '@gatehouse/core/errors'
import type { BegunFlow, Flows } from '../flow/flows.ts'
import type { BrowserRequest } from '../http/endpoint.ts'

/**
 * What somebody was in the middle of when they asked for a mail, where that goes on in this browser; else a sign-in for its
 * own sake.
 */
export async function resumeFlow(
  { flows }: { readonly flows: Flows },
  http: BrowserRequest,
  id: string | undefined,
): Promise<BegunFlow> {
  try {
    if (id !== undefined) return { flow: await flows.get(http, id), cookies: [] }
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'not_found') throw error
  }
  return flows.begin(http, { kind: 'sign_in', parameters: '{}' })
}
