import type { Dispatcher } from 'undici'
import type { HealthCheck } from './upstream-options.ts'

/** Sends a request on a connection of the upstream's. */
type Dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => void

/**
 * Asks an upstream again and again whether it is well: a GET that is answered in full, with 2xx, in time. The next question waits for
 * the answer to the one before. `stop` ends it.
 */
export function startHealthChecks(
  check: HealthCheck,
  dispatch: Dispatch,
  onChecked: (isWell: boolean) => void,
): { stop(): void } {
  let stopped = false
  let timer: NodeJS.Timeout
  const again = (isWell: boolean): void => {
    if (stopped) return
    onChecked(isWell)
    timer = setTimeout(ask, check.every).unref()
  }
  const ask = (): void => askOnce(check, dispatch, again)
  timer = setTimeout(ask, 0).unref()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function askOnce({ path, timeout }: HealthCheck, dispatch: Dispatch, onDone: (isWell: boolean) => void): void {
  let abort: ((reason?: Error) => void) | undefined
  let over = false
  let isWell = false
  const finish = (found: boolean): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    onDone(found)
  }
  const timer = setTimeout(() => {
    abort?.()
    finish(false)
  }, timeout).unref()
  const options = { path, method: 'GET' as const, headers: ['user-agent', 'gatehouse-health'] }
  const handler: Dispatcher.DispatchHandler = {
    onConnect(giveUp) {
      abort = giveUp
      if (over) throw new Error('It was given up while it waited for a connection')
    },
    onHeaders(status) {
      isWell = status >= 200 && status < 300
      return true
    },
    // Nobody reads it, and nobody waits for one that goes on and on.
    onData: () => true,
    onComplete: () => finish(isWell),
    onError: () => finish(false),
  }
  try {
    dispatch(options, handler)
  } catch {
    finish(false)
  }
}
