import type { Dispatcher } from 'undici'
import type { Visit } from '../visit.ts'
import type { RequestBody } from './request-body.ts'
import { sendAgain } from './resent-body.ts'
import { isUnprocessed } from './unprocessed.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamSet } from './upstream-set.ts'

/** Methods that may be sent once more after a failure to connect. Spec: RFC 9110 section 9.2.2. */
export const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/** A request that has failed, before anything of an answer came. */
interface Failed {
  readonly upstreams: UpstreamSet
  readonly upstream: Upstream
  /** As it was sent; its body is put in the place of the one that was read. */
  readonly options: Dispatcher.DispatchOptions
  readonly visit: Visit
}

/**
 * Where a request may be sent once more; absent where it may not. What a service says it has not taken may be sent again whatever
 * it asks for, as long as its body is still there from the beginning; what nobody was reached for, only elsewhere, without a body,
 * and where it changes nothing twice. `now` in milliseconds.
 */
export function findSecond(
  { upstreams, upstream, options, visit }: Failed,
  body: RequestBody | null,
  error: Error,
  nothingSent: boolean,
  now: number,
): Upstream | undefined {
  if (isUnprocessed(error)) {
    const again = body && sendAgain(body)
    if (again === undefined || !upstreams.mayRetry(now)) return undefined
    options.body = again
    return upstreams.takeAgain(now, upstream, visit)
  }
  if (!nothingSent || body !== null || !idempotent.has(options.method)) return undefined
  return upstreams.mayRetry(now) ? upstreams.take(now, upstream, visit) : undefined
}
